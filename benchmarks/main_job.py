"""What the main job costs, beside a hand-written script that does the same: `make bench`.

One table from one run: rivals take turns on the same file, medians of repeated rounds. Needs the mini log
(`SPARKIFY_DATA` or ../shared/data); writes a log of the wanted size once, and keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.log import repeated
from benchmarks.measure import Cost, cost_of

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("SPARKIFY_DATA", HERE.parent.parent / "shared" / "data"))
COPIES = {"mini": 1, "medium": 8, "full": 89}

ROLLUPS = """
import sys
from pathlib import Path
from churn.pipeline import Job, Silence, do_steps, find_sources, open_engine, run_folder
from churn.settings import Settings, parse_memory
settings = Settings((sys.argv[1],), Path(sys.argv[2]), memory=parse_memory(sys.argv[3]))
with run_folder(settings.out), open_engine(settings) as engine:
    do_steps(settings.out, Job(settings, find_sources(settings.logs), engine).steps()[:2], Silence())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=COPIES, default="mini")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("bench"), help="folder for logs and runs")
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--giant", type=int, default=0, help="also with one user of so many lines")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    mini = DATA / "eventsim_mini.json.gz"
    logs = {args.size: mini if args.size == "mini" else _log(mini, args.work, args.size)}
    if args.giant:
        logs[f"{args.size}, one user of {args.giant:,} lines"] = _log(mini, args.work, args.size, args.giant)
    _print_head(args.memory)
    results = {}
    for name, log in logs.items():
        # Of the giant, only what one user's size could spoil.
        results[name] = measure(log, args.work, args.rounds, args.memory, whole=name == args.size)
        _print(name, results[name])
    if args.json:
        args.json.write_text(json.dumps({"when": _now(), "machine": machine(), "results": results}, indent=2))


def _log(mini: Path, work: Path, size: str, giant: int = 0) -> Path:
    name = f"{size}_giant_{giant}.json" if giant else f"{size}.json"
    return repeated(mini, COPIES[size], work / name, giant_lines=giant)


def measure(log: Path, work: Path, rounds: int, memory: str, *, whole: bool) -> dict[str, dict[str, float]]:
    """Medians by contestant; every round lets each have a turn, on an empty folder."""
    engine_memory = f"{int(float(memory.removesuffix('GB')) * 550)}MB"
    every: dict[str, Callable[[str], list[str]]] = {
        "churn: ingest + rollups": lambda out: [sys.executable, "-c", ROLLUPS, str(log), out, memory],
        "rival: ingest + rollups": lambda out: [
            sys.executable, str(HERE / "rival_duckdb.py"), str(log), out, engine_memory
        ],
        "churn run, whole": lambda out: [
            sys.executable, "-m", "churn", "run", str(log), "--out", out, "--memory", memory
        ],
    }  # fmt: skip
    contestants = every if whole else {name: every[name] for name in list(every)[:1]}
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, command in contestants.items():
            out = work / f"run {name.partition(':')[0]}"
            shutil.rmtree(out, ignore_errors=True)
            cost = cost_of(command(str(out)))
            # A run counts its peak anew at every step, so the system only knows the last one.
            steps = [json.loads(path.read_text())["done"]["memory"] for path in out.glob(".churn/steps/*.json")]
            costs[name].append(replace(cost, memory=max([cost.memory, *steps])))
            if name.startswith("rival"):
                _same_user_days(work / "run churn" / "rollups" / "user_days" / "part-0.parquet", out)
    account = json.loads((work / "run churn" / "ingest.json").read_text())
    return {
        name: {
            "wall_s": statistics.median(cost.wall for cost in found),
            "cpu_s": statistics.median(cost.cpu for cost in found),
            "peak_gb": max(cost.memory for cost in found) / 1e9,
            "lines": account["lines"],
        }
        for name, found in costs.items()
    }


def _same_user_days(ours: Path, rival: Path) -> None:
    """The rival does the same work: its table is equal, row by row."""
    columns = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{ours}'").fetchall()]
    names = ", ".join(f'"{name}"' for name in columns)
    left, right = f"SELECT {names} FROM '{ours}'", f"SELECT {names} FROM '{rival / 'user_days.parquet'}'"
    for a, b in ((left, right), (right, left)):
        different = duckdb.sql(f"SELECT count(*) FROM ({a} EXCEPT {b})").fetchall()[0][0]
        if different:
            raise SystemExit(f"{different} rows of user_days differ between churn and the rival")


def machine() -> str:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _print_head(memory: str) -> None:
    print(f"{_now()}; {machine()}; --memory {memory}\n")
    print("| log | what | lines | wall s | CPU s | peak GB | µs a line | to the rival |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)


def _print(log: str, found: dict[str, dict[str, float]]) -> None:
    rival = found.get("rival: ingest + rollups")
    for name, cost in found.items():
        ratio = f"{cost['wall_s'] / rival['wall_s']:.2f}" if rival and "rollups" in name else ""
        print(
            f"| {log} | {name} | {cost['lines']:,} | {cost['wall_s']:.1f} | {cost['cpu_s']:.1f} "
            f"| {cost['peak_gb']:.1f} | {1e6 * cost['wall_s'] / cost['lines']:.2f} | {ratio} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
