"""Sections to one HTML file that needs nothing outside it, and lets nothing from outside in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import metadata, resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from churn.report.blocks import Block, Section
from churn.report.summarise import as_json, plots
from churn.report.svg import DARK_VARIABLES, LIGHT_VARIABLES, svg

_SOFT: Final = {"light": "--soft:#f3f4f6;", "dark": "--soft:#22272e;"}

_THEMES: Final = (
    f":root{{color-scheme:light dark;{LIGHT_VARIABLES}{_SOFT['light']}}}"
    f"@media (prefers-color-scheme: dark){{:root{{{DARK_VARIABLES}{_SOFT['dark']}}}}}"
    f':root[data-theme="light"]{{color-scheme:light;{LIGHT_VARIABLES}{_SOFT["light"]}}}'
    f':root[data-theme="dark"]{{color-scheme:dark;{DARK_VARIABLES}{_SOFT["dark"]}}}'
    f"@media print{{:root{{{LIGHT_VARIABLES}{_SOFT['light']}}}}}"
)


def render(title: str, subtitle: str, sections: Sequence[Section], *, links: bool = True) -> str:
    """The page.

    Scripts run only if their hash is in the page's policy, so a script that a log smuggles into a text would
    not run even if it were not escaped; and the policy lets the browser ask no other computer for anything.

    Args:
        title: of the page.
        subtitle: below it.
        sections: what to show.
        links: whether the files with the numbers lie beside the page.
    """
    drawn = plots(list(sections))
    data = _in_script(json.dumps([as_json(plot) for plot in drawn], ensure_ascii=False, allow_nan=False))
    library, script = _library(), _asset("page.js")
    hashes = " ".join(f"'sha256-{_sha256(text)}'" for text in (library, script))
    page = _environment().get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        pictures={plot.name: Markup(svg(plot, alone=False)) for plot in drawn},
        kind_of=_kind_of,
        links=links,
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:",
        style=Markup(_THEMES + _asset("style.css")),
        plots_json=Markup(data),
        library=Markup(library),
        script=Markup(script),
        version=metadata.version("sparkify-churn"),
    )  # fmt: skip
    return page + "\n"


def _kind_of(block: Block) -> str:
    return type(block).__name__.lower()


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("churn.report"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=False)  # fmt: skip


@cache
def _asset(name: str) -> str:
    return (resources.files("churn.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _library() -> str:
    """Plotly as one script, from the package that brings it; its Python side is not loaded."""
    text = (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")


def _in_script(text: str) -> str:
    """JSON that a script element can hold: no `<`, so it cannot be ended from inside."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
