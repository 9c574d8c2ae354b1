"""Draw the closing summary of a finished run: python docs/make_summary.py RUN docs/summary.svg."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from churn.cli.console import render
from churn.summary import Score, Summary

FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" \
aria-label="closing summary of churn run">
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; \
line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: arial; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" \
height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
"""Rich's own picture fetches a font from the network; this one does not."""


def main(run: str, target: str) -> None:
    found = json.loads((Path(run) / "run.json").read_text(encoding="utf-8"))
    summary = Summary(**{**found["summary"], "scores": [Score(**score) for score in found["summary"]["scores"]]})
    console = Console(record=True, width=96, file=StringIO(), force_terminal=True)
    console.print(render(summary, found["settings"]["horizon"]))
    svg = console.export_svg(title="churn run", theme=SVG_EXPORT_THEME, code_format=FORMAT, unique_id="churn")
    Path(target).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
