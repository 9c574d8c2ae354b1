"""A risk list of millions of users on Spark: what it takes, and whether each user is in it once.

`python -m benchmarks.spark_users BUNDLE [--users N]` makes a log of N users with three events each, on three days,
has `churn score --engine spark` judge them on `local[*]`, and prints seconds and peak memory.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contestants import heap_of
from benchmarks.measure import cost_of
from benchmarks.spark_skew import DAY, START
from churn.memory import parse_memory

EVENTS, DAYS = 3, 30
AS_OF = "2018-10-31"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--memory", default="6GB")
    args = parser.parse_args()
    heap = heap_of(parse_memory(args.memory))
    with tempfile.TemporaryDirectory() as folder:
        log, out = Path(folder, "log.parquet"), Path(folder, "risk.csv")
        pq.write_table(events(args.users), log)
        words = ["score", str(args.bundle.absolute()), str(log), "--as-of", AS_OF, "--out", str(out)]
        spark = ["--engine", "spark", "--memory", args.memory, "--conf", f"spark.driver.memory={heap}"]
        cost = cost_of([sys.executable, "-m", "churn", *words, *spark], folder=Path(folder))
        with out.open(newline="", encoding="utf-8") as file:
            rows = [(int(row["rank"]), float(row["probability"]), row["userId"]) for row in csv.DictReader(file)]
    found = {user for *_, user in rows}
    ordered = all(a[1] >= b[1] for a, b in itertools.pairwise(rows))
    ranks = [rank for rank, *_ in rows] == list(range(1, len(rows) + 1))
    print(f"{len(rows):,} rows, {len(found):,} users of {args.users:,}; ranks from 1 on: {ranks}; in order: {ordered}")
    print(f"{cost.wall:.0f} s, {cost.cpu:.0f} s of processor time, {cost.memory / 1e9:.2f} GB at most, heap {heap}")


def events(users: int) -> pa.Table:
    """The events of so many users, who differ in days, pages and level."""
    i = np.arange(users * EVENTS)
    user, turn = i // EVENTS, i % EVENTS
    day = (user * 7 + turn * (1 + user % 9)) % DAYS
    pages = np.array(["NextSong", "Home", "Thumbs Up", "Thumbs Down", "Roll Advert", "Help"])
    return pa.table({
        "ts": START + day * DAY + i * 7919 % DAY, "userId": user.astype(str), "sessionId": i, "itemInSession": turn,
        "page": pages[(user // 3 + turn) % len(pages)], "level": np.where(user % 4, "paid", "free"),
        "registration": np.full(len(i), START - DAY), "gender": np.where(user % 2, "F", "M"),
    })  # fmt: skip


if __name__ == "__main__":
    main()
