"""The figures behind the plots of the first page are those of the run's CSV files."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import rows_of

Views = dict[str, list[str]]
"""By choice of a plot, what is said of each of its values."""


@pytest.fixture
def plots(client: FlaskClient) -> dict[str, Views]:
    """What the broad drawings of the page say, by plot."""
    page = client.get("/").get_data(as_text=True)
    found: dict[str, Views] = {}
    for name, figure in re.findall(r'<figure class="chart" id="chart-(\w+)"(.*?)</figure>', page, re.DOTALL):
        views = re.split(r"<div data-view>", figure)[1:]
        titles = [re.search(r"<h4>(.*?)</h4>", view) for view in views]
        spots = [re.search(r'class="drawing broad".*?data-spots="([^"]*)"', view, re.DOTALL) for view in views]
        assert all(spots)
        found[name] = {
            unescape(title[1]) if title else "": [text for _, _, text in json.loads(unescape(spot[1]))]
            for title, spot in zip(titles, spots, strict=True)
            if spot
        }
    return found


def percents(text: str) -> list[float]:
    """Shares that a text names, after the name of its series."""
    return [float(share) for share in re.findall(r"([\d.]+)\s?%", text.partition(": ")[2])]


def wanted(row: dict[str, str], *names: str) -> list[float]:
    return [100 * float(row[name]) for name in names]


RATE = ("churn_rate", "low", "high")


def test_segments(plots: dict[str, Views], finished: Path) -> None:
    rows = rows_of(finished / "statistics" / "churn_by_segment.csv")
    assert plots["segments"]
    for segment, texts in plots["segments"].items():
        own = {row["value"]: row for row in rows if row["segment"] == segment}
        assert texts
        assert len(texts) == min(16, len(own))
        for text in texts:
            row = own[text.rsplit(", churn rate: ", 1)[0]]
            assert percents(text.rsplit(", churn rate", 1)[1]) == pytest.approx(wanted(row, *RATE), abs=0.051)
            assert f"{row['leavers']} of {row['users']} users left" in text


def test_deciles(plots: dict[str, Views], finished: Path) -> None:
    rows = rows_of(finished / "statistics" / "churn_by_decile.csv")
    assert len(plots["deciles"]) > 5
    for name, texts in plots["deciles"].items():
        own = [row for row in rows if f"{row['measure']} {row['unit']}".strip() == name]
        assert len(texts) == len(own) > 0
        for text, row in zip(texts, own, strict=True):
            assert text.startswith(f"{row['decile']}, churn rate")
            assert percents(text) == pytest.approx(wanted(row, *RATE), abs=0.051)


def test_calibration(plots: dict[str, Views], finished: Path) -> None:
    rows = rows_of(finished / "metrics" / "calibration.csv")
    own = [row for row in rows if row["task"] == "forecast" and row["model"] == "logistic_regression"]
    texts = plots["calibration"]["forecast"]  # rules of thumb, which say no probability, are not drawn
    assert len(texts) == len(own) == 10
    for text, row in zip(texts, own, strict=True):
        assert float(text.partition(" %")[0]) == pytest.approx(100 * float(row["mean_probability"]), abs=0.051)
        assert percents(text) == pytest.approx(wanted(row, *RATE), abs=0.051)
        assert text.endswith(f"{row['n']} users")


def test_lift(plots: dict[str, Views], finished: Path) -> None:
    rows = rows_of(finished / "metrics" / "lift.csv")
    own = [row for row in rows if row["task"] == "forecast" and row["model"] == "logistic_regression"]
    texts = plots["lift"]["forecast"][1:]  # the first is the corner: nobody contacted
    assert len(texts) == len(own) > 5
    for text, row in zip(texts, own, strict=True):
        assert percents(text) == pytest.approx(wanted(row, "recall"), abs=0.051)
        assert float(text.rsplit("lift ", 1)[1]) == pytest.approx(float(row["lift"]), abs=0.006)
