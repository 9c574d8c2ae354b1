"""Tables about the log itself: its lines, columns, kinds, quirks, calendar and favourites."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from churn.account import Account
from churn.evaluation import Row
from churn.profile.collected import TOP, Collected
from churn.profile.counts import KINDS, NUMBERS, PERSON
from churn.schema import COLUMNS, LENGTH_UNITS
from churn.schema import NUMBERS as NUMBER_COLUMNS

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

GROUPS: Final = {"all": (0, 1), "stayed": (0,), "left": (1,)}
"""Values of the column `left` that a group consists of."""


def lines(account: Account) -> list[Row]:
    """What became of every line: `status`, `lines`, `share`."""
    reasons = {"kept": "kept", "nobody": "nobody's", "duplicate": "duplicate", "blank": "blank",
               "unparseable": "refused: not one JSON object", "no_ts": "refused: no usable time",
               "no_page": "refused: no page"}  # fmt: skip
    return [
        {"status": words, "lines": account.count(status), "share": account.count(status) / account.lines}
        for status, words in reasons.items()
    ]


def values(c: Collected) -> list[Row]:
    """Each value of the columns with few values: `column`, `value`, `events`, `share`, `nobodys_lines`."""
    rows: list[Row] = []
    for column in KINDS:
        ours, nobodys = (_sums(part, column) for part in (c.kinds, c.nobodys_kinds))
        total = sum(ours.values())
        for value in sorted({*ours, *nobodys}, key=lambda v: (-ours[v], -nobodys[v], str(v))):
            rows.append({"column": column, "value": _text(value), "events": ours[value],
                         "share": ours[value] / total, "nobodys_lines": nobodys[value]})  # fmt: skip
    return rows


def pages(c: Collected) -> list[Row]:
    """Each page: `page`, `method`, `status`, `events`, `share`, `nobodys_lines`; several values joined by `/`."""
    ours, nobodys = (_sums(part, "page") for part in (c.kinds, c.nobodys_kinds))
    ways: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in (*c.kinds, *c.nobodys_kinds):
        for name in ("method", "status"):
            ways[row["page"]][name].add(_text(row[name]))
    total = sum(ours.values())
    return [
        {"page": page, **{name: "/".join(sorted(ways[page][name])) for name in ("method", "status")},
         "events": ours[page], "share": ours[page] / total, "nobodys_lines": nobodys[page]}
        for page in sorted({*ours, *nobodys}, key=lambda p: (-ours[p], -nobodys[p], p))
    ]  # fmt: skip


def columns(c: Collected, account: Account) -> list[Row]:
    """Each of the 18 columns: nulls, distinct values of the kept events, and the range of numbers."""
    kept = account.count("kept")
    people = c.people.to_pylist()
    found: dict[str, Row] = {}
    for name in KINDS:
        sums = _sums(c.kinds, name)
        found[name] = {"nulls": sums.pop(None, 0), "distinct": len(sums)}
    for name in (*PERSON, "userId"):
        sums = _sums(people, name)
        found[name] = {"nulls": sums.pop(None, 0), "distinct": len(sums)}
        if name == "registration" and sums:
            found[name] |= {"min": min(sums), "max": max(sums)}
    for name in NUMBERS:
        found[name] = {part: c.numbers[f"{name}__{part}"] for part in ("nulls", "distinct", "min", "max")}
    known = kept - c.numbers["length__nulls"]
    found["length"]["mean"] = (c.numbers["length__e5"] or 0) / LENGTH_UNITS / known if known else float("nan")
    found["artist"] = {"nulls": c.names["artist_nulls"], "distinct": c.names["artists"]}
    found["song"] = {"nulls": c.names["song_nulls"], "distinct": c.names["songs"]}
    return [_column(name, found[name], kept, c, account) for name in COLUMNS]


def _column(name: str, found: Row, kept: int, c: Collected, account: Account) -> Row:
    nobodys = c.nobodys_numbers.get(name)
    if nobodys is None:
        nobodys = _sums(c.nobodys_kinds, name)[None] if name in KINDS else 0
    ends = {part: _readable(name, found.get(part)) for part in ("min", "max", "mean")}
    nulls = int(found["nulls"])
    return {"column": name, "kind": "number" if name in NUMBER_COLUMNS else "text", "nulls": nulls,
            "null_share": nulls / kept, "nobodys_nulls": nobodys, "wrong_type": account.coerced.get(name, 0),
            "distinct": found["distinct"], **ends}  # fmt: skip


def _readable(name: str, value: Any) -> str | float | int:
    if value is None:
        return float("nan")
    return _utc(value) if name in ("ts", "registration") else value


def quirks(c: Collected, account: Account) -> list[Row]:
    """What is odd in this log and what was done about it: `quirk`, `count`, `of`, `unit`, `treatment`."""
    people, kept, n = c.people.to_pylist(), account.count("kept"), len(c.users)
    quoted = sum(row["n"] for row in people if (row["userAgent"] or "").startswith('"'))
    late = int((c.users["registration"] > c.users["first_ts"]).sum())
    ever = len({row["userId"] for row in people})
    several = {name: _several(people, name) for name in ("userAgent", "location", "registration", "gender")}
    made: list[tuple[str, int, int, str, str]] = [
        ("lines that belong to nobody", account.count("nobody"), account.lines, "lines", "kept apart in nobody/"),
        ("of these, lines that carry a user id", c.nobodys_numbers.get("with_id", 0), account.count("nobody"),
         "lines", "the id is not taken for a user"),
        ("duplicate lines", account.count("duplicate"), account.lines, "lines", "counted once"),
        ("refused lines", account.refused, account.lines, "lines", "in quarantine/ with the reason"),
        ("values of a wrong type", sum(account.coerced.values()), account.lines, "lines", "taken as missing"),
        ("session ids that several users share", c.session_ids["shared"], c.session_ids["ids"], "session ids",
         "a session is a pair of user and id"),
        ("users registered after their first event", late, n, "users", "the earlier of the two counts"),
        ("users with several user agents", several["userAgent"], ever, "users", "the last one counts"),
        ("users with several locations", several["location"], ever, "users", "the last one counts"),
        ("users with several registrations", several["registration"], ever, "users", "the last one counts"),
        ("users with several genders", several["gender"], ever, "users", "the last one counts"),
        ("user agents wrapped in quotation marks", quoted, kept, "events", "none: parts of the text are looked for"),
        ("songs called NaN", c.names["songs_called_nan"], kept, "events", "a title, not a missing value"),
        ("artists with twice-encoded letters", c.names["broken_artists"], kept, "events", "left as they are"),
        ("users who played no song", int((c.users["songs"] == 0).sum()), n, "users", "no rate per song"),
        ("users with one session", int((c.users["sessions"] <= 1).sum()), n, "users", "no break between sessions"),
        ("users of whom only the leaving is seen", ever - n, ever, "users", "in no table by user"),
    ]  # fmt: skip
    return [dict(zip(("quirk", "count", "of", "unit", "treatment"), row, strict=True)) for row in made]


def _several(people: Iterable[dict[str, Any]], name: str) -> int:
    found = defaultdict(set)
    for row in people:
        if row[name] is not None:
            found[row["userId"]].add(row[name])
    return sum(len(values) > 1 for values in found.values())


def by_date(c: Collected, account: Account) -> list[Row]:
    """Each UTC day and group: users seen, sessions started, songs, adverts, events; who left that day."""
    events: Counter[tuple[date, int]] = Counter()
    for row in c.kinds:
        events[row["day"], row["left"]] += row["n"]
    seen = {(row["day"], row["left"]): row for row in c.active}
    gone = Counter(_day(ts) for ts in c.users["left_ts"][c.users.left])
    first, last = _day(account.first_ts), _day(account.last_ts)
    rows: list[Row] = []
    for i in range((last - first).days + 1):
        day = first + timedelta(days=i)
        for group, parts in GROUPS.items():
            here = [seen[day, left] for left in parts if (day, left) in seen]
            sums = {name: sum(row[name] for row in here) for name in ("users", "sessions", "songs", "adverts")}
            rows.append({"date": day.isoformat(), "weekday": WEEKDAYS[day.weekday()], "group": group, **sums,
                         "events": sum(events[day, left] for left in parts),
                         "users_who_left": 0 if group == "stayed" else gone[day]})  # fmt: skip
    return rows


def by_weekday(c: Collected, account: Account) -> list[Row]:
    """Each weekday and group: events, songs, the number of such days in the log, songs a day, share of songs."""
    first, last = _day(account.first_ts), _day(account.last_ts)
    days = Counter((first + timedelta(days=i)).weekday() for i in range((last - first).days + 1))
    rows = _calendar(c, "weekday", range(7), lambda row: row["day"].weekday())
    for row in rows:
        i = int(row["weekday"])
        row |= {"weekday": WEEKDAYS[i], "days": days[i], "songs_per_day": int(row["songs"]) / max(days[i], 1)}
    return rows


def by_hour(c: Collected) -> list[Row]:
    """Each UTC hour and group: events, songs, share of the group's songs."""
    return _calendar(c, "hour", range(24), lambda row: row["hour"])


def _calendar(c: Collected, name: str, places: range, place_of: Any) -> list[Row]:
    events: Counter[tuple[int, int]] = Counter()
    songs: Counter[tuple[int, int]] = Counter()
    for row in c.kinds:
        key = (place_of(row), row["left"])
        events[key] += row["n"]
        songs[key] += row["n"] if row["page"] == "NextSong" else 0
    rows: list[Row] = []
    for group, parts in GROUPS.items():
        total = sum(songs[place, left] for place in places for left in parts)
        for place in places:
            here = sum(songs[place, left] for left in parts)
            rows.append({name: place, "group": group, "events": sum(events[place, left] for left in parts),
                         "songs": here, "share_of_songs": here / total if total else float("nan")})  # fmt: skip
    return rows


def favourites(c: Collected) -> list[Row]:
    """The most frequent artists, songs, locations, agents: `kind`, `rank`, `value`, `events`, `share`, `users`."""
    people = c.people.to_pylist()
    rows: list[Row] = []
    plays = sum(row["n"] for row in c.kinds if row["page"] == "NextSong")
    for kind in ("artist", "song"):
        for rank, row in enumerate(c.top[kind], 1):
            rows.append({"kind": kind, "rank": rank, "value": row["value"], "events": row["n"],
                         "share": row["n"] / max(plays, 1), "users": float("nan")})  # fmt: skip
    for kind in ("location", "userAgent"):
        sums, users = _sums(people, kind), defaultdict(set)
        for row in people:
            users[row[kind]].add(row["userId"])
        total = sum(sums.values())
        known = sorted((value for value in sums if value is not None), key=lambda v: (-sums[v], v))
        for rank, value in enumerate(known[:TOP], 1):
            rows.append({"kind": kind, "rank": rank, "value": value, "events": sums[value],
                         "share": sums[value] / total, "users": len(users[value])})  # fmt: skip
    return rows


def _sums(rows: Iterable[dict[str, Any]], column: str) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        found[row[column]] += row["n"]
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _day(ts: float) -> date:
    return datetime.fromtimestamp(ts / 1000, UTC).date()


def _utc(ts: float) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds")
