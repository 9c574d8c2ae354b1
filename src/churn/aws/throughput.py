"""How fast the job is: the measured figures that every estimate rests on, in this one place.

How measured: `churn run --engine spark --learner local` on the log of `make bench SIZE=full`: 12.4 GB and 25.3 million
lines on `local[2]`, PySpark 4.3.0, a heap of 4 GB, the log in the page cache; one run of 2026-11-22 on two shared cores
of an AMD EPYC, step by step in docs/benchmarks.md, the slower of two so as to promise less. What Spark's machines do is
ingest, rollups, profile and snapshots; the rest is the driver's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Measured:
    """One measurement: bytes of JSON lines, processors, and wall seconds."""

    size: int
    cores: int
    seconds: float

    @property
    def bytes_a_core(self) -> float:
        """Bytes of JSON lines that one processor turns into snapshots in a second."""
        return self.size / (self.cores * self.seconds)


SPARK: Final = Measured(size=12_399_697_559, cores=2, seconds=464.0)
"""JSON lines to snapshots on Spark: 229 + 114 + 56 + 65 s."""

REST_SECONDS: Final = 16.0
"""What is the driver's for the smallest log: `churn run` on the mini log, 17.1 s, less its first two steps.

Start of Python, five families, report; measured with DuckDB and the local learner on 2 cores.
"""

REST_SECONDS_A_GB: Final = 5.2
"""What a further GB of JSON lines adds to that: 81 s at 12.4 GB (as on Spark: training 60, lists and report 13, start
and end 8); more users, so longer training."""

START_MINUTES: Final = (6.0, 9.0, 15.0)
"""From the request to the step: machines, EMR's own software, the bootstrap. An assumption, not measured here."""

SERVERLESS_START_MINUTES: Final = (1.0, 2.0, 4.0)
"""The same for EMR Serverless. An assumption."""

EFFICIENCY: Final = (1.0, 0.65, 0.35)
"""Share of the measured speed that a core keeps among many, with S3 instead of a local disk. An assumption.

In the order low, likely, high of the estimate: the low estimate takes the best share.
"""

REST_SPREAD: Final = (0.7, 1.0, 2.0)
"""How far the rest may lie from its likely time: seconds of a driver on another kind of processor."""

SPOT_SHARE: Final = (0.3, 0.45, 1.0)
"""What a spot instance costs of its on-demand price; the high estimate gets no discount. An assumption."""
