"""What the main job costs, beside hand-written scripts that do the same: `make bench SIZE=mini|medium|full`.

One table from one run: contestants take turns on the same file, each on an empty folder and in a process of its
own, and every figure is the median of the rounds. Writes `SIZE.json` and `SIZE.md` into --out. Smaller sizes, for
the growth, are taken from there if this machine and this program made them, else measured first.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import SIZES, Report
from benchmarks.log import MAKER
from benchmarks.machine import Machine, program
from benchmarks.rounds import Bench
from benchmarks.tables import growth_page, size_page


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    made: list[Report] = []
    for size in SIZES[: SIZES.index(args.size) + 1]:
        found = None if size == args.size else _stored(args.out / f"{size}.json", args)
        if found is None:
            found = _measured(size, args)
            (args.out / f"{size}.json").write_text(found.to_json(), encoding="utf-8")
        made.append(found)
        page = f"# {size}\n\n{size_page(found)}\n## Growth\n\n{growth_page(made)}"
        (args.out / f"{size}.md").write_text(page, encoding="utf-8")
    print(page)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="mini")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("bench"), help="folder for logs and runs")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for JSON and Markdown")
    parser.add_argument("--memory", default="6GB", help="limit of the program; rivals get shares that cost as much")
    parser.add_argument("--giant", type=int, default=0, help="also with one user of so many lines")
    parser.add_argument("--spark", action="store_true", help="also with a whole run on Spark, with the local learner")
    return parser


def _stored(path: Path, args: argparse.Namespace) -> Report | None:
    """The figures of a smaller size, if they go with those that are about to be measured."""
    if not path.exists():
        return None
    found = Report.from_json(path.read_text(encoding="utf-8"))
    now = (Machine.this(), program(), args.memory, MAKER)
    same = (found.machine, found.program, found.memory, found.log.maker) == now
    return found if same else None


def _measured(size: str, args: argparse.Namespace) -> Report:
    bench = Bench(size, args.work.absolute(), args.rounds, args.memory, _say, spark=args.spark and size == args.size)
    load = os.getloadavg()[0]
    log, figures, left_out = bench.run(giant=args.giant if size == args.size else 0)
    options = f"SIZE={size} ROUNDS={args.rounds}"
    more = [*([f"--giant {args.giant}"] if args.giant else []), *(["--spark"] if args.spark else [])]
    extra = f' ARGS="{" ".join(more)}"' if more and size == args.size else ""
    return Report(
        size=size,
        when=datetime.now(UTC).isoformat(timespec="minutes"),
        command=f"make bench {options}{extra}",
        rounds=args.rounds,
        memory=args.memory,
        load=round(load, 1),
        machine=Machine.this(),
        program=program(),
        log=log,
        figures=tuple(figures),
        left_out=tuple(left_out),
    )


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
