"""Rollups to one row a user, and to counted values of sessions and of what came before a leaving."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import ibis
import ibis.expr.types as ir
from ibis import _

from churn.rollups import with_attributes
from churn.schema import COUNTED

BURST: Final = 5
"""Adverts of one user on one day that make a burst."""

TRIGGERS: Final[dict[str, str]] = {
    "upgrade": "a move to the paid level was submitted",
    "downgrade": "a move to the free level was submitted",
    "advert burst": f"{BURST} adverts or more on one day",
}
"""What may come before a leaving, in words."""

EVENTS: Final = (*TRIGGERS, "any day")
"""What may happen on a day of a user, or just the day."""

_SUMS: Final = ("events", "session_ms", "listened_e5", "sessions", "gaps", "gap_ms", "new_artists", "new_songs",
                *COUNTED.values(), "paid_songs")  # fmt: skip
_MINUTE = 60_000


def users(user_days: ir.Table, leavers: ir.Table) -> ir.Table:
    """One row a user, in the order of ids.

    Pages of leaving are in no number (see `churn.rollups`).

    Returns:
        `userId`; `left_ts` (ms, null for who stayed); `first_ts`, `last_ts` (ms); `active_days`; the sums over
        all days of counts, of `session_ms` and `listened_e5` (1/100,000 s); `longest_gap_ms`; and the
        attributes of the last day.
    """
    each = user_days.group_by("userId").aggregate(
        first_ts=_.first_ts.min(),
        last_ts=_.last_ts.max(),
        active_days=_.count(),
        longest_gap_ms=_.longest_gap_ms.max(),
        last_day=_.day.max(),
        **{name: _[name].sum().cast("int64") for name in _SUMS},
    )
    each = with_attributes(each, user_days).drop("last_day")
    joined = each.left_join(leavers.select("userId", "left_ts"), "userId").drop("userId_right")
    return joined.order_by("userId")


def whole_sessions(sessions: ir.Table, leavers: ir.Table) -> ir.Table:
    """Sessions put together again over midnight, counted by `left` (0/1), `songs` and whole `minutes`: `n`."""
    whole = sessions.group_by("userId", "sessionId").aggregate(
        first_ts=_.first_ts.min(), last_ts=_.last_ts.max(), songs=_.songs.sum().cast("int64")
    )
    joined = whole.left_join(leavers.select("userId", "left_day"), "userId")
    left = joined.left_day.notnull().cast("int8")
    keyed = joined.select("songs", left=left, minutes=(joined.last_ts - joined.first_ts) // _MINUTE)
    return keyed.group_by("left", "songs", "minutes").aggregate(n=keyed.count())


def session_ids(sessions: ir.Table) -> ir.Table:
    """One row: pairs of user and session, distinct session ids, and how many of them several users share."""
    pairs = sessions.select("userId", "sessionId").distinct()
    ids = pairs.group_by("sessionId").aggregate(users=_.count())
    return ids.aggregate(
        pairs=ids.users.sum().cast("int64"), ids=ids.count(), shared=(ids.users > 1).sum().cast("int64")
    )


def active_users(user_days: ir.Table, leavers: ir.Table) -> ir.Table:
    """By day and `left` (0/1): users seen, sessions started, songs played, adverts shown."""
    joined = user_days.left_join(leavers.select("userId", "left_day"), "userId")
    keyed = joined.mutate(left=joined.left_day.notnull().cast("int8"))
    return keyed.group_by("day", "left").aggregate(
        users=_.count(),
        sessions=_.sessions.sum().cast("int64"),
        songs=_.songs.sum().cast("int64"),
        adverts=_.adverts.sum().cast("int64"),
    )


def page_users(user_days: ir.Table, leavers: ir.Table) -> ir.Table:
    """By `left` (0/1): users who saw each counted page at least once."""
    each = user_days.group_by("userId").aggregate(**{name: _[name].sum() for name in COUNTED.values()})
    joined = each.left_join(leavers.select("userId", "left_day"), "userId")
    keyed = joined.mutate(left=joined.left_day.notnull().cast("int8"))
    return keyed.group_by("left").aggregate(
        **{name: (keyed[name] > 0).sum().cast("int64") for name in COUNTED.values()}
    )


def occasions(user_days: ir.Table, leavers: ir.Table) -> ir.Table:
    """Days of users on which something happened, by what came of them; `by_trigger` takes it apart.

    Returns:
        `day`, `days` from it to the leaving (null for who stayed); for each of `EVENTS` 0 where it did not happen,
        1 where it did, 2 on the user's last such day before leaving; and how many: `n`.
    """
    joined = user_days.left_join(leavers.select("userId", "left_day"), "userId").drop("userId_right")
    until = joined.filter(joined.left_day.isnull() | (joined.day <= joined.left_day))
    happened = (
        until.upgrade_submits > 0,
        until.downgrade_submits > 0,
        until.adverts >= BURST,
        ibis.literal(True),
    )
    dated = until.select(
        "userId",
        "day",
        days=until.left_day.delta(until.day, unit="day").cast("int64"),
        **{f"on_{i}": ibis.ifelse(here, until.day, None) for i, here in enumerate(happened)},
    )
    # All four in one walk over the days of a user.
    kinds = {f"kind_{i}": _kind(dated[f"on_{i}"]) for i in range(len(EVENTS))}
    marked = dated.select("day", "days", **kinds)
    return marked.group_by("day", "days", *kinds).aggregate(n=marked.count())


def _kind(on: ir.Value) -> ir.Value:
    last = on.max().over(group_by="userId")
    return ibis.cases((on.isnull(), 0), (on == last, 2), else_=1).cast("int8")


def by_trigger(counted: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `occasions`, one for each thing that happened: `trigger` (of `EVENTS`), `day`, `days`, `latest`, `n`."""
    return [
        {"trigger": trigger, "day": row["day"], "days": row["days"], "latest": int(kind == 2), "n": row["n"]}
        for row in counted
        for i, trigger in enumerate(EVENTS)
        if (kind := row[f"kind_{i}"])
    ]
