"""What scoring costs, in a process that loads no engine and no learner: prints JSON.

python -m benchmarks.scoring RUN

Scores the users of the run's last cut-off with its bundle: opening it, one user, all users, each with and
without reasons. Calls that take no time are repeated, and the median is told.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.figures import OURS, Figure
from churn.scoring import Features, Scorer

REPEATS: Final = 200


def latest_rows(snapshots: Path, scorer: Scorer) -> Features:
    """The bundle's features of all users at the last cut-off, shape [n, f]."""
    table = pq.read_table(snapshots)
    table = table.filter(pc.equal(table["cutoff"], pc.max(table["cutoff"])))
    return np.column_stack([table[entry.name].to_numpy() for entry in scorer.manifest.features])


def cost(part: str, work: Callable[[], object], users: int, repeats: int = 1) -> Figure:
    """Median seconds of some work over `users` users."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    # On Linux ru_maxrss is in units of 1,024 bytes; all of this process so far, libraries included.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    unit = "user" if users else ""
    return Figure(part, OURS, (statistics.median(walls),), (statistics.median(cpus),), (memory,), users, unit)


def measure(run: Path) -> list[Figure]:
    """Everything about scoring that the table shows."""
    opened = cost("scoring: open the bundle", lambda: Scorer.of(run / "bundle"), 0, 5)
    scorer = Scorer.of(run / "bundle")
    x = latest_rows(run / "snapshots" / "forecast", scorer)
    one, n = x[:1], len(x)
    return [
        opened,
        cost("scoring: one user", lambda: scorer.probabilities(one), 1, REPEATS),
        cost("scoring: one user, with reasons", lambda: scorer.reasons(one), 1, REPEATS),
        cost("scoring: all users", lambda: scorer.probabilities(x), n, 5),
        cost("scoring: all users, with reasons", lambda: (scorer.probabilities(x), scorer.reasons(x)), n, 3),
    ]


if __name__ == "__main__":
    print(json.dumps([asdict(figure) for figure in measure(Path(sys.argv[1]))]))
