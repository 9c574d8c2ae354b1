"""Events to lines of JSON as the real log writes them, or to rows of Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from churn.schema import COLUMNS, LENGTH_UNITS, NUMBERS
from churn.simulate.catalogue import Catalogue
from churn.simulate.chain import LEVELS, PUT, REDIRECTS, STATES, State
from churn.simulate.log import Events
from churn.simulate.people import People
from churn.simulate.visitors import FIRST_GUEST, GUEST_PAGES
from churn.simulate.walk import Rows

Strings: TypeAlias = pa.StringArray

ALL_STATES: tuple[State | None, ...] = (*STATES, None, *(State(page, 0, False) for page in GUEST_PAGES))
"""By number of the state; nothing stands where the chain has the end of a session."""


@dataclass(frozen=True)
class Row:
    """What the state alone says of a line."""

    auth: str
    level: str
    method: str
    page: str
    status: int

    @classmethod
    def of(cls, number: int) -> Row:
        """The fields that follow from a state."""
        state = ALL_STATES[number] or STATES[0]
        if number >= FIRST_GUEST:
            auth = "Guest"
        elif state.page == "Cancellation Confirmation":
            auth = "Cancelled"
        else:
            auth = "Logged In" if state.logged_in else "Logged Out"
        status = 404 if state.page == "Error" else 307 if state.page in REDIRECTS else 200
        return cls(auth, LEVELS[state.level], "PUT" if state.page in PUT else "GET", state.page, status)


ROWS = tuple(Row.of(number) for number in range(len(ALL_STATES)))
IS_MEMBER = np.array([state is not None and state.logged_in for state in ALL_STATES])
"""By state: the line belongs to a member; all others are nobody's."""


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Writer:
    """Turns rows into lines: every line is put together of pieces made beforehand, by state, user and song.

    Attributes:
        pieces: in the order of the line: whose piece it is, and the piece by number. For `user` and `song` number
            0 is the piece of nobody, of no song.
    """

    pieces: Sequence[tuple[str, Strings]]
    events: Events
    start_s: int

    @classmethod
    def of(cls, who: People, songs: Catalogue, events: Events, start: date) -> Writer:
        """Make all pieces.

        Args:
            who: all users.
            songs: all songs.
            events: all events.
            start: the first day.
        """
        start_s = int(np.datetime64(start, "s").astype(np.int64))
        registered = (who.registration + start_s).tolist()
        ends = [f'"userAgent": {_json(a)}, "userId": {_json(i)}}}\n' for a, i in zip(who.agents, who.ids, strict=True)]
        by_user = (
            [f'"firstName": {_json(f)}, "gender": "{g}", ' for f, g in zip(who.first_names, who.genders, strict=True)],
            [f', "lastName": {_json(name)}' for name in who.last_names],
            [f', "location": {_json(place)}' for place in who.locations],
            [f', "registration": {second}000' for second in registered],
            [f", {end}" for end in ends],
        )
        by_song = (
            [f'"artist": {_json(name)}, ' for name in songs.artists],
            [f', "length": {length}' for length in (songs.length_e5 / LENGTH_UNITS).tolist()],
            [f', "song": {_json(title)}' for title in songs.titles],
        )
        nobody = ("", "", "", "", f', "userId": {_json(who.guest_id)}}}\n')
        first, last, place, registration, end = (
            ("user", pa.array([none, *texts])) for none, texts in zip(nobody, by_user, strict=True)
        )
        artist, length, song = (("song", pa.array(["", *texts])) for texts in by_song)
        items = max((int(block.item.max()) for block in events.blocks if len(block)), default=0)
        pieces = (
            ("state", pa.array(["{" for _ in ROWS])),
            artist,
            ("state", pa.array([f'"auth": "{row.auth}", ' for row in ROWS])),
            first,
            ("item", pa.array([f'"itemInSession": {item}' for item in range(items + 1)])),
            last,
            length,
            ("state", pa.array([f', "level": "{row.level}"' for row in ROWS])),
            place,
            ("state", pa.array([f', "method": "{row.method}", "page": "{row.page}"' for row in ROWS])),
            registration,
            ("session", pa.array([f', "sessionId": {number}' for number in events.session_ids.tolist()])),
            song,
            ("state", pa.array([f', "status": {row.status}, "ts": ' for row in ROWS])),
            ("ts", None),
            end,
        )
        return cls(pieces, events, start_s)

    def lines(self, rows: Rows) -> bytes:
        """Lines of JSON, each with its newline."""
        if not len(rows):
            return b""
        number = {
            "state": pa.array(rows.state),
            "user": pa.array(np.where(IS_MEMBER[rows.state], rows.user + 1, 0)),
            "song": pa.array(rows.song + 1),
            "item": pa.array(rows.item),
            "session": pa.array(self.events.session_of(rows)),
        }
        ts = pc.cast(pa.array((rows.t.astype(np.int64) + self.start_s) * 1000), pa.string())
        parts = [ts if whose == "ts" else texts.take(number[whose]) for whose, texts in self.pieces]
        joined = pc.binary_join_element_wise(*parts, "")
        _, ends, text = joined.buffers()  # one line behind the other, as they are wanted
        found: bytes = text.slice(0, int(np.frombuffer(ends, np.int32)[len(rows)])).to_pybytes()
        return found


PARQUET_SCHEMA = pa.schema(
    [(name, {"length": pa.float64()}.get(name, pa.int64() if name in NUMBERS else pa.string())) for name in COLUMNS]
)


@dataclass(frozen=True)
class Tables:
    """Turns rows into tables with the 18 columns; see `Writer`."""

    who: People
    songs: Catalogue
    events: Events
    start_s: int

    @classmethod
    def of(cls, who: People, songs: Catalogue, events: Events, start: date) -> Tables:
        """See `Writer.of`."""
        return cls(who, songs, events, int(np.datetime64(start, "s").astype(np.int64)))

    def table(self, rows: Rows) -> pa.Table:
        """Rows as a table of `PARQUET_SCHEMA`."""
        member, plays = IS_MEMBER[rows.state], rows.song >= 0
        user, song, who = rows.user, rows.song, self.who

        def of_member(values: Any) -> pa.Array:
            return pa.array(np.asarray(values)[user], mask=~member)

        def of_song(values: Any) -> pa.Array:
            return pa.array(np.asarray(values)[song], mask=~plays)

        def of_state(name: str) -> pa.Array:
            return pa.array(np.array([getattr(row, name) for row in ROWS])[rows.state])

        columns = {
            "artist": of_song(self.songs.artists),
            "auth": of_state("auth"),
            "firstName": of_member(who.first_names),
            "gender": of_member(who.genders),
            "itemInSession": pa.array(rows.item.astype(np.int64)),
            "lastName": of_member(who.last_names),
            "length": of_song(self.songs.length_e5 / LENGTH_UNITS),
            "level": of_state("level"),
            "location": of_member(who.locations),
            "method": of_state("method"),
            "page": of_state("page"),
            "registration": of_member((who.registration + self.start_s) * 1000),
            "sessionId": pa.array(self.events.session_ids[self.events.session_of(rows)]),
            "song": of_song(self.songs.titles),
            "status": of_state("status"),
            "ts": pa.array((rows.t.astype(np.int64) + self.start_s) * 1000),
            "userAgent": of_member(who.agents),
            "userId": pa.array(np.where(member, who.ids[user], who.guest_id)),
        }
        return pa.table([columns[name] for name in PARQUET_SCHEMA.names], schema=PARQUET_SCHEMA)
