"""Does one large user, one large day, or a folder of many small files make one task of Spark wait for by all others?

`python -m benchmarks.spark_skew [--user-lines N] [--lines N] [--files N]` makes three logs, ingests and rolls up each
on `local[2]`, and prints the longest task of each stage beside the median one. The tables in docs/scale.md are what it
printed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.diary import WORTH, Stage, kept_in, stages
from churn import rollups
from churn.engines.spark import SparkEngine
from churn.ingest import OWN_NAMES, Ingest
from churn.problem import Problem
from churn.sources import find_sources

DAY = 86_400_000
START = 1_538_352_000_000
DAYS = 60


def line(user: int, ts: int, place: int) -> str:
    """One event; what a log of this service has in each line."""
    return json.dumps({
        "ts": ts, "userId": str(user), "sessionId": user * 10_000 + ts // DAY % 10_000, "page": "NextSong",
        "auth": "Logged In", "method": "PUT", "status": 200, "level": "paid", "itemInSession": place % 1000,
        "location": "Boston-Cambridge-Newton, MA-NH", "userAgent": "Mozilla/5.0", "lastName": "Doe", "firstName": "Ann",
        "registration": START - DAY, "gender": "F", "artist": f"artist {place % 5000}", "song": f"song {place % 20000}",
        "length": 200.5 + place % 100,
    }) + "\n"  # fmt: skip


def events(kind: str, lines: int) -> Iterator[str]:
    """Lines in order of time: half of them of one user, half of them on one day, or evenly spread."""
    for i in range(lines):
        user = 0 if kind == "one user" and i % 2 else 1 + i % 1000
        day = DAYS // 2 if kind == "one day" and i % 2 else i * DAYS // lines
        yield line(user, START + day * DAY + i * 7919 % DAY, i)


def write(folder: Path, kind: str, lines: int, files: int) -> Path:
    """A log of one kind, as one file or as many."""
    log = folder / kind.replace(" ", "_")
    log.mkdir()
    each = -(-lines // files)
    made = events(kind, lines)
    for number in range(files):
        with (log / f"{number:05d}.json").open("w", encoding="utf-8") as file:
            for _, text in zip(range(each), made, strict=False):
                file.write(text)
    return log


def job(log: Path, folder: Path, history: Path) -> float:
    """Ingest and rollups on two cores, with Spark's own diary of the tasks; seconds."""
    engine = SparkEngine(memory=2_000_000_000, scratch=folder / "scratch", master="local[2]", conf=kept_in(history))
    started = time.perf_counter()
    try:
        out = folder / "out"
        out.mkdir()
        Ingest(engine, find_sources([log]), out, OWN_NAMES).run()
        events, hidden = engine.read(out / "events"), Problem().hidden_pages
        engine.write(rollups.sessions(rollups.walk(events, hidden)), out / "sessions")
        engine.write(rollups.user_days(engine.read(out / "sessions"), events, hidden), out / "user_days")
    finally:
        engine.close()
    return time.perf_counter() - started


def report(kind: str, lines: int, files: int, folder: Path) -> list[Stage]:
    """Make, do, and print one line a stage that says something."""
    place = folder / kind.replace(" ", "-")
    for name in ("history", "job"):
        (place / name).mkdir(parents=True)
    log = write(place, kind, lines, files)
    size = sum(path.stat().st_size for path in log.iterdir())
    seconds = job(log, place / "job", place / "history")
    found = stages(place / "history")
    print(f"\n{kind}: {lines:,} lines, {files:,} files, {size / 1e6:.0f} MB, {seconds:.0f} s on local[2]")
    print(f"{'stage':<24}{'tasks':>7}{'median ms':>11}{'longest':>9}{'ratio':>7}{'MB a task':>11}{'shuffled MB':>13}"
          f"{'spilled MB':>12}{'memory MB':>11}")  # fmt: skip
    for stage in found:
        if max(stage.tasks) >= WORTH:
            print(f"{stage.name[:23]:<24}{len(stage.tasks):>7}{stage.median:>11.0f}{max(stage.tasks):>9}"
                  f"{stage.ratio:>7.1f}{stage.largest / 1e6:>11.1f}{stage.shuffled / 1e6:>13.1f}"
                  f"{stage.spilled / 1e6:>12.1f}{stage.memory / 1e6:>11.1f}")  # fmt: skip
    shutil.rmtree(place)
    return found


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user-lines", type=int, default=10_000_000, help="Of the log of which one user has half.")
    parser.add_argument("--lines", type=int, default=2_000_000, help="Of each of the others.")
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="churn-skew-"))
    try:
        report("one user", options.user_lines, 8, folder)
        report("one day", options.lines, 8, folder)
        report("many files", options.lines, options.files, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
