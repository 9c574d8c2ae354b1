"""What is read out of Spark's event log, in the form in which Spark writes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.contestants import heap_of
from benchmarks.diary import kept_in, stages, traffic
from benchmarks.figures import OURS, WHOLE_ON_SPARK, Figure, Report
from benchmarks.parts import together
from benchmarks.tables import size_page
from tests.benchmarks.reports import report


def task(stage: int, ms: int, *, written: int = 0, spilled: int = 0) -> dict[str, object]:
    return {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": stage,
        "Task Metrics": {
            "Executor Run Time": ms,
            "Peak Execution Memory": 5,
            "Disk Bytes Spilled": spilled,
            "Input Metrics": {"Bytes Read": 7},
            "Shuffle Read Metrics": {"Local Bytes Read": 2, "Remote Bytes Read": 1},
            "Shuffle Write Metrics": {"Shuffle Bytes Written": written},
        },
    }


def test_stages_and_what_they_moved(tmp_path: Path) -> None:
    events = [
        {"Event": "SparkListenerLogStart"},
        task(0, 900, written=10),
        task(0, 2700, written=30, spilled=4),
        {"Event": "SparkListenerStageCompleted", "Stage Info": {"Stage ID": 0, "Stage Name": "parquet at x.java:1"}},
        task(1, 50, written=2, spilled=1),
        {"Event": "SparkListenerStageCompleted", "Stage Info": {"Stage ID": 1, "Stage Name": "collect at y.java:2"}},
    ]
    (tmp_path / "app-1").write_text("".join(json.dumps(event) + "\n" for event in events))
    (found,) = stages(tmp_path)
    assert (found.name, found.tasks, found.largest, found.memory) == ("0 parquet", (900, 2700), 10, 5)
    assert found.ratio == 1.5
    assert traffic(tmp_path) == (42, 5)
    assert kept_in(tmp_path)["spark.eventLog.dir"] == f"file://{tmp_path}"


def test_what_was_shuffled_stands_below_the_table() -> None:
    once = Figure(WHOLE_ON_SPARK, OURS, (10.0,), (20.0,), (3,), 100, "line", (1_500_000_000,), (0,))
    (both,) = together([[once], [replace(once, shuffled=(1_600_000_000,), spilled=(20_000_000,))]])
    whole = report("mini", 600, both)
    assert f"{WHOLE_ON_SPARK}: 1.60 GB shuffled, 0.02 GB spilled." in size_page(whole)
    assert Report.from_json(whole.to_json()) == whole


@pytest.mark.parametrize(("memory", "heap"), [(4_000_000_000, "2861m"), (6_000_000_000, "3814m"), (10**11, "3814m")])
def test_everything_on_spark_has_one_heap_of_4_gb_at_most(memory: int, heap: str) -> None:
    assert heap_of(memory) == heap
