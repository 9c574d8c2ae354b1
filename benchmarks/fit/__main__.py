"""Prints the comparison, line by line."""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from benchmarks.fit import plain
from benchmarks.fit.figures import BYTES, figures
from benchmarks.fit.tables import connect


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("log", type=Path, help="a log: JSON lines, packed or not, or Parquet")
    parser.add_argument("--no-model", action="store_true", help="leave out the plain model")
    parser.add_argument("--off", action="store_true", help="only lines outside their tolerance")
    args = parser.parse_args()
    con = connect(args.log)
    _compare(con, args.off)
    if not args.no_model:
        _difficulty(con)


def _compare(con: duckdb.DuckDBPyConnection, only_off: bool) -> None:
    topic, off, n = "", 0, 0
    for figure in figures():
        (found,) = con.sql(figure.sql).fetchall()[0]
        if found is None and figure.name == BYTES:
            continue
        found = float("nan") if found is None else float(found)
        fits, n = figure.fits(found), n + 1
        off += not fits
        if only_off and fits:
            continue
        if figure.topic != topic:
            topic = figure.topic
            print(f"\n{topic:<42} {'simulated':>10} {'real':>10} {'tolerance':>10}")
        tolerance = f"{figure.tolerance:g}" if figure.points else f"{100 * figure.tolerance:.0f} %"
        print(f"  {figure.name:<40} {found:>10.3f} {figure.real:>10.3f} {tolerance:>10} {'' if fits else 'off'}")
    print(f"\n{n - off} of {n} lines within their tolerance")


def _difficulty(con: duckdb.DuckDBPyConnection) -> None:
    users = con.sql("SELECT count(*) FROM users").fetchall()[0][0]
    nearest = min(plain.REAL, key=lambda n: abs(n - users))
    print(f"\n{'plain model, roc_auc':<42} {'simulated':>10} {f'real, {nearest:,} users':>20} {'eventsim_mini':>15}")
    for task, score in plain.of_log(con).items():
        real = plain.REAL[nearest].get(task)
        print(f"  {task:<40} {score:>10.3f} {'' if real is None else f'{real:.3f}':>20} {plain.KIN[task]:>15.3f}")


if __name__ == "__main__":
    main()
