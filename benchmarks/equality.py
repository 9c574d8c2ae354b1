"""Rivals do the same work: their account and their tables are those of this program, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import duckdb

TABLES: Final = ("sessions", "user_days", "leavers")

STATUSES: Final = ("blank", "unparseable", "no_ts", "no_page", "duplicate", "nobody", "kept")


def check_same(run: Path, rival: Path) -> None:
    """Compare what a rival wrote into a folder with a run of this program.

    Raises:
        SystemExit: naming the first table that differs.
    """
    ours, theirs = account(run), rivals_account(rival)
    if ours != theirs:
        raise SystemExit(f"{rival.name}: the account differs: {theirs} instead of {ours}")
    for table in TABLES:
        different = differing_rows(_table(run, table), _table(rival, table))
        if different:
            raise SystemExit(f"{rival.name}: {different} rows of {table} differ from those of this program")


def _table(folder: Path, name: str) -> Path:
    """Files of a table, in a run of this program or in what a rival wrote."""
    run, path = folder / "rollups" / name, folder / f"{name}.parquet"
    return run / "*.parquet" if run.is_dir() else path / "*.parquet" if path.is_dir() else path


def account(run: Path) -> dict[str, int]:
    """Lines by what became of them, in a run of this program; statuses that do not occur are left out."""
    found = json.loads((run / "ingest.json").read_text(encoding="utf-8"))
    counts = {**found, **found["quarantined"]}
    return {status: counts[status] for status in STATUSES if counts[status]}


def rivals_account(rival: Path) -> dict[str, int]:
    """The same of a rival, which may be this program on another engine."""
    if (rival / "ingest.json").exists():
        return account(rival)
    found = json.loads((rival / "account.json").read_text(encoding="utf-8"))
    return {status: found[status] for status in STATUSES if found.get(status)}


def differing_rows(ours: Path, theirs: Path) -> int:
    """Number of rows that are in one table and not as often in the other, looking at the columns of ours."""
    with duckdb.connect() as con:
        columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM '{ours}'").fetchall()]
        names = ", ".join(f'"{name}"' for name in columns)
        left, right = f"SELECT {names} FROM '{ours}'", f"SELECT {names} FROM '{theirs}'"
        (found,) = con.execute(
            f"SELECT (SELECT count(*) FROM ({left} EXCEPT ALL {right})) + "
            f"(SELECT count(*) FROM ({right} EXCEPT ALL {left}))"
        ).fetchall()
    return int(found[0])
