"""The engine for clusters beside the script by hand, turn by turn in one run: ingest + rollups on `local[*]`.

`python -m benchmarks.spark_script LOG [--rounds N] [--collector]`. Each starts in an empty folder and a process of its
own, and the next begins when what the last has written is on the disk. Prints seconds and the ratio of the medians.
`--collector` has Java use its parallel collector for both; by itself the program asks for it, and the script does not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.contestants import ALL
from benchmarks.figures import ON_SPARK, PYSPARK
from benchmarks.machine import ROOT
from benchmarks.measure import cost_of
from churn.memory import parse_memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--collector", action="store_true")
    args = parser.parse_args()
    if args.collector:
        os.environ["JAVA_TOOL_OPTIONS"] = "-XX:+UseParallelGC"
    walls: dict[str, list[float]] = {ON_SPARK: [], PYSPARK: []}
    for number in range(1, args.rounds + 1):
        for contestant in (c for c in ALL if c.who in walls):
            with tempfile.TemporaryDirectory(dir=args.log.absolute().parent) as folder:
                os.sync()
                words = contestant.command(args.log.absolute(), Path(folder, "out"), parse_memory(args.memory))
                cost = cost_of(words, folder=ROOT)
            walls[contestant.who].append(cost.wall)
            print(f"round {number}, {contestant.who}: {cost.wall:.0f} s, {cost.memory / 1e9:.2f} GB", flush=True)
    ours, script = (statistics.median(walls[who]) for who in (ON_SPARK, PYSPARK))
    print(f"{ours:.0f} s and {script:.0f} s: {ours / script:.2f} times the script")


if __name__ == "__main__":
    main()
