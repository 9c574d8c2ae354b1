"""Reads `app.sqlite`: every statement with parameters, over read-only connections that are opened at the start."""

from __future__ import annotations

import json
import queue
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from churn.app_data import FORMAT, quoted
from churn.errors import SourceError

Row = dict[str, Any]
Cells = Mapping[str, str]

BANDS: Final = ("high", "medium", "low")

SORTS: Final = ("rank", "userId", "probability", "band", "level", "region", "last_seen")
"""Columns that a risk list can be ordered by; with a minus in front, downwards."""

AT_ONCE: Final = 6
"""Connections of a list: more than the server has threads, of which each uses one at a time."""

_ORDERS: Final = {
    **{name: f'"{name}"' for name in SORTS},
    "band": "CASE band WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END",
}


@dataclass(frozen=True)
class Wanted:
    """A part of a risk list.

    Attributes:
        band: only this band.
        level: only this level.
        region: only users whose region names this state (`MA` finds `MA-NH`), or is this.
        q: only users whose id holds this, in small or capital letters.
        last_rank: only users up to this rank.
        sort: one of `SORTS`, or with a minus in front.
        page: from 1.
        size: rows a page; None for all.
    """

    band: str | None = None
    level: str | None = None
    region: str | None = None
    q: str | None = None
    last_rank: int | None = None
    sort: str = "rank"
    page: int = 1
    size: int | None = 50

    @property
    def is_filtered(self) -> bool:
        """Whether it may be less than all users."""
        return any((self.band, self.level, self.region, self.q)) or self.last_rank is not None


@dataclass(frozen=True)
class RiskPage:
    """Rows of a risk list, and how many there are on all pages."""

    rows: Sequence[Row]
    total: int
    page: int
    pages: int


@dataclass(frozen=True)
class Reach:
    """What contacting the users most at risk should bring, by the sum of their calibrated probabilities.

    Attributes:
        contacted: how many are contacted.
        leavers: how many of them are expected to leave if nobody does anything.
        false_alarms: how many of them would stay anyway.
        all_leavers: leavers expected in the whole list.
        threshold: the lowest probability among them; None if nobody is contacted.
        last_rank: the rank of the last of them in the whole list; 0 if nobody is contacted.
    """

    contacted: int
    leavers: float
    false_alarms: float
    all_leavers: float
    threshold: float | None
    last_rank: int

    @property
    def share(self) -> float:
        """Share of all expected leavers that is reached."""
        return self.leavers / self.all_leavers if self.all_leavers else 0.0


class RiskList:
    """A risk list in a file of SQLite: that of a run, or of a job."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            SourceError: if there is none, or it cannot be read.
        """
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        try:
            for db in _opened(path):
                self._idle.put(db)
        except (sqlite3.Error, OSError) as error:
            raise SourceError(f"{path} is damaged ({error})", "make it again with churn run") from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        db = self._idle.get()
        try:
            yield db
        finally:
            self._idle.put(db)

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._connection() as db:
            return db.execute(sql, values).fetchall()

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """Every row of the part that is wanted, on whatever page, one after the other."""
        where, values = _where(wanted)
        with self._connection() as db:
            for row in db.execute(f"SELECT * FROM risk {where} ORDER BY {_order(wanted)}", values):
                yield dict(row)

    def find(self, wanted: Wanted) -> RiskPage:
        """A page of the part that is wanted."""
        where, values = _where(wanted)
        ((total,),) = self._all(f"SELECT count(*) FROM risk {where}", values)
        size = wanted.size or max(1, total)
        sql = f"SELECT * FROM risk {where} ORDER BY {_order(wanted)} LIMIT ? OFFSET ?"
        rows = self._all(sql, [*values, size, (wanted.page - 1) * size])
        return RiskPage([dict(row) for row in rows], total, wanted.page, max(1, -(-total // size)))

    def user(self, user: str) -> Row | None:
        """The row of a user."""
        rows = self._all("SELECT * FROM risk WHERE userId = ?", [user])
        return dict(rows[0]) if rows else None

    def choices(self, column: str) -> list[str]:
        """The different values of `level` or `region`, sorted."""
        assert column in ("level", "region")
        return [value for (value,) in self._all(f"SELECT DISTINCT {column} FROM risk ORDER BY {column}")]

    def bands(self) -> dict[str, int]:
        """Users by band, in the order of `BANDS`."""
        found = {band: n for band, n in self._all("SELECT band, count(*) FROM risk GROUP BY band")}
        return {band: found.get(band, 0) for band in BANDS}

    def reach(self, contacted: int, wanted: Wanted | None = None) -> Reach:
        """What contacting the first so many of a list should bring; filters of `wanted` count, its order does not."""
        where, values = _where(wanted or Wanted())
        ((all_leavers,),) = self._all(f"SELECT coalesce(sum(probability), 0.0) FROM risk {where}", values)
        first = f"SELECT rank, probability FROM risk {where} ORDER BY rank LIMIT ?"
        sums = "count(*), coalesce(sum(probability), 0.0), min(probability), coalesce(max(rank), 0)"
        ((n, leavers, least, last),) = self._all(f"SELECT {sums} FROM ({first})", [*values, contacted])
        return Reach(n, leavers, n - leavers, all_leavers, least, last)


class Store(RiskList):
    """Everything of a run."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            SourceError: if it is damaged, or of a newer form.
        """
        super().__init__(path)
        try:
            self.facts: dict[str, Any] = {key: json.loads(value) for key, value in self._all("SELECT * FROM meta")}
            self._tables = {name for (name,) in self._all("SELECT name FROM sqlite_master WHERE type = 'table'")}
            version = int(self.facts["format"])
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{path} is damaged ({error})", "make it again with churn run") from error
        if version > FORMAT:
            what = f"{path} has format {version}, and this program reads formats up to {FORMAT}"
            raise SourceError(what, "update sparkify-churn")

    @property
    def as_of(self) -> str:
        """The date that the risk list is of."""
        return str(self.facts["as_of"])

    def features(self, user: str) -> dict[str, float | None]:
        """The features of a user at `as_of`, None where unknown; nothing for a user who is not in the list."""
        rows = self._all("SELECT * FROM features WHERE userId = ?", [user])
        return {name: rows[0][name] for name in rows[0].keys()[1:]} if rows else {}

    def activity(self, user: str) -> list[Row]:
        """The counts of a user's active days, in order of time."""
        return [dict(row) for row in self._all("SELECT * FROM activity WHERE userId = ? ORDER BY day", [user])]

    def tables(self) -> list[str]:
        """Names of the tables of `metrics/` and `statistics/`."""
        return sorted(name for name in self._tables if "/" in name)

    def table(self, name: str, **wanted: str) -> list[Cells]:
        """Rows of a table of the run whose cells are as wanted, in the order of its file; cells are text.

        A table that the run did not make has no rows.
        """
        return list(self._rows(name, wanted))

    def _rows(self, name: str, wanted: Mapping[str, str]) -> Iterator[Cells]:
        if name in self._tables:
            where = " AND ".join(f"{quoted(column)} = ?" for column in wanted) or "1"
            for row in self._all(f"SELECT * FROM {quoted(name)} WHERE {where} ORDER BY rowid", list(wanted.values())):
                yield dict(row)

    def reference(self) -> dict[str, list[Any]]:
        """Columns of the bundle's reference distributions; see `churn.reference`."""
        rows = self._all("SELECT * FROM reference ORDER BY rowid")
        return {name: [row[name] for row in rows] for name in (rows[0].keys() if rows else ())}


def _opened(path: Path) -> list[sqlite3.Connection]:
    """Connections to one file, all opened now: a run that replaces it later is not seen by some of them alone.

    A path below /proc/self/fd would not do: SQLite looks up where it leads, and opens what is there now.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    while True:
        before = path.stat()
        opened = [sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False) for _ in range(AT_ONCE)]
        for db in opened:
            db.row_factory = sqlite3.Row
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        after = path.stat()
        if (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino):
            return opened
        for db in opened:
            db.close()


def _order(wanted: Wanted) -> str:
    down = wanted.sort.startswith("-")
    return f"{_ORDERS[wanted.sort.removeprefix('-')]} {'DESC' if down else 'ASC'}, rank"


def _where(wanted: Wanted) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for column in ("band", "level"):
        value = getattr(wanted, column)
        if value:
            parts.append(f"{column} = ?")
            values.append(value)
    if wanted.region:
        parts.append("instr('-' || region || '-', '-' || ? || '-') > 0")
        values.append(wanted.region)
    if wanted.q:
        parts.append("instr(lower(userId), lower(?)) > 0")
        values.append(wanted.q)
    if wanted.last_rank is not None:
        parts.append("rank <= ?")
        values.append(wanted.last_rank)
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values
