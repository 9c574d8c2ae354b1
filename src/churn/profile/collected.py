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
            numbers=rows(counts.numbers(events))[0],
            names=rows(counts.distinct(pairs))[0],
            top={name: rows(counts.top(pairs, name, TOP)) for name in ("artist", "song")},
            users=Users.of(engine.fetch(users.users(days, leavers))),
            sessions=rows(users.whole_sessions(sessions, leavers)),
            session_ids=rows(users.session_ids(sessions))[0],
            active=rows(users.active_users(days, leavers)),
            page_users=rows(users.page_users(days, leavers)),
            occasions=rows(users.occasions(days, leavers)),
            last_seen_leaving=int(rows(leavers.aggregate(n=leavers.count()))[0]["n"]),
        )
