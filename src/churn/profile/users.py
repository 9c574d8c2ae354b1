"""Rollups to one row a user, and to counted values of sessions and of what came before a leaving."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir
from ibis import _

from churn.rollups import ATTRIBUTES
from churn.schema import COUNTED

BURST: Final = 5
"""Adverts of one user on one day that make a burst."""

TRIGGERS: Final[dict[str, str]] = {
    "upgrade": "a move to the paid level was submitted",
    "downgrade": "a move to the free level was submitted",
    "advert burst": f"{BURST} adverts or more on one day",
}
"""What may come before a leaving, in words."""

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
        **{name: _[name].sum().cast("int64") for name in _SUMS},
        **{name: _[name].argmax(_.day) for name in ATTRIBUTES},
    )
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
    """Days of users on which something happened, by what came of them.

    Returns:
        `trigger` (of `TRIGGERS`, or `any day`), `day`, `days` from it to the leaving (null for who stayed),
        `latest` (1 for the user's last such day before leaving), and how many: `n`.
    """
    joined = user_days.left_join(leavers.select("userId", "left_day"), "userId").drop("userId_right")
    until = joined.filter(joined.left_day.isnull() | (joined.day <= joined.left_day))
    conditions = {
        "upgrade": until.upgrade_submits > 0,
        "downgrade": until.downgrade_submits > 0,
        "advert burst": until.adverts >= BURST,
        "any day": ibis.literal(True),
    }
    parts = [_of_trigger(until, trigger, condition) for trigger, condition in conditions.items()]
    return ibis.union(*parts)


def _of_trigger(days: ir.Table, trigger: str, condition: ir.Value) -> ir.Table:
    chosen = days.filter(condition).select(
        "userId", "day", days=days.left_day.delta(days.day, unit="day").cast("int64")
    )
    last = chosen.mutate(latest=(chosen.day == chosen.day.max().over(group_by="userId")).cast("int8"))
    counted = last.group_by("day", "days", "latest").aggregate(n=last.count())
    return counted.select("day", "days", "latest", "n", trigger=ibis.literal(trigger))
