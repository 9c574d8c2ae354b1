from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.figures import Figure, Report, reports
from benchmarks.measure import Cost
from tests.benchmarks.reports import MACHINE, report


def test_a_figure_is_the_median_of_its_rounds_and_the_highest_peak() -> None:
    figure = Figure.of("ingest", "churn", [Cost(1.0, 2.0, 30), Cost(9.0, 4.0, 10), Cost(2.0, 3.0, 20)], 6, "line")
    assert (figure.seconds, figure.cpu_seconds, figure.peak) == (2.0, 3.0, 30)


def test_what_was_not_measured_is_nothing_rather_than_zero() -> None:
    figure = Figure("training", "churn", (1.0,))
    assert (figure.cpu_seconds, figure.peak) == (None, None)


def test_a_report_comes_back_from_json_as_it_was() -> None:
    first = report("mini", 288_019, Figure("ingest", "churn", (3.0, 2.0), (3.5, 2.5), (600, 700), 288_019, "line"))
    assert Report.from_json(first.to_json()) == first


@pytest.mark.parametrize(
    ("changes", "comparable"),
    [
        ({"size": "medium", "rounds": 1, "when": "later"}, True),
        ({"machine": replace(MACHINE, cores=4)}, False),
        ({"machine": replace(MACHINE, libraries={"duckdb": "2.0.1"})}, False),
        ({"program": "other"}, False),
        ({"memory": "3GB"}, False),
        ({"log": replace(report("mini", 1).log, maker="somebody else")}, False),
    ],
)
def test_reports_are_comparable_when_only_size_and_time_differ(changes: dict[str, object], comparable: bool) -> None:
    first = report("mini", 1)
    assert first.comparable(replace(first, **changes)) is comparable


def test_stored_reports_are_read_from_the_smallest_on(tmp_path: Path) -> None:
    for size, lines in (("full", 90), ("mini", 1)):
        (tmp_path / f"{size}.json").write_text(report(size, lines).to_json())
    assert [found.size for found in reports(tmp_path)] == ["mini", "full"]
