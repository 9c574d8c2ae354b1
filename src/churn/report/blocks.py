"""What a page is built of: plain values that JSON can hold, made without HTML and testable without it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

LONGEST: Final = 120
"""Characters of a text of the log that are shown; a name may have ten thousand."""

Kind = Literal["line", "bar", "points"]


@dataclass(frozen=True)
class Series:
    """One line, set of bars or set of points.

    Attributes:
        name: in the legend.
        x: numbers, dates like 2018-10-01, or names of categories.
        y: heights, as many; nan where there is none.
        kind: how it is drawn.
        low: lower ends of the intervals of y; empty without.
        high: upper ends.
        notes: what is said of each point beside its values; empty without.
        colour: index into the palette; 0 is for what is compared with, and grey.
        dashed: a line that is only there for orientation.
    """

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    kind: Kind = "line"
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    notes: Sequence[str] = ()
    colour: int = 1
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis: its title with the unit, whether it shows percentages, and its ends where they are fixed."""

    title: str
    percent: bool = False
    ends: tuple[float, float] | None = None
    zero: bool = False


@dataclass(frozen=True)
class Plot:
    """A plot that is drawn twice: interactive in the page, and as an SVG picture.

    Attributes:
        name: identifies it; also the name of the picture.
        title: what it shows.
        alt: what a reader who cannot see it should know.
        x: the axis of `Series.x`.
        y: the axis of `Series.y`.
        choices: series by what can be chosen; one entry where nothing can.
        csv: the file with its numbers, below the run folder; several with ", " between.
        flat: names of categories run down the side.
        counted: rows of that file, where no step of the run has written it; the report does.
    """

    name: str
    title: str
    alt: str
    x: Axis
    y: Axis
    choices: dict[str, list[Series]]
    csv: str
    flat: bool = False
    counted: Sequence[Mapping[str, float]] = ()

    @property
    def empty(self) -> bool:
        """Whether there is not one value to draw."""
        return all(math.isnan(y) for series in self.choices.values() for s in series for y in s.y if not s.dashed)

    @property
    def first(self) -> list[Series]:
        """The series that are shown before anybody chooses."""
        return next(iter(self.choices.values()))


@dataclass(frozen=True)
class Table:
    """A table; `numeric`: columns aligned to the right; `folded`: hidden until asked for; `csv`: as in `Plot`."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    csv: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Tiles:
    """A few numbers with their names."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """A command to copy."""

    text: str


@dataclass(frozen=True)
class Missing:
    """What cannot be shown, and why, in a line."""

    text: str


Block: TypeAlias = Plot | Table | Words | Tiles | Code | Missing


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own."""

    name: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)


def count(value: float) -> str:
    """A whole number, with commas; a dash where it is unknown."""
    return "–" if math.isnan(value) else f"{value:,.0f}"


def percent(value: float, digits: int = 1) -> str:
    """A share as a percentage."""
    return "–" if math.isnan(value) else f"{value:.{digits}%}"


def decimal(value: float, digits: int = 3) -> str:
    """A number with so many digits after the point."""
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"


def sized(value: float) -> str:
    """A number with digits that suit its size."""
    size = abs(value)
    return decimal(value, 0 if size >= 1000 or value == 0 else 1 if size >= 100 else 2 if size >= 1 else 3)


def between(value: float, low: float, high: float, digits: int = 3) -> str:
    """A value with its interval."""
    if math.isnan(low) or math.isnan(high):
        return decimal(value, digits)
    return f"{decimal(value, digits)} ({decimal(low, digits)}–{decimal(high, digits)})"


def span(low: float, high: float) -> str:
    """Both ends of an interval of a share."""
    return f"{percent(low)}–{percent(high)}"


def apart(texts: Sequence[str], longest: int) -> list[str]:
    """`shown`, with a number behind those that would look the same, so that each keeps its own place in a plot."""
    found: list[str] = []
    for text in texts:
        name, k = shown(text, longest), 1
        while name in found:
            k += 1
            name = f"{shown(text, longest)} ({k})"
        found.append(name)
    return found


def shown(text: str, longest: int = LONGEST) -> str:
    """A text of the log, short enough for a page, without characters that steer a terminal or a page."""
    calm = "".join(c if c.isprintable() else " " for c in text[: longest + 1])
    return calm if len(text) <= longest else calm[:longest].rstrip() + "…"
