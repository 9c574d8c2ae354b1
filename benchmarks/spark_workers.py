"""What a second worker gives: the rollups on a standalone cluster of two workers beside the same on one.

`python -m benchmarks.spark_workers [--lines N] [--rounds N]` makes a log, reads it once, and rolls its events up on a
real standalone cluster of workers with one core each, first with one and then with two, in turns. What is timed is
the work of the step `rollups`; starting Java, and one rollup before that nobody times, are not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import ROOT, Machine
from benchmarks.spark_skew import write
from churn import rollups
from churn.engines.duckdb import DuckDBEngine
from churn.engines.spark import SparkEngine
from churn.ingest import OWN_NAMES, Ingest
from churn.problem import Problem
from churn.sources import find_sources
from tests.cluster import cluster

WORKERS = ("one", "two")


def rolled_up(master: str, workers: int, events: Path, out: Path) -> float:
    """Seconds of the rollups with so many cores, once Java is warm."""
    conf = {"spark.cores.max": str(workers), "spark.executor.memory": "800m", "spark.executor.cores": "1"}
    engine = SparkEngine(memory=1_000_000_000, scratch=out / "scratch", master=master, conf=conf)
    try:
        _roll_up(engine, events, out / "warm")
        started = time.perf_counter()
        _roll_up(engine, events, out / "timed")
        return time.perf_counter() - started
    finally:
        engine.close()


def _roll_up(engine: SparkEngine, events: Path, out: Path) -> None:
    table, problem = engine.read(events), Problem()
    engine.write(rollups.sessions(rollups.walk(table, problem.hidden_pages)), out / "sessions")
    engine.write(rollups.user_days(engine.read(out / "sessions"), table, problem.hidden_pages), out / "user_days")
    engine.write(rollups.leavers(table, problem.churn_pages), out / "leavers")


def measured(master: str, workers: int, events: Path, out: Path) -> float:
    """The same in a process of its own: an application's settings are those of its process."""
    command = [sys.executable, "-m", "benchmarks.spark_workers", "--one", master, str(workers), str(events), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def compare(lines: int, rounds: int, folder: Path) -> None:
    """Make, read, measure in turns, print."""
    engine = DuckDBEngine(memory=1_000_000_000, scratch=folder / "scratch")
    (folder / "made").mkdir()
    (folder / "log").mkdir()
    try:
        log = write(folder / "made", "even", lines, 8)
        Ingest(engine, find_sources([log]), folder / "log", OWN_NAMES).run()
    finally:
        engine.close()
    load = os.getloadavg()[0]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with cluster(folder / "cluster", WORKERS) as running:
        for number in range(rounds):
            for workers in (1, 2):
                out = folder / f"out-{workers}-{number}"
                out.mkdir()
                seconds[workers].append(measured(running.master, workers, folder / "log" / "events", out))
    one, two = (statistics.median(seconds[workers]) for workers in (1, 2))
    print(
        f"rollups of {lines:,} lines, standalone cluster, workers with 1 core and 800 MB each, {rounds} rounds in turns"
    )
    print(f"{Machine.this().words()}; load before: {load:.1f}; master, driver and workers share these cores")
    print(f"one worker {one:.1f} s, two workers {two:.1f} s: {one / two:.2f} times as fast")


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        master, workers, events, out = options.one
        print(json.dumps(rolled_up(master, int(workers), Path(events), Path(out))))
        return
    folder = Path(tempfile.mkdtemp(prefix="churn-workers-"))
    try:
        compare(options.lines, options.rounds, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
