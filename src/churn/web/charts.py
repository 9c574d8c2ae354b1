"""Plots as the pages show them: drawn here as SVG, so that they need no script and no inline style.

The page's own small script only adds what a value says to a reader who points at it, and hides all choices of a
plot but one. A library that draws in the browser would need `style-src 'unsafe-inline'`, and megabytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from churn.report.blocks import Plot, Table
from churn.report.svg import spots, svg

NARROW: Final = 360
HALF: Final = 560
FULL: Final = 1100
"""Widths of drawings: for telephones, for half a page, for a whole one; letters are of one size in all of them."""

WIDE: Final = ("activity_by_date",)
"""Plots that have the width of the page."""

MOST_CHOICES: Final = 12
MOST_SPOTS: Final = 400
"""Values of a drawing that can be pointed at; of more, every so-many-th."""


@dataclass(frozen=True)
class Drawing:
    """A picture of one width.

    Attributes:
        kind: broad or narrow; the page shows the one that fits.
        picture: SVG; every text in it is escaped.
        spots: JSON: a list of [x, y, text].
    """

    kind: str
    picture: Markup
    spots: str


@dataclass(frozen=True)
class View:
    """One choice of a chart."""

    name: str
    drawings: Sequence[Drawing]


@dataclass(frozen=True)
class Chart:
    """A plot, ready for a template.

    Attributes:
        name: identifies it on its page.
        title: what it shows.
        alt: what it says, in words.
        csv: the file of the run that holds its numbers; empty for figures of one user.
        views: by choice; the first is shown first.
        full: it has the width of the page.
    """

    name: str
    title: str
    alt: str
    csv: str
    views: Sequence[View]
    full: bool


def chart(plot: Plot, width: int = HALF) -> Chart | None:
    """Draw a plot, for telephones and with another width; None if there is not one value in it."""
    if plot.empty:
        return None
    chosen = list(plot.choices.items())[:MOST_CHOICES]
    views = [_view(replace(plot, choices={name: series}), name, width) for name, series in chosen]
    return Chart(plot.name, plot.title, plot.alt, plot.csv, views, width == FULL)


def charts_of(blocks: Sequence[object]) -> list[Chart | Table]:
    """The plots of a section of the report that have something to draw, and its open tables."""
    found: list[Chart | Table] = []
    for block in blocks:
        if isinstance(block, Plot):
            drawn = chart(block, FULL if block.name in WIDE else HALF)
            found += [drawn] if drawn else []
        elif isinstance(block, Table) and not block.folded:
            found.append(block)
    return found


def _view(plot: Plot, name: str, width: int) -> View:
    title = replace(plot, title=f"{plot.title}: {name}" if name else plot.title)
    return View(name, [_drawing(title, "broad", width), _drawing(title, "narrow", NARROW)])


def _drawing(plot: Plot, kind: str, width: int) -> Drawing:
    found = spots(plot, width=width)
    kept = found[:: max(1, -(-len(found) // MOST_SPOTS))]
    said = [[round(spot.x, 1), round(spot.y, 1), spot.text] for spot in kept]
    picture = Markup(svg(plot, alone=False, width=width))  # every text in it has been escaped
    return Drawing(kind, picture, json.dumps(said, ensure_ascii=False, separators=(",", ":")))
