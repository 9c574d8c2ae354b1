"""What 1, 10, 100 and 1,000 times the full log take: computed by the planner from its measured figures, not measured.

`python -m benchmarks.scale` prints the tables; with `--write` it puts them into docs/scale.md. Run it again whenever a
figure of `churn.aws.throughput` or a price has changed; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from benchmarks.machine import ROOT
from churn.aws import throughput
from churn.aws.asked import Asked
from churn.aws.cluster import Shape, disk_for
from churn.aws.estimate import Estimate, estimate
from churn.aws.places import Place
from churn.aws.prices import REGION, prices
from churn.aws.sizing import UNPACKED, InputSize, given
from churn.features import feature_list
from churn.problem import Problem

PAGE: Final = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- computed by benchmarks/scale.py -->", "<!-- end of what is computed -->"

FULL_BYTES: Final = throughput.SPARK.size
FULL_USERS: Final = 22_277
"""Of the full log, without its guests."""

ROWS_A_USER: Final = 8
"""Cut-offs of two months of log and the history: so often a user is a row of a snapshot, at most."""

FEATURES: Final = len(feature_list(Problem())[0])
COPIES: Final = 4
"""Of the snapshots in the driver: one in Java, and what training makes of them in Python."""

ROOM: Final = 0.9
"""Share of a machine's memory that they may take."""

BYTES_A_TASK: Final = 32_000_000
"""Of Parquet behind a shuffle; `churn.engines.spark` divides by it."""

UNIFIED: Final = 0.6
"""Of an executor's heap that Spark gives to sorting and joining."""

STEPS: Final = ((1, 3, "m5.xlarge"), (10, 3, "m5.4xlarge"), (100, 8, "m5.4xlarge"), (1000, 40, "m5.8xlarge"))
"""Times the full log, workers, and their type: few, as most of the hours are the driver's."""


@dataclass(frozen=True)
class Scale:
    """One multiple of the full log on one cluster."""

    times: int
    size: InputSize
    shape: Shape
    found: Estimate

    @property
    def reading(self) -> float:
        """Likely hours until the snapshots are there, without the start."""
        busy = min(self.shape.executors.tasks, self.size.pieces)
        return self.size.unpacked / (throughput.SPARK.bytes_a_core * busy * throughput.EFFICIENCY[1]) / 3600

    @property
    def rest(self) -> float:
        """Likely hours of the driver after that."""
        return (throughput.REST_SECONDS + throughput.REST_SECONDS_A_GB * self.size.unpacked / 1e9) / 3600

    @property
    def tasks(self) -> int:
        """Tasks behind a shuffle of the events, as the engine does: by size as Parquet, and no fewer than cores."""
        events = self.size.unpacked / UNPACKED[".parquet"]
        return max(-(-int(events) // BYTES_A_TASK), self.shape.executors.tasks)

    @property
    def task_bytes(self) -> int:
        """Memory for sorting and joining that a task has to itself."""
        executors = self.shape.executors
        return int(executors.heap_mb * 2**20 * UNIFIED / executors.cores)

    @property
    def driver_bytes(self) -> int:
        """What the snapshots take in the driver while models are trained."""
        return self.times * FULL_USERS * ROWS_A_USER * FEATURES * 4 * COPIES

    @property
    def fits(self) -> bool:
        """Whether the machine of the driver has that much to spare."""
        return self.driver_bytes <= ROOM * self.shape.primary.memory_gib * 2**30


def scaled(times: int, workers: int, instance: str) -> Scale:
    """A multiple of the full log on so many machines of a type."""
    table = prices({})
    size = given(times * FULL_BYTES)
    asked = Asked(Place("bucket", "log/"), Place("bucket", "run/"), workers=workers, instance=instance)
    machine = table.instance(asked.instance)
    shape = Shape(machine, machine, workers, False, disk_for(size, workers))
    return Scale(times, size, shape, estimate(shape, size, table, REGION))


def tables() -> str:
    """Both tables, as Markdown."""
    every = [scaled(*step) for step in STEPS]
    took = [
        [f"{one.times:,}", f"{one.size.unpacked / 1e9:,.1f} GB", f"1 + {one.shape.workers} {one.shape.worker.name}",
         f"{one.reading:.2f}", f"{one.rest:.2f}", _range(one.found.hours, ".1f"), _range(one.found.dollars, ",.2f")]
        for one in every
    ]  # fmt: skip
    needs = [
        [f"{one.times:,}", f"{one.size.pieces:,}", f"{one.shape.executors.tasks:,}", f"{one.tasks:,}",
         f"{one.task_bytes / 1e6:,.0f} MB", f"{one.driver_bytes / 1e9:,.1f} GB of {one.shape.primary.memory_gib} GiB",
         "yes" if one.fits else "**no**"]
        for one in every
    ]  # fmt: skip
    first = ["times", "log", "cluster", "hours reading", "hours in the driver", "hours in all", "dollars"]
    second = ["times", "pieces to read", "cores", "tasks behind a shuffle", "memory a task", "driver: training", "fits"]
    return "\n".join([*_table(first, took), "", *_table(second, needs)]) + "\n"


def _range(found: object, form: str) -> str:
    low, likely, high = (format(getattr(found, name), form) for name in ("low", "likely", "high"))
    return f"{likely} ({low} to {high})"


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---:|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


def page_with(tables: str) -> str:
    """docs/scale.md with these tables in it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page_with(tables()), encoding="utf-8")
    print(tables(), end="")
