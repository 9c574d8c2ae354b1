"""Spark's own diary of an application, its event log: how long tasks took, what was shuffled and spilled."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

WORTH = 500
"""Milliseconds from which a task's length says something; below it is what starting a task takes."""


@dataclass(frozen=True)
class Stage:
    """One stage: ms of its tasks, bytes that its largest task read or got by a shuffle."""

    name: str
    tasks: tuple[int, ...]
    largest: int
    shuffled: int
    spilled: int
    memory: int

    @property
    def median(self) -> float:
        """The middle task, in ms."""
        return statistics.median(self.tasks)

    @property
    def ratio(self) -> float:
        """How many times the median the longest task took; what takes no time is not judged."""
        return max(self.tasks) / max(self.median, WORTH)


def kept_in(history: Path) -> dict[str, str]:
    """Settings with which Spark keeps a diary in a folder that is there."""
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": history.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
    }


def traffic(history: Path) -> tuple[int, int]:
    """Bytes that all stages wrote for a shuffle, and bytes that they spilled to disk."""
    found = stages(history, least=1)
    return sum(stage.shuffled for stage in found), sum(stage.spilled for stage in found)


def stages(history: Path, *, least: int = 2) -> list[Stage]:
    """What the diary says of stages with at least so many tasks."""
    (diary,) = [path for path in history.rglob("*") if path.is_file() and not path.name.startswith(".")]
    names: dict[int, str] = {}
    tasks: dict[int, list[dict[str, int]]] = {}
    for text in diary.read_text(encoding="utf-8").splitlines():
        event = json.loads(text)
        if event["Event"] == "SparkListenerStageCompleted":
            names[event["Stage Info"]["Stage ID"]] = event["Stage Info"]["Stage Name"].partition(" at ")[0]
        elif event["Event"] == "SparkListenerTaskEnd" and event["Task Metrics"]:
            tasks.setdefault(event["Stage ID"], []).append(_measures(event["Task Metrics"]))
    return [
        Stage(
            f"{stage} {names[stage]}",
            tuple(task["ms"] for task in found),
            max(task["read"] for task in found),
            sum(task["shuffled"] for task in found),
            sum(task["spilled"] for task in found),
            max(task["memory"] for task in found),
        )
        for stage, found in sorted(tasks.items())
        if len(found) >= least
    ]


def _measures(metrics: dict[str, dict[str, int]]) -> dict[str, int]:
    shuffle = metrics["Shuffle Read Metrics"]
    return {
        "ms": int(str(metrics["Executor Run Time"])),
        "read": metrics["Input Metrics"]["Bytes Read"] + shuffle["Local Bytes Read"] + shuffle["Remote Bytes Read"],
        "shuffled": metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"],
        "spilled": int(str(metrics["Disk Bytes Spilled"])),
        "memory": int(str(metrics["Peak Execution Memory"])),
    }
