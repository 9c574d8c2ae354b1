"""A plot as an SVG picture: lines, bars and points with intervals; needs nothing but Python.

Colours are variables of the page where it is inside one, and follow light and dark on its own.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from churn.report.blocks import Axis, Plot, Series, percent, shown, sized

LIGHT: Final = ("#767676", "#0072b2", "#c04d00", "#008060", "#a64d87", "#8a6d00", "#3d3d3d")
DARK: Final = ("#a8a8a8", "#56b4e9", "#f0913c", "#2fc79b", "#e29ac4", "#e8cf4a", "#e6e6e6")
"""Made from the palette of Okabe and Ito, which readers with any colour vision tell apart."""

WIDTH: Final = 760
_HEIGHT: Final = 360
_NARROW: Final = 480
"""Below this width there is room for fewer ticks, shorter names, and titles in two lines."""
_ROW: Final = 22
_TITLE: Final = 20
_CHAR: Final = 6.6
_LABEL: Final = 40


def variables(palette: Sequence[str], ink: str, paper: str, rule: str) -> str:
    """CSS variables of one theme."""
    colours = "".join(f"--c{i}:{colour};" for i, colour in enumerate(palette))
    return f"--ink:{ink};--paper:{paper};--rule:{rule};{colours}"


LIGHT_VARIABLES: Final = variables(LIGHT, "#1c1c1c", "#ffffff", "#d9d9d9")
DARK_VARIABLES: Final = variables(DARK, "#ececec", "#16191d", "#3a4048")

_ALONE: Final = (
    f"<style>svg{{{LIGHT_VARIABLES}}}"
    f"@media (prefers-color-scheme: dark){{svg{{{DARK_VARIABLES}}}}}</style>"
    '<rect width="100%" height="100%" fill="var(--paper)"/>'
)


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether a value is a number inside."""
        return not math.isnan(value) and self.low <= value <= self.high


@dataclass(frozen=True)
class Spot:
    """A value in a picture: where it lies, in the units of the picture, and what it says."""

    x: float
    y: float
    text: str


def svg(plot: Plot, *, alone: bool = True, width: int = WIDTH) -> str:
    """The picture of a plot, of its first choice; `alone`: for a file of its own; `width`: in pixels."""
    series = plot.first
    drawing = _drawing(plot, width)
    body = "".join([*drawing.axes(), *(part for s in series for part in drawing.draw(s))])
    legend = _legend(series, drawing.height, width)
    height = drawing.height + (26 * legend.count("<g") if legend else 0)
    top = 0 if alone else _TITLE  # inside a page the title stands above the picture
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {top} {width} {height - top:.0f}" role="img" '
    label = f'aria-label="{escape(f"{plot.title}. {plot.alt}")}" '
    look = 'font-family="system-ui, sans-serif" font-size="12" fill="var(--ink)">'
    title = f'<text x="10" y="18" font-size="14" font-weight="600">{escape(plot.title)}</text>' if alone else ""
    return f"{head}{label}{look}{_ALONE if alone else ''}{title}{body}{legend}</svg>\n"


def spots(plot: Plot, *, width: int = WIDTH) -> list[Spot]:
    """The values in the picture of a plot that `svg` draws with the same width, for a reader who points at them."""
    drawing = _drawing(plot, width)
    found = []
    for s in plot.first:
        if s.dashed:
            continue
        for i, (x, y) in enumerate(zip(s.x, s.y, strict=True)):
            if drawing.value.holds(y):
                found.append(Spot(*drawing.at(s, x, y), _said(plot, s, i)))
    return found


def _drawing(plot: Plot, width: int) -> _Flat | _Upright:
    series = plot.first
    names = _categories(series)
    return _Flat(plot, series, names, width) if plot.flat and names else _Upright(plot, series, names, width)


def _said(plot: Plot, s: Series, i: int) -> str:
    x, y = s.x[i], _value(s.y[i], plot.y)
    place = _day(x) if isinstance(x, str) else tick_text(round(x, 4), plot.x)
    ends = f" ({_value(s.low[i], plot.y)} to {_value(s.high[i], plot.y)})" if len(s.low) else ""
    note = f"; {shown(s.notes[i], 80)}" if len(s.notes) and s.notes[i] else ""
    return f"{place}, {shown(s.name, _LABEL)}: {y}{ends}{note}"


def _value(value: float, axis: Axis) -> str:
    return percent(value) if axis.percent else sized(value)


def _line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {look}/>'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _bar(x: float, y: float, width: float, height: float, s: Series) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {size} fill="var(--c{s.colour})"/>'


def _dot(x: float, y: float, s: Series) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--c{s.colour})"/>'


def _whisker(s: Series) -> str:
    return f'stroke="var(--c{s.colour})" stroke-width="1.5"'


_RULE: Final = 'stroke="var(--rule)"'


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from low to high, about so many."""
    rough = (high - low) / max(about, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float, axis: Axis) -> str:
    """The label of a tick."""
    if axis.percent:
        return f"{value * 100:.6g} %"
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value / 1e6:,.6g} M"


def _categories(series: Sequence[Series]) -> list[str]:
    found: dict[str, None] = {}
    for s in series:
        found.update(dict.fromkeys(x for x in s.x if isinstance(x, str)))
    return list(found)


def _range(plot: Plot, series: Sequence[Series]) -> tuple[float, float]:
    if plot.y.ends:
        return plot.y.ends
    found = [v for s in series for v in (*s.y, *s.low, *s.high) if not math.isnan(v)]
    low, high = min(found, default=0.0), max(found, default=1.0)
    if plot.y.zero or any(s.kind == "bar" for s in series):
        low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * 0.05
    return (low if low == 0 else low - room), high + room


class _Upright:
    """Values upwards; categories, dates or numbers along the bottom."""

    def __init__(self, plot: Plot, series: Sequence[Series], names: list[str], width: int) -> None:
        self.plot, self.names, self.width, self.height = plot, names, width, float(_HEIGHT)
        self.bars = [s for s in series if s.kind == "bar"]
        low, high = _range(plot, series)
        self.value = Scale(low, high, _HEIGHT - (52 if width >= _NARROW else 66), 34)
        self.place = self._places(series)

    def _places(self, series: Sequence[Series]) -> Scale:
        if self.names:
            return Scale(-0.5, len(self.names) - 0.5, 66, self.width - 20)
        found = [float(x) for s in series for x in s.x]
        half = self._step() / 2 if self.bars else 0.0
        low, high = self.plot.x.ends or (min(found, default=0.0) - half, max(found, default=1.0) + half)
        return Scale(low, high if high > low else low + 1, 66, self.width - 20)

    def _step(self) -> float:
        """From one bar to the next."""
        if self.names:
            return 1.0
        places = sorted({float(x) for s in self.bars for x in s.x})
        return min((after - before for before, after in itertools.pairwise(places)), default=1.0)

    def x(self, value: float | str) -> float:
        return self.place(self.names.index(value) if isinstance(value, str) else value)

    def axes(self) -> list[str]:
        left, right, bottom = self.place.start, self.place.end, self.value.start
        parts = []
        for tick in ticks(self.value.low, self.value.high):
            y = self.value(tick)
            parts.append(_line(left, y, right, y, _RULE))
            parts.append(_text(left - 6, y + 4, tick_text(tick, self.plot.y), "end"))
        for place, text in self._marks():
            parts.append(_text(place, bottom + 17, text))
        parts += _title((left + right) / 2, bottom + 38, self.plot.x.title, self.width)
        turned = f"translate(14 {(self.value.start + self.value.end) / 2:.0f}) rotate(-90)"
        parts.append(f'<text transform="{turned}" text-anchor="middle">{escape(self.plot.y.title)}</text>')
        return parts

    def _marks(self) -> list[tuple[float, str]]:
        if not self.names:
            about = 8 if self.width >= _NARROW else 4
            return [(self.place(t), tick_text(t, self.plot.x)) for t in ticks(self.place.low, self.place.high, about)]
        texts = [_day(name) for name in self.names]
        longest = max(len(text) for text in texts)
        fits = max(int((self.place.end - self.place.start) / (longest * _CHAR + 10)), 1)
        every = math.ceil(len(texts) / fits)
        return [(self.place(i), text) for i, text in enumerate(texts) if i % every == 0]

    def at(self, s: Series, x: float | str, y: float) -> tuple[float, float]:
        """Where a value of a series lies."""
        return self.x(x) + (self._shift(s) if s.kind == "bar" else 0.0), self.value(y)

    def draw(self, s: Series) -> list[str]:
        points = [(self.x(x), y, i) for i, (x, y) in enumerate(zip(s.x, s.y, strict=True)) if self.value.holds(y)]
        if s.kind == "bar":
            return self._bars(s)
        parts = [self._band(s)] if s.kind == "line" and len(s.low) else []
        if s.kind == "line":
            path = " ".join(f"{x:.1f},{self.value(y):.1f}" for x, y, _ in points)
            dash = ' stroke-dasharray="5 5"' if s.dashed else ""
            parts.append(f'<polyline points="{path}" fill="none" stroke="var(--c{s.colour})" stroke-width="2"{dash}/>')
            return parts
        for x, y, i in points:
            if len(s.low):
                low, high = self.value(max(s.low[i], self.value.low)), self.value(min(s.high[i], self.value.high))
                parts.append(_line(x, low, x, high, _whisker(s)))
            parts.append(_dot(x, self.value(y), s))
        return parts

    def _wide(self) -> float:
        return abs(self.place(self._step()) - self.place(0)) * 0.8 / len(self.bars)

    def _shift(self, s: Series) -> float:
        """From the place of a category to the middle of a bar beside others."""
        return (self.bars.index(s) - (len(self.bars) - 1) / 2) * self._wide()

    def _bars(self, s: Series) -> list[str]:
        wide, shift = self._wide(), self._shift(s)
        zero, parts = self.value(max(0.0, self.value.low)), []
        for x, y in zip(s.x, s.y, strict=True):
            if not math.isnan(y):
                top = self.value(y)
                left = self.x(x) + shift - wide / 2
                parts.append(_bar(left, min(top, zero), max(wide - 1, 0.5), abs(zero - top), s))
        return parts

    def _band(self, s: Series) -> str:
        ends = [(self.x(x), lo, hi) for x, lo, hi in zip(s.x, s.low, s.high, strict=True) if not math.isnan(lo + hi)]
        above = [f"{x:.1f},{self.value(min(hi, self.value.high)):.1f}" for x, _, hi in ends]
        below = [f"{x:.1f},{self.value(max(lo, self.value.low)):.1f}" for x, lo, _ in reversed(ends)]
        return f'<polygon points="{" ".join(above + below)}" fill="var(--c{s.colour})" opacity="0.18"/>'


class _Flat:
    """Values to the right; categories down the side."""

    def __init__(self, plot: Plot, series: Sequence[Series], names: list[str], width: int) -> None:
        self.plot, self.names, self.width = plot, names, width
        self.bars = [s for s in series if s.kind == "bar"]
        self.beside = {name: [s for s in series if name in s.x] for name in names}
        self.count = max(len(beside) for beside in self.beside.values())
        row = _ROW + 8 * (self.count - 1)
        self.height = 34 + row * len(names) + (46.0 if width >= _NARROW else 60.0)
        self.letters = _LABEL if width >= _NARROW else _LABEL // 2
        label = min(max(len(shown(name, self.letters)) for name in names) * _CHAR + 18, 290)
        self.value = Scale(*_range(plot, series), label, width - 20)
        self.place = Scale(-0.5, len(names) - 0.5, 34, 34 + row * len(names))

    def axes(self) -> list[str]:
        top, bottom = self.place.start, self.place.end
        parts = []
        for tick in ticks(self.value.low, self.value.high, 6 if self.width >= _NARROW else 3):
            x = self.value(tick)
            parts.append(_line(x, top, x, bottom, _RULE))
            parts.append(_text(x, bottom + 16, tick_text(tick, self.plot.y)))
        for i, name in enumerate(self.names):
            parts.append(_text(self.value.start - 8, self.place(i) + 4, shown(name, self.letters), "end"))
        parts += _title((self.value.start + self.value.end) / 2, bottom + 38, self.plot.y.title, self.width)
        return parts

    def at(self, s: Series, x: float | str, y: float) -> tuple[float, float]:
        """Where a value of a series lies."""
        beside = self.beside[str(x)]
        shift = (beside.index(s) - (len(beside) - 1) / 2) * self._tall()
        return self.value(y), self.place(self.names.index(str(x))) + shift

    def _tall(self) -> float:
        return (self.place(1) - self.place(0)) * 0.8 / self.count

    def draw(self, s: Series) -> list[str]:
        tall = self._tall()
        zero, parts = self.value(max(0.0, self.value.low)), []
        for i, (name, value) in enumerate(zip(s.x, s.y, strict=True)):
            if not self.value.holds(value):
                continue
            x, y = self.at(s, name, value)
            if s.kind == "bar":
                parts.append(_bar(min(x, zero), y - tall / 2, abs(x - zero), max(tall - 1, 1.0), s))
                continue
            if len(s.low) and not math.isnan(s.low[i]):
                low, high = self.value(max(s.low[i], self.value.low)), self.value(min(s.high[i], self.value.high))
                parts.append(_line(low, y, high, y, _whisker(s)))
            parts.append(_dot(x, y, s))
        return parts


def _title(x: float, y: float, text: str, width: int) -> list[str]:
    """The title of an axis along the bottom, kept inside the picture; in two lines where there is little room."""
    room = int(min(x, width - x) * 2 / _CHAR)
    if width >= _NARROW or len(text) <= room:
        return [_text(x, y, text)]
    lines = textwrap.wrap(text, room, max_lines=2, placeholder=" …")
    return [_text(x, y + 14 * i, line) for i, line in enumerate(lines)]


def _legend(series: Sequence[Series], top: float, width: int) -> str:
    if len(series) < 2:
        return ""
    x, y = 66.0, top + 12
    lines: list[list[str]] = [[]]
    for s in series:
        wide = 28 + len(shown(s.name, 60)) * _CHAR + 14
        if x + wide > width and lines[-1]:
            lines.append([])
            x, y = 66.0, y + 22
        lines[-1].append(_bar(x, y - 9, 18, 9, s) + _text(x + 24, y, shown(s.name, 60), "start"))
        x += wide
    return "".join(f"<g>{''.join(line)}</g>" for line in lines)


def _day(name: str) -> str:
    """A date as day and month; any other name as it is."""
    try:
        found = date.fromisoformat(name)
    except ValueError:
        return shown(name, _LABEL)
    return f"{found.day} {found:%b}"
