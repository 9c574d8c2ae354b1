"""`app.sqlite`: what the web page shows of a run, in one file that is read without an engine.

Tables: `meta` (key, JSON), `risk` (as `risk.csv`), `features` (a user a row, at `as_of`), `activity` (a user and
day a row), `reference` (the bundle's reference distributions), and a table for every CSV under `metrics/` and
`statistics/`, called as it is there (`metrics/models`), whose cells are text as in the file.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from churn.errors import OutputError

NAME: Final = "app.sqlite"

FORMAT: Final = 1
"""Version of the file's form; raise it when a reader of the last version would misread a new file.

The reader is `churn.web.store`; it refuses what is newer than itself and must go on reading what is older.
"""

RISK: Final = (
    "rank", "userId", "probability", "band", "reason_1", "reason_2", "reason_3", "level", "region", "last_seen",
    "as_of",
)  # fmt: skip
"""Columns of `risk`, as in `risk.csv`."""

COUNTS: Final = (
    "events", "sessions", "songs", "session_ms", "adverts", "thumbs_up", "thumbs_down", "playlist_adds",
    "friend_adds", "home_visits", "logouts", "errors", "help_visits", "downgrade_views", "upgrade_views",
)  # fmt: skip
"""Columns of `activity` behind `userId` and `day`: counts of that UTC day, and ms in sessions."""

FOLDERS: Final = ("metrics", "statistics")
"""Folders of a run whose CSV files are taken in."""

csv.field_size_limit(2**31 - 1)  # a name in a log may be of any length

_KINDS: Final = {"rank": "INTEGER PRIMARY KEY", "userId": "TEXT NOT NULL UNIQUE", "probability": "REAL NOT NULL"}

Rows = Iterable[Sequence[Any]]


@dataclass(frozen=True)
class AppContent:
    """What goes into the file beside the tables of the run's folder.

    Attributes:
        facts: values of `meta` by key, plain JSON.
        risk: rows of the risk list, cells in the order of `RISK`.
        names: the features, in the order of the cells of `features`.
        features: a user id and its features at `as_of`.
        activity: user id, day (ISO 8601), `COUNTS`; ordered by user and day; only users of the risk list are kept.
        reference: columns of the bundle's reference distributions by name.
    """

    facts: Mapping[str, Any]
    risk: Rows
    names: Sequence[str]
    features: Rows
    activity: Rows
    reference: Mapping[str, Sequence[Any]]


def write_app(path: Path, content: AppContent, run: Path) -> None:
    """Write the file.

    Args:
        path: the new file.
        content: what is in no table of the run.
        run: folder of the run, whose `metrics/*.csv` and `statistics/*.csv` are taken in.

    Raises:
        OutputError: if it cannot be written.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            _fill(db, content, run)
    except sqlite3.OperationalError as error:  # a full disk, above all; a file system's error has no other name here
        raise OutputError(f"{path}: cannot be written ({error})", "free some space, or choose another --out") from error


def _fill(db: sqlite3.Connection, content: AppContent, run: Path) -> None:
    # Nobody reads a half-written file: the step that it belongs to renames it when it is whole.
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    create_risk(db, content.risk)
    columns = {"userId": "TEXT PRIMARY KEY", **dict.fromkeys(content.names, "REAL")}
    _create(db, "features", columns, content.features)
    _activity(db, content.activity)
    _create(db, "reference", dict.fromkeys(content.reference, ""), zip(*content.reference.values(), strict=True))
    for name in FOLDERS:
        for file in sorted((run / name).glob("*.csv")):
            _take_in(db, f"{name}/{file.stem}", file)
    facts = {"format": FORMAT, **content.facts}
    rows = ((key, json.dumps(value, ensure_ascii=False, allow_nan=False)) for key, value in facts.items())
    _create(db, "meta", {"key": "TEXT PRIMARY KEY", "value": "TEXT NOT NULL"}, rows)
    db.execute("COMMIT")
    db.execute("ANALYZE")


def create_risk(db: sqlite3.Connection, rows: Rows) -> None:
    """The table `risk` with the indexes that filters and orders of the page use."""
    _create(db, "risk", {name: _KINDS.get(name, "TEXT NOT NULL") for name in RISK}, rows)
    for column in ("band", "level", "region", "last_seen"):
        db.execute(f"CREATE INDEX risk_{column} ON risk ({column}, rank, probability)")


def quoted(name: str) -> str:
    """A name of a table or column for SQL, whatever is in it.

    >>> quoted('metrics/models'), quoted('a"b')
    ('"metrics/models"', '"a""b"')
    """
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _create(db: sqlite3.Connection, table: str, columns: Mapping[str, str], rows: Rows, key: str = "") -> None:
    described = ", ".join(f"{quoted(name)} {kind}".rstrip() for name, kind in columns.items())
    # A table with a key of several columns is its own index.
    ends = f", PRIMARY KEY ({key})) WITHOUT ROWID" if key else ")"
    db.execute(f"CREATE TABLE {quoted(table)} ({described}{ends}")
    marks = ", ".join("?" * len(columns))
    db.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", rows)


def _activity(db: sqlite3.Connection, rows: Rows) -> None:
    known = {user for (user,) in db.execute("SELECT userId FROM risk")}
    columns = {"userId": "TEXT NOT NULL", "day": "TEXT NOT NULL", **dict.fromkeys(COUNTS, "INTEGER NOT NULL")}
    _create(db, "activity", columns, (row for row in rows if row[0] in known), key="userId, day")


def _take_in(db: sqlite3.Connection, name: str, file: Path) -> None:
    """A CSV file as a table of texts; a file without columns is left out."""
    with file.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text)
        columns = next(reader, [])
        if columns:
            _create(db, name, dict.fromkeys(columns, "TEXT"), reader)
