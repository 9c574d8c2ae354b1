"""Clean events to small tables of counts: each column of the events is read once."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir
from ibis import _

KINDS: Final = ("page", "level", "auth", "method", "status")
"""Columns with few values; every row of a log falls into one of a few hundred kinds."""

PERSON: Final = ("firstName", "lastName", "gender", "registration", "location", "userAgent")
"""Columns that say who somebody is: mostly one value a user."""

NUMBERS: Final = ("itemInSession", "length", "sessionId", "ts")
"""Columns that hold numbers and belong to the event."""

_HOUR = 3_600_000


def kinds(events: ir.Table, leavers: ir.Table) -> ir.Table:
    """How many events of each kind, by UTC day and hour (0 to 23), of users who `left` (0/1).

    Args:
        events: clean events.
        leavers: see `churn.rollups.leavers`.
    """
    gone = leavers.select("userId", left=ibis.literal(1, "int8"))
    joined = events.left_join(gone, "userId").drop("userId_right")
    hour = ((joined.ts // _HOUR) % 24).cast("int8")
    keyed = joined.select("day", *KINDS, hour=hour, left=joined.left.fill_null(0))
    return keyed.group_by("day", "hour", "left", *KINDS).aggregate(n=keyed.count())


def nobodys_kinds(nobody: ir.Table) -> ir.Table:
    """How many of nobody's lines of each kind."""
    return nobody.group_by(*KINDS).aggregate(n=nobody.count())


def people(events: ir.Table, hidden_pages: tuple[str, ...]) -> ir.Table:
    """How many events of each user under each name, place, agent and status; `hidden` (0/1) pages apart."""
    keyed = events.select("userId", *PERSON, "status", hidden=events.page.isin(hidden_pages).cast("int8"))
    return keyed.group_by("userId", *PERSON, "status", "hidden").aggregate(n=keyed.count())


def catalogue(events: ir.Table) -> ir.Table:
    """How many events name each pair of artist and song; most pairs of a log without music are null."""
    return events.group_by("artist", "song").aggregate(n=events.count())


def number(events: ir.Table, name: str) -> ir.Table:
    """One row about one of `NUMBERS`: its `nulls`, `distinct` values, smallest (`min`) and largest (`max`).

    One column at a time and grouped: Spark would copy every event once for each of several distinct counts.
    """
    values = events.group_by(value=events[name]).aggregate(n=events.count())
    known = values.value.notnull()
    return values.aggregate(
        nulls=values.n.sum(where=~known).cast("int64").fill_null(0),
        distinct=known.sum().cast("int64").fill_null(0),
        min=values.value.min(),
        max=values.value.max(),
    )


def music(events: ir.Table) -> ir.Table:
    """One row: the sum of all song lengths in 1/100,000 s, `length__e5`; null without music."""
    return events.aggregate(length__e5=events.length_e5.sum().cast("int64"))


def nobodys_numbers(nobody: ir.Table) -> ir.Table:
    """One row: nulls of every column that is not among `KINDS`, on nobody's lines."""
    names = (*NUMBERS, *PERSON, "artist", "song", "userId")
    nulls = {name: nobody[name].isnull().sum().cast("int64").fill_null(0) for name in names}
    return nobody.aggregate(**nulls, with_id=(nobody.userId.fill_null("") != "").sum().cast("int64").fill_null(0))


def top(pairs: ir.Table, name: str, how_many: int) -> ir.Table:
    """The `how_many` most frequent values of a column of `catalogue`, ties by value: `value`, `n`."""
    counted = pairs.filter(pairs[name].notnull()).group_by(value=pairs[name]).aggregate(n=_.n.sum().cast("int64"))
    return counted.order_by(counted.n.desc(), counted.value).limit(how_many)


def distinct(pairs: ir.Table) -> ir.Table:
    """One row: distinct artists, songs and pairs; null rows; songs called NaN; artists with broken letters."""
    both = pairs.artist.notnull() & pairs.song.notnull()
    broken = pairs.artist.contains("Ã")  # UTF-8 that was read as Latin-1 and written as UTF-8 again
    return pairs.aggregate(
        artists=pairs.artist.nunique(),
        songs=pairs.song.nunique(),
        pairs=both.sum().cast("int64"),
        artist_nulls=pairs.n.sum(where=pairs.artist.isnull()).cast("int64").fill_null(0),
        song_nulls=pairs.n.sum(where=pairs.song.isnull()).cast("int64").fill_null(0),
        songs_called_nan=pairs.n.sum(where=pairs.song == "NaN").cast("int64").fill_null(0),
        broken_artists=pairs.n.sum(where=broken).cast("int64").fill_null(0),
    )
