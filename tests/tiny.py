"""Small logs in, rows of rollups and snapshots out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from churn import rollups, snapshots
from churn.account import Account
from churn.engines import Engine
from churn.features import feature_list
from churn.ingest import OWN_NAMES, Ingest
from churn.problem import Problem
from churn.snapshots import KEYS
from churn.sources import find_sources
from tests.conftest import Row, event, write_log

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FORECAST = Problem()


def ms(text: str) -> int:
    """A UTC time of 2018 in ms: `ms("10-01 23:59")`, `ms("10-01 23:59:59.999")`."""
    return round(datetime.fromisoformat(f"2018-{text}").replace(tzinfo=UTC).timestamp() * 1000)


def day(text: str) -> date:
    """A day of 2018: `day("10-01")`."""
    return date.fromisoformat(f"2018-{text}")


def visit(user: str | int, session: int | None, on: str, steps: str, **fields: object) -> list[Row]:
    """The events of a session on one day: `visit("7", 1, "10-01", "10:00 Home, 10:05 NextSong")`.

    `fields` hold for every step; places in the session count up from 0.
    """
    rows = []
    for place, step in enumerate(steps.split(",")):
        time, page = step.split(maxsplit=1)
        rows.append(
            event(user, ms(f"{on} {time}"), page.strip(), **{"sessionId": session, "itemInSession": place, **fields})
        )
    return rows


def play(
    user: str | int, session: int, at: str, artist: str | None, song: str | None = "Undo", **fields: object
) -> Row:
    """One song played: `play("7", 1, "10-01 10:00", "Muse", "Undo")`."""
    return event(user, ms(at), "NextSong", sessionId=session, artist=artist, song=song, **fields)


@dataclass(frozen=True)
class Rolled:
    """A log after ingest and rollups."""

    engine: Engine
    account: Account
    events: ir.Table
    sessions: ir.Table
    user_days: ir.Table
    leavers: ir.Table
    problem: Problem

    def session_rows(self) -> list[Row]:
        """Rows of `sessions`, in order of their keys."""
        return self.engine.fetch(self.sessions.order_by("userId", "sessionId", "day")).to_pylist()

    def day_rows(self) -> list[Row]:
        """Rows of `user_days`, in order of their keys."""
        return self.engine.fetch(self.user_days.order_by("userId", "day")).to_pylist()

    def forecast(self, cutoffs: Sequence[date], as_of: date | None = None, seed: int = 0) -> pa.Table:
        """Snapshots of the task `forecast`; as of the latest cut-off unless told otherwise."""
        as_of = as_of or max(cutoffs)
        return self.engine.fetch(snapshots.forecast(self.user_days, self.leavers, self.problem, cutoffs, as_of, seed))

    def history(self, as_of: date, seed: int = 0) -> pa.Table:
        """Snapshots of the task `history`."""
        return self.engine.fetch(snapshots.history(self.user_days, self.leavers, self.problem, as_of, seed))


def roll_files(engine: Engine, folder: Path, logs: Iterable[Path], problem: Problem = FORECAST) -> Rolled:
    """Log files through ingest and rollups, written and read like in a real run, into a new folder below `folder`."""
    out = Path(tempfile.mkdtemp(dir=folder))
    account = Ingest(engine, find_sources(logs), out, OWN_NAMES).run()
    events = engine.read(out / "events")
    engine.write(rollups.sessions(rollups.walk(events, problem.hidden_pages)), out / "sessions")
    sessions = engine.read(out / "sessions")
    engine.write(rollups.user_days(sessions, events, problem.hidden_pages), out / "user_days")
    engine.write(rollups.leavers(events, problem.churn_pages), out / "leavers")
    user_days, leavers = engine.read(out / "user_days"), engine.read(out / "leavers")
    return Rolled(engine, account, events, sessions, user_days, leavers, problem)


def roll(engine: Engine, folder: Path, rows: Sequence[Row], problem: Problem = FORECAST) -> Rolled:
    """`roll_files` for a log given as rows."""
    source = Path(tempfile.mkdtemp(dir=folder))
    return roll_files(engine, folder, [write_log(source / "log.json", rows)], problem)


def features(row: Row, *families: str, problem: Problem = FORECAST) -> dict[str, float]:
    """The features of some families (all, if none is named) in a row of a snapshot."""
    names = [f.name for f in feature_list(problem)[0] if not families or f.family in families]
    return {name: row[name] for name in names}


def bits(table: pa.Table, *, without: Sequence[str] = ()) -> dict[tuple[str, date], tuple[Any, ...]]:
    """By user and cut-off: all columns but some, with floats as their bytes, so that only equal is equal."""
    names = [name for name in table.column_names if name not in without]
    columns = [_exact(table[name]) for name in names]
    keys = zip(table["userId"].to_pylist(), table["cutoff"].to_pylist(), strict=True)
    return dict(zip(keys, zip(*columns, strict=True), strict=True))


def _exact(column: pa.ChunkedArray) -> list[Any]:
    if column.type == pa.float32():
        assert column.null_count == 0
        return column.to_numpy().view("int32").tolist()
    return column.to_pylist()


def assert_features_only(table: pa.Table, problem: Problem = FORECAST) -> None:
    """The columns of a snapshot are the keys and the features, in order."""
    assert table.column_names == [*KEYS, *(f.name for f in feature_list(problem)[0])]
