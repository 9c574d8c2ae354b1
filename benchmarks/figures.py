"""What was measured, as values and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import Machine
from benchmarks.measure import Cost

SIZES: Final = ("mini", "medium", "full")
"""In the order in which they grow."""

OURS: Final = "churn"
"""This program among the contestants."""

ON_SPARK: Final = "churn on Spark"
PYSPARK: Final = "PySpark by hand"
WHOLE_ON_SPARK: Final = "whole run, Spark, local learner"
"""These two are compared with each other, too."""


@dataclass(frozen=True)
class Figure:
    """What one part cost one contestant.

    Attributes:
        part: what is done.
        who: who does it.
        wall: seconds, one a round.
        cpu: processor seconds, one a round; empty where a part cannot be told from others.
        memory: peak in bytes, one a round; empty likewise.
        count: how many lines or users it was done for; 0 where that says nothing.
        unit: of `count`: `line`, `user` or nothing.
        shuffled: bytes that Spark wrote for its shuffles, one a round; empty where nobody looked.
        spilled: bytes that Spark spilled to disk, one a round; empty likewise.
    """

    part: str
    who: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...] = ()
    memory: tuple[int, ...] = ()
    count: int = 0
    unit: str = ""
    shuffled: tuple[int, ...] = ()
    spilled: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self) -> float | None:
        """The median of the rounds."""
        return statistics.median(self.cpu) if self.cpu else None

    @property
    def peak(self) -> int | None:
        """The highest of all rounds, in bytes."""
        return max(self.memory) if self.memory else None

    @classmethod
    def of(cls, part: str, who: str, costs: Sequence[Cost], count: int = 0, unit: str = "") -> Figure:
        """From what each round cost."""
        return cls(
            part, who, tuple(c.wall for c in costs), tuple(c.cpu for c in costs), tuple(c.memory for c in costs),
            count, unit,
        )  # fmt: skip


@dataclass(frozen=True)
class Log:
    """The log of a report: who made it, its lines and bytes."""

    maker: str
    lines: int
    bytes: int


@dataclass(frozen=True)
class Report:
    """One run of the benchmark at one size.

    Attributes:
        size: one of `SIZES`.
        when: UTC time at its end.
        command: that makes it again.
        rounds: how often everything was measured.
        memory: limit that was given to the program.
        load: average number of processes that wanted a core in the minute before it began: others were there, too.
        machine: what it ran on.
        program: see `benchmarks.machine.program`.
        log: what it read.
        figures: in the order of the table.
        left_out: contestants that could not take part, and why.
    """

    size: str
    when: str
    command: str
    rounds: int
    memory: str
    load: float
    machine: Machine
    program: str
    log: Log
    figures: tuple[Figure, ...]
    left_out: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The content of `SIZE.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read it."""
        found: dict[str, Any] = json.loads(text)
        figures = tuple(Figure(**_with_tuples(figure)) for figure in found["figures"])
        return cls(
            **{
                **found,
                "machine": Machine(**found["machine"]),
                "log": Log(**found["log"]),
                "figures": figures,
                "left_out": tuple(found["left_out"]),
            }
        )

    def comparable(self, other: Report) -> bool:
        """Whether growth from one to the other says something: all the same but the size."""
        mine, others = ((r.machine, r.program, r.memory, r.log.maker) for r in (self, other))
        return mine == others


def _with_tuples(figure: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in figure.items()}


def reports(folder: Path) -> list[Report]:
    """The reports in a folder, the smallest size first."""
    paths = [folder / f"{size}.json" for size in SIZES]
    return [Report.from_json(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
