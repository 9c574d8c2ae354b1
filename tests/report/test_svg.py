from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.report.blocks import Axis, Plot, Series
from churn.report.svg import svg, tick_text, ticks
from tests.report.logs import HOSTILE

NAMES = st.sampled_from([*HOSTILE[:4], *HOSTILE[5:7], "2018-10-01", "a", "b"])
VALUES = st.one_of(st.floats(-1e9, 1e9), st.just(math.nan), st.just(0.0))


@st.composite
def plots(draw: st.DrawFn) -> Plot:
    flat, named = draw(st.booleans()), draw(st.booleans())
    series = []
    for i in range(draw(st.integers(0, 3))):
        n = draw(st.integers(0, 5))
        x = draw(st.lists(NAMES if named else st.floats(-1e6, 1e6), min_size=n, max_size=n, unique=True))
        y = draw(st.lists(VALUES, min_size=n, max_size=n))
        low, high = ([v - 1 for v in y], [v + 1 for v in y]) if draw(st.booleans()) else ([], [])
        kind = draw(st.sampled_from(["line", "bar", "points"]))
        series.append(Series(draw(NAMES), x, y, kind, low, high, colour=i, dashed=draw(st.booleans())))
    axes = [Axis(draw(NAMES), percent=draw(st.booleans()), zero=draw(st.booleans())) for _ in "xy"]
    return Plot("p", draw(NAMES), draw(NAMES), axes[0], axes[1], {"": series}, "a.csv", flat=flat)


@given(plots())
def test_any_plot_is_a_picture_without_a_number_that_is_none(plot: Plot) -> None:
    for alone in (True, False):
        text = svg(plot, alone=alone)
        root = ElementTree.fromstring("".join(c for c in text if c.isprintable() or c in "\n\t"))
        assert root.tag.endswith("svg")
        for element in root.iter():
            for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "points"):
                assert "nan" not in element.get(name, ""), element.attrib
                assert "inf" not in element.get(name, ""), element.attrib
            assert float(element.get("height", "1").rstrip("%")) >= 0


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_even_steps_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 13
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in found)


def test_ticks_of_usual_ranges() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0, 365, 8) == [0, 50, 100, 150, 200, 250, 300, 350]
    assert [tick_text(v, Axis("", percent=True)) for v in (0, 0.25, 0.005)] == ["0 %", "25 %", "0.5 %"]
    assert [tick_text(v, Axis("")) for v in (1200, 2.5e6)] == ["1,200", "2.5 M"]


def test_bars_are_as_long_as_their_values() -> None:
    plot = Plot("p", "t", "a", Axis("x"), Axis("y", zero=True), {"": [Series("s", ["a", "b"], [1.0, 2.0], "bar")]}, "c")
    bars = [e for e in ElementTree.fromstring(svg(plot, alone=False)).iter() if e.tag.endswith("rect")]
    heights = [float(bar.attrib["height"]) for bar in bars]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)


def test_bars_at_numbers_stand_beside_each_other_inside_the_picture() -> None:
    series = Series("s", [0.05, 0.15, 0.25], [1.0, 2.0, 3.0], "bar")
    plot = Plot("p", "t", "a", Axis("x"), Axis("y", zero=True), {"": [series]}, "c")
    bars = [e.attrib for e in ElementTree.fromstring(svg(plot, alone=False)).iter() if e.tag.endswith("rect")]
    ends = [(float(bar["x"]), float(bar["x"]) + float(bar["width"])) for bar in bars]
    assert 60 < ends[0][0] < ends[0][1] < ends[1][0] < ends[1][1] < ends[2][0] < ends[2][1] < 760


def test_the_pictures_of_a_run_are_well_formed_and_small(finished: Path) -> None:
    found = sorted((finished / "figures").glob("*.svg"))
    assert len(found) >= 14
    for path in found:
        root = ElementTree.parse(path).getroot()
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 20
        assert path.stat().st_size < 100_000
