"""What the engine counted, in memory: a handful of small tables, whatever the size of the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ibis.expr.types as ir
import pyarrow as pa

from churn.engines import Engine
from churn.problem import Problem
from churn.profile import counts, users
from churn.profile.frame import Users, listed

TOP: Final = 20
"""Artists, songs, places and agents that are listed."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Collected:
    """The small tables that everything else is computed from; see `churn.profile.counts` and `.users`."""

    kinds: Rows
    nobodys_kinds: Rows
    nobodys_numbers: dict[str, int]
    people: pa.Table
    numbers: dict[str, Any]
    names: dict[str, int]
    top: dict[str, Rows]
    users: Users
    sessions: Rows
    session_ids: dict[str, int]
    active: Rows
    page_users: Rows
    occasions: Rows
    last_seen_leaving: int

    @classmethod
    def of(cls, engine: Engine, run: Path, problem: Problem, scratch: Path) -> Collected:
        """Count what lies in a run folder after ingest and rollups.

        Args:
            engine: counts.
            run: the run folder.
            problem: says which pages mean leaving.
            scratch: a folder for what is too large to fetch; the caller removes it.
        """
        events = engine.read(run / "events")
        days, sessions, leavers = (engine.read(run / "rollups" / n) for n in ("user_days", "sessions", "leavers"))
        engine.write(counts.catalogue(events), scratch / "catalogue")
        pairs = engine.read(scratch / "catalogue")
        nobody = engine.read(run / "nobody") if any((run / "nobody").rglob("*.parquet")) else None

        def rows(table: ir.Table) -> Rows:
            return listed(engine.fetch(table))

        return cls(
            kinds=rows(counts.kinds(events, leavers)),
            nobodys_kinds=rows(counts.nobodys_kinds(nobody)) if nobody is not None else [],
            nobodys_numbers=rows(counts.nobodys_numbers(nobody))[0] if nobody is not None else {},
            people=engine.fetch(counts.people(events, problem.hidden_pages)),
            numbers=_numbers(engine, events),
            names=rows(counts.distinct(pairs))[0],
            top={name: rows(counts.top(pairs, name, TOP)) for name in ("artist", "song")},
            users=Users.of(engine.fetch(users.users(days, leavers))),
            sessions=rows(users.whole_sessions(sessions, leavers)),
            session_ids=rows(users.session_ids(sessions))[0],
            active=rows(users.active_users(days, leavers)),
            page_users=rows(users.page_users(days, leavers)),
            occasions=users.by_trigger(rows(users.occasions(days, leavers))),
            last_seen_leaving=int(rows(leavers.aggregate(n=leavers.count()))[0]["n"]),
        )


def _numbers(engine: Engine, events: ir.Table) -> dict[str, Any]:
    """`<column>__nulls`, `__distinct`, `__min` and `__max` of every column of numbers, and `length__e5`."""
    found: dict[str, Any] = listed(engine.fetch(counts.music(events)))[0]
    for name in counts.NUMBERS:
        (row,) = listed(engine.fetch(counts.number(events, name)))
        found |= {f"{name}__{part}": value for part, value in row.items()}
    return found
