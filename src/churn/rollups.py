"""Clean events to `sessions` and `user_days`: integers that belong to one UTC day each, so a cut-off is a filter.

One ordered walk goes through every (user, session); "x, then y" is formed inside it and belongs to y's day.
Everything else is counted from the walk, by (user, session, day), and once more by (user, day).
"""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir
from ibis import _

from churn.schema import COUNTED, TS_FIRST

OUTCOMES: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "song": (("NextSong",), 1),
    "rating": (("Thumbs Up", "Thumbs Down"), 2),
    "logout": (("Logout",), 2),
    "downgrade": (("Downgrade", "Submit Downgrade"), 2),
}
"""What may follow (listening on, rating, leaving, thinking of a downgrade): the pages that show it, and
within how many events. Two, since a rating mostly comes after one more song."""

TRIGGERS: Final[dict[str, tuple[str, ...]]] = {
    "advert": ("Roll Advert",),
    "error": ("Error",),
    "thumbs_up": ("Thumbs Up",),
    "thumbs_down": ("Thumbs Down",),
    "home": ("Home",),
    "downgrade_view": ("Downgrade",),
}
"""What is followed."""

HOURS_OF_DAY: Final[dict[str, tuple[int, int]]] = {
    "night": (0, 6),
    "morning": (6, 12),
    "afternoon": (12, 18),
    "evening": (18, 24),
}
"""UTC hours, from and until."""

ATTRIBUTES: Final = ("gender", "registration", "location", "userAgent", "level")
"""What is known of the user; taken from the last event of the day."""

_HOUR = 3_600_000
_NUMBERS: Final = {page: i for i, page in enumerate(COUNTED, 1)}


def walk(events: ir.Table, hidden_pages: tuple[str, ...]) -> ir.Table:
    """Every event that a feature may see, with what came before it in its session.

    Args:
        events: clean events (see `churn.events.judge`).
        hidden_pages: pages that no feature may see (see `Problem.hidden_pages`).

    Returns:
        One row an event: `userId`, `sessionId` (-1 if null), `day`, `ts`, `page` (its place in
        `COUNTED` from 1, 0 for others), `paid` (0/1), `length_e5`, `rank` (orders a user's events: by time,
        place in the session, page, level), and `prev_page`, `prev_ts`, `prev_paid` of the event before it in
        the same session, null for the first, and `prev2_page` of the one before that.
    """
    page = ibis.cases(*[(events.page == name, i) for name, i in _NUMBERS.items()], else_=0)
    seen = events.filter(events.page.notin(hidden_pages)).select(
        "userId",
        "day",
        "ts",
        sessionId=events.sessionId.fill_null(-1),
        page=page.cast("int8"),
        paid=(events.level == "paid").fill_null(False).cast("int8"),
        length_e5=ibis.ifelse(events.page == "NextSong", events.length_e5, 0).fill_null(0),
        place=_place(events),
    )
    # What is ordered and moved about is narrow: all but keys and length is taken out of the ranks again.
    ranked = seen.select("userId", "sessionId", "day", "length_e5", rank=_rank(seen))
    before = ibis.window(group_by=("userId", "sessionId"), order_by="rank")
    ordered = ranked.mutate(prev=_["rank"].lag().over(before), prev2=_["rank"].lag(2).over(before))
    return ordered.select(
        "userId", "sessionId", "day", "length_e5", "rank",
        **_of_rank(ordered["rank"], ""),
        **_of_rank(ordered["prev"], "prev_"),
        prev2_page=_of_rank(ordered["prev2"], "")["page"],
    )  # fmt: skip


def _rank(seen: ir.Table) -> ir.Value:
    """Orders the events of a user: 41 bits of time, 16 of the place in the session, 5 of the page, one of the level."""
    return (seen.ts - TS_FIRST) * 2**22 + seen.place * 2**6 + seen.page.cast("int64") * 2 + seen.paid


def _of_rank(rank: ir.Value, prefix: str) -> dict[str, ir.Value]:
    """What went into a rank."""
    return {
        f"{prefix}ts": (rank >> 22) + TS_FIRST,
        f"{prefix}page": ((rank >> 1) & 31).cast("int8"),
        f"{prefix}paid": (rank & 1).cast("int8"),
    }


def _place(events: ir.Table) -> ir.Value:
    """The place in the session as 16 bits; it only decides between events of the same millisecond."""
    return ibis.least(ibis.greatest(events.itemInSession.fill_null(0), 0), 2**16 - 1)


def sessions(walked: ir.Table) -> ir.Table:
    """One row a (user, session, day), from `walk`.

    Returns:
        Keys; `first_ts`, `last_ts` (ms); `starts` (1 where the session starts in this row); `first_paid`,
        `last_paid` (level of its first and last event); `switched_ts` (last change of level inside, ms, null
        without); and the counts and sums of `_measures`.
    """
    return walked.group_by("userId", "sessionId", "day").aggregate(
        first_ts=_.ts.min(),
        last_ts=_.ts.max(),
        starts=_.prev_ts.isnull().cast("int8").max(),
        first_paid=(_["rank"].min() & 1).cast("int8"),
        last_paid=(_["rank"].max() & 1).cast("int8"),
        switched_ts=_.ts.max(where=_.paid != _.prev_paid),
        **_measures(walked),
    )


def _measures(t: ir.Table) -> dict[str, ir.Value]:
    """Counts of events, of ms and of song lengths, all additive over days."""
    hour = (t.ts // _HOUR) % 24
    song = t.page == _NUMBERS["NextSong"]
    measures = {
        "events": t.count(),
        "session_ms": _total(t.ts - t.prev_ts),
        "listened_e5": _total(t.length_e5),
        "upgrades": _count((t.prev_paid == 0) & (t.paid == 1)),
        "downgrades": _count((t.prev_paid == 1) & (t.paid == 0)),
    }
    for page, name in COUNTED.items():
        here = t.page == _NUMBERS[page]
        measures[name] = _count(here)
        measures[f"paid_{name}"] = _count(here & (t.paid == 1))
    for part, (start, end) in HOURS_OF_DAY.items():
        measures[f"songs_{part}"] = _count(song & (hour >= start) & (hour < end))
    for trigger, pages in TRIGGERS.items():
        numbers = [_NUMBERS[page] for page in pages]
        after = t.prev_page.isin(numbers).fill_null(False)
        after2 = t.prev2_page.isin(numbers).fill_null(False)
        measures[f"after_{trigger}"] = _count(after)
        for outcome, (followers, within) in OUTCOMES.items():
            kinds = [_NUMBERS[page] for page in followers]
            # Of two such pages in a row the first alone counts: one occasion is followed once.
            near = after if within == 1 else after | (after2 & t.prev_page.notin(kinds))
            measures[f"{trigger}_then_{outcome}"] = _count(near & t.page.isin(kinds))
    return measures


def _count(condition: ir.Value) -> ir.Value:
    return _total(condition.cast("int8"))  # a quarter faster than adding up 64-bit ones


def _total(numbers: ir.Value) -> ir.Value:
    """An exact sum: engines widen sums of 64-bit integers each in a way of its own."""
    return numbers.sum().cast("int64").fill_null(0)


def user_days(session_days: ir.Table, events: ir.Table, hidden_pages: tuple[str, ...]) -> ir.Table:
    """One row a (user, day), from `sessions` and, for catalogue and attributes, the events.

    Returns:
        Keys; `first_ts`, `last_ts` (ms); `sessions` (started that day); the sums of `sessions`; `gap_ms`,
        `gaps`, `longest_gap_ms` (breaks that ended that day, between the end of a session and the start of
        the next); `switched_ts` (last change of level, also between sessions); `new_artists`, `new_songs`
        (first heard by this user that day, so that sums over days count distinct ones); and `ATTRIBUTES`.
    """
    keys = ("userId", "day")
    ordered = _after_previous(session_days)
    own = ("sessionId", "starts", "first_ts", "last_ts", "switched_ts", "first_paid", "last_paid")
    additive = [name for name in session_days.columns if name not in keys + own]
    days = ordered.group_by(*keys).aggregate(
        first_ts=ordered.first_ts.min(),
        last_ts=ordered.last_ts.max(),
        sessions=_total(ordered.starts),
        gaps=ordered.gap_ms.count(),
        gap_ms=_total(ordered.gap_ms),
        longest_gap_ms=ordered.gap_ms.max(),
        switched_ts=ordered.switched_ts.max(),
        **{name: _total(ordered[name]) for name in additive},
    )
    seen = events.filter(events.page.notin(hidden_pages))
    plays = seen.filter((seen.page == "NextSong") & seen.artist.notnull())
    songs = _first(plays, "userId", "artist", "song")
    for name, first in (("new_artists", _first(songs, "userId", "artist")), ("new_songs", songs)):
        heard = first.group_by(*keys).aggregate(**{name: first.count()})
        days = days.left_join(heard, keys).drop("userId_right", "day_right")
    days = days.mutate(new_artists=days.new_artists.fill_null(0), new_songs=days.new_songs.fill_null(0))
    return days.inner_join(_last_attributes(seen), keys)


def with_attributes(users: ir.Table, user_days: ir.Table) -> ir.Table:
    """Rows of users with `ATTRIBUTES` as of their `last_day`.

    They are looked up: texts in a sum would make Spark sort wide rows instead of hashing them.
    """
    there = user_days.select("userId", *ATTRIBUTES, last_day=user_days.day)
    return users.inner_join(there, ("userId", "last_day"))


def _after_previous(session_days: ir.Table) -> ir.Table:
    """Add what depends on the session before: the gap, and a level that changed in between."""
    earlier = ibis.window(group_by="userId", order_by=("first_ts", "sessionId", "day"), preceding=(None, 1))
    # The latest end among the sessions before, and the level at that end, as one number.
    end = (session_days.last_ts * 2 + session_days.last_paid).max().over(earlier)
    t = session_days.mutate(prev_end=end // 2, prev_paid=end % 2)
    starts = t.starts == 1
    # What overlaps says nothing about the order of levels.
    changed = (starts & (t.prev_end <= t.first_ts) & (t.prev_paid != t.first_paid)).fill_null(False)
    return t.mutate(
        gap_ms=ibis.ifelse(starts & t.prev_end.notnull(), ibis.greatest(t.first_ts - t.prev_end, 0), None),
        switched_ts=ibis.ifelse(changed & t.switched_ts.isnull(), t.first_ts, t.switched_ts),
        upgrades=t.upgrades + (changed & (t.first_paid == 1)).cast("int64"),
        downgrades=t.downgrades + (changed & (t.first_paid == 0)).cast("int64"),
    ).drop("prev_end", "prev_paid")


def _first(plays: ir.Table, *keys: str) -> ir.Table:
    """The day on which each was first heard; of the first days of an artist's songs, the artist's own."""
    return plays.group_by(*keys).aggregate(day=plays.day.min())


def _last_attributes(seen: ir.Table) -> ir.Table:
    """The attributes of the day's last event; of several at the same time and place, the greatest values."""
    values = {name: seen[name].fill_null(-1 if name == "registration" else "") for name in ATTRIBUTES}
    kinds = (
        seen.mutate(**values, rank=(seen.ts - TS_FIRST) * 2**16 + _place(seen))
        .group_by("userId", "day", *ATTRIBUTES)
        .aggregate(last=_["rank"].max())
    )
    order = [kinds["last"].desc(), *(kinds[name].desc() for name in ATTRIBUTES)]
    number = ibis.row_number().over(group_by=("userId", "day"), order_by=order)
    return kinds.mutate(number=number).filter(_.number == 0).drop("number", "last")


def leavers(events: ir.Table, churn_pages: tuple[str, ...]) -> ir.Table:
    """One row a user who reached a churn page: `userId`, `left_ts` (ms) and `left_day` of the first time."""
    gone = events.filter(events.page.isin(churn_pages))
    return gone.group_by("userId").aggregate(left_ts=gone.ts.min(), left_day=gone.day.min())
