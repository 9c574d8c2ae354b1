"""Features recomputed in plain Python from the raw lines, one user and one cut-off at a time, and golden numbers."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from churn.engines.duckdb import DuckDBEngine
from churn.features.follows import USUAL
from churn.features.pages import BY_LEVEL, PAGES
from churn.problem import Cutoffs, Problem
from churn.schema import COUNTED
from tests.conftest import Row, write_log
from tests.tiny import DAY, HOUR, Rolled, features, roll_files

LEFT = "Cancellation Confirmation"
COLUMN_PAGES = {name: page for page, name in COUNTED.items()}
TRIGGERS = {
    "advert": "Roll Advert",
    "error": "Error",
    "thumbs_up": "Thumbs Up",
    "thumbs_down": "Thumbs Down",
    "home": "Home",
    "downgrade_view": "Downgrade",
}
OUTCOMES = {
    "song": {"NextSong"},
    "rating": {"Thumbs Up", "Thumbs Down"},
    "logout": {"Logout"},
    "downgrade": {"Downgrade", "Submit Downgrade"},
}


class Oracle:
    """What is known of one user at one cut-off, from the lines of the log."""

    def __init__(self, lines: Sequence[Row], at: int) -> None:
        self.at = at
        known = [line for line in lines if line["ts"] < at and line["page"] not in ("Cancel", LEFT)]
        self.seen = sorted(known, key=lambda line: (line["ts"], line.get("itemInSession", 0)))
        self.counted: dict[tuple[int | None, int], Counter[tuple[str, str]]] = {}
        self.sessions: dict[int, list[Row]] = {}
        for line in self.seen:
            self.sessions.setdefault(line["sessionId"], []).append(line)

    def lately(self, lines: Sequence[Row], days: int | None, skip: int = 0) -> list[Row]:
        end = self.at - skip * DAY
        return [line for line in lines if days is None or end - days * DAY <= line["ts"] < end]

    def count(self, column: str, days: int | None = None, skip: int = 0, level: str = "") -> float:
        """A total over some days; hours for `session_ms`."""
        if column == "active_days":
            return len({line["ts"] // DAY for line in self.lately(self.seen, days, skip)})
        if column == "sessions":
            return len(self.lately([session[0] for session in self.sessions.values()], days, skip))
        if column == "session_ms":
            return self.hours(days, skip)
        if (days, skip) not in self.counted:
            lines = self.lately(self.seen, days, skip)
            self.counted[days, skip] = Counter((line["page"], line["level"]) for line in lines)
        pages = self.counted[days, skip]
        if column == "events":
            return pages.total()
        return sum(pages[COLUMN_PAGES[column], each] for each in ("free", "paid") if level in ("", each))

    def hours(self, days: int | None, skip: int = 0) -> float:
        """Time from event to event of a session, which belongs to the day of the later one."""
        end = self.at - skip * DAY
        start = 0 if days is None else end - days * DAY
        return sum(
            (later["ts"] - earlier["ts"]) / HOUR
            for session in self.sessions.values()
            for earlier, later in pairwise(session)
            if start <= later["ts"] < end
        )

    def activity(self) -> dict[str, float]:
        names = {"session_ms": "hours"}
        columns = ("events", "songs", "session_ms", "sessions", "active_days")
        return {
            f"{names.get(column, column)}_{window}": self.count(column, days)
            for column in columns
            for window, days in (("7d", 7), ("14d", 14), ("30d", 30), ("all", None))
        }

    def trends(self) -> dict[str, float]:
        weights = {"songs": 10, "session_ms": 1, "sessions": 1, "thumbs_up": 1, "thumbs_down": 1, "adverts": 1}
        return {
            f"{'hours' if column == 'session_ms' else column}_trend_{days}d": (self.count(column, days) + extra)
            / (self.count(column, days, skip=days) + extra)
            for column, extra in (weights | {"home_visits": 1}).items()
            for days in (7, 14)
        }

    def pages(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for i, (column, (_, usual)) in enumerate(PAGES.items()):
            windows = {"7d": 7, "14d": 14, "30d": 30, "all": None} if i < 12 else {"all": None}
            found |= {f"{column}_{window}": self.count(column, days) for window, days in windows.items()}
            for window, days in (("30d", 30), ("all", None)):
                rate = (self.count(column, days) + usual / 20) / (self.count("songs", days) + 50)
                found[f"{column}_per_1000_songs_{window}"] = 1000 * rate
            found[f"{column}_per_hour"] = (self.count(column) + usual * 0.0143 * 3.5) / (self.hours(None) + 3.5)
            for level in BY_LEVEL.get(column, ()):
                rate = (self.count(column, level=level) + usual / 20) / (self.count("songs", level=level) + 50)
                found[f"{column}_per_1000_{level}_songs"] = 1000 * rate
        return found

    def rhythm(self) -> dict[str, float]:
        spans = sorted((session[0]["ts"], session[-1]["ts"]) for session in self.sessions.values())
        gaps = [(start - end) / HOUR for (_, end), (start, _) in pairwise(spans)]
        usual = (sum(gaps) + 96) / (len(gaps) + 1)
        recency = (self.at - self.seen[-1]["ts"]) / HOUR
        first_day = self.seen[0]["ts"] // DAY * DAY
        found = {
            "recency_hours": recency,
            "gap_hours": usual,
            "recency_in_gaps": recency / usual,
            "longest_gap_hours": max(gaps, default=0),
            "active_day_share": self.count("active_days") * DAY / (self.at - first_day),
        }
        for window, days in (("7d", 7), ("30d", 30), ("all", None)):
            sessions, songs = self.count("sessions", days), self.count("songs", days)
            found[f"session_minutes_{window}"] = (self.hours(days) * 60 + 248) / (sessions + 1)
            found[f"songs_per_session_{window}"] = (songs + 59) / (sessions + 1)
            found[f"songs_per_active_day_{window}"] = (songs + 59) / (self.count("active_days", days) + 1)
        times = [datetime.fromtimestamp(line["ts"] / 1000, UTC) for line in self.seen if line["page"] == "NextSong"]
        parts = Counter(time.hour // 6 for time in times)
        for i, part in enumerate(("night", "morning", "afternoon", "evening")):
            found[f"{part}_share"] = (parts[i] + 15) / (len(times) + 60)
        found["weekend_share"] = (sum(time.isoweekday() > 5 for time in times) + 10.8) / (len(times) + 60)
        return found

    def level(self) -> dict[str, float]:
        switches = [
            (later["ts"], later["level"])
            for earlier, later in pairwise(self.seen)
            if earlier["level"] != later["level"]
        ]
        since = switches[-1][0] if switches else self.seen[0]["ts"]
        first, last = self.seen[0], self.seen[-1]
        registered = min(last.get("registration", first["ts"]), first["ts"])
        return {
            "paid_now": last["level"] == "paid",
            "days_on_level": (self.at - since) / DAY,
            "paid_share_30d": (self.count("songs", 30, level="paid") + 5) / (self.count("songs", 30) + 10),
            "paid_share_all": (self.count("songs", level="paid") + 5) / (self.count("songs") + 10),
            "upgrades_all": sum(level == "paid" for _, level in switches),
            "downgrades_all": sum(level == "free" for _, level in switches),
            "tenure_days": (self.at - registered) / DAY,
            "observed_days": (self.at - first["ts"]) / DAY,
            "female": last["gender"] == "F",
            "male": last["gender"] == "M",
        }

    def catalogue(self) -> dict[str, float]:
        found: dict[str, float] = {}
        plays = [line for line in self.seen if line["page"] == "NextSong"]
        new: dict[str, list[Row]] = {"artists": [], "songs": []}
        heard = set()
        for line in plays:
            for kind, what in (("artists", (line["artist"],)), ("songs", (line["artist"], line["song"]))):
                if what not in heard:
                    heard.add(what)
                    new[kind].append(line)
        for window, days in (("30d", 30), ("all", None)):
            n = self.count("songs", days)
            found[f"new_artist_share_{window}"] = (len(self.lately(new["artists"], days)) + 45) / (n + 50)
            found[f"repeat_share_{window}"] = 1 - (len(self.lately(new["songs"], days)) + 48.5) / (n + 50)
        found["distinct_artists_all"] = len({line["artist"] for line in plays})
        found["distinct_songs_all"] = len({(line["artist"], line["song"]) for line in plays})
        found["song_seconds"] = (sum(line["length"] for line in plays) + 249 * 50) / (len(plays) + 50)
        return found

    def follows(self) -> dict[str, float]:
        """From each trigger, look forward: one event for a song, two for the others."""
        found: dict[str, float] = {}
        for trigger, page in TRIGGERS.items():
            after = []
            for session in self.sessions.values():
                pages = [line["page"] for line in session]
                after += [pages[i + 1 : i + 3] for i in range(len(pages) - 1) if pages[i] == page]
            for outcome, kinds in OUTCOMES.items():
                if outcome == "song":
                    met = sum(pages[0] in kinds for pages in after)
                else:
                    # An occasion right before another of its kind leaves what comes second to that one.
                    met = sum(
                        pages[0] in kinds or (pages[0] != page and len(pages) > 1 and pages[1] in kinds)
                        for pages in after
                    )
                found[f"{trigger}_then_{outcome}"] = (met + 10 * USUAL[trigger][outcome]) / (len(after) + 10)
        return found

    def all(self) -> dict[str, float]:
        return {
            **self.activity(), **self.trends(), **self.pages(), **self.rhythm(), **self.level(),
            **self.catalogue(), **self.follows(),
        }  # fmt: skip


PROFILE = ("device_", "browser_", "region_")  # tested by hand in tests/features


def read_users(path: Path) -> dict[str, list[Row]]:
    """The lines of every user; lines without a name are nobody's."""
    users: dict[str, list[Row]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            if line.get("userId") not in (None, "") and "firstName" in line:
                users.setdefault(str(line["userId"]), []).append(line)
    return users


def midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


def label(lines: Sequence[Row], cutoff: int, as_of: int) -> int | None:
    if cutoff + 14 * DAY > as_of:
        return None
    return int(any(line["page"] == LEFT and cutoff <= line["ts"] < cutoff + 14 * DAY for line in lines))


def eligible(lines: Sequence[Row], at: int) -> bool:
    pages = {line["page"] for line in lines if line["ts"] < at}
    return bool(pages - {"Cancel", LEFT}) and LEFT not in pages


@pytest.fixture(scope="module")
def roll_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Rolled]]:
    folder = tmp_path_factory.mktemp("oracle")
    engine = DuckDBEngine(memory=1_000_000_000, scratch=folder / "scratch", threads=2)
    done: dict[Path, Rolled] = {}

    def run(path: Path) -> Rolled:
        if path not in done:
            done[path] = roll_files(engine, folder, [path])
        return done[path]

    yield run
    engine.close()


@pytest.mark.parametrize(
    ("name", "every"),
    [("real/seven_users.json.gz", 1), pytest.param("eventsim_mini.json.gz", 12, marks=pytest.mark.slow)],
)
def test_every_feature_and_label_is_what_plain_python_finds(
    name: str, every: int, data: Callable[[str], Path], roll_once: Callable[[Path], Rolled]
) -> None:
    users = read_users(data(name))
    log = roll_once(data(name))
    cutoffs = Cutoffs.of_log(Problem(), log.account.first_ts, log.account.last_ts)
    rows = log.forecast(cutoffs.all, cutoffs.as_of).to_pylist()
    found = {(row["userId"], row["cutoff"]): row for row in rows}
    as_of = midnight(cutoffs.as_of)
    assert found.keys() == {
        (user, cutoff) for user, lines in users.items() for cutoff in cutoffs.all if eligible(lines, midnight(cutoff))
    }
    labels = {(user, cutoff): label(users[user], midnight(cutoff), as_of) for user, cutoff in found}
    assert {key: row["label"] for key, row in found.items()} == labels
    assert set(labels.values()) == {0, 1, None}
    compared = 0
    for user in sorted(users)[::every]:
        for cutoff in cutoffs.all:
            if (user, cutoff) in found:
                expected = Oracle(users[user], midnight(cutoff)).all()
                assert_same(features(found[user, cutoff]), expected, (user, cutoff))
                compared += 1
    assert compared > 25


def assert_same(row: dict[str, float], expected: dict[str, float], where: object) -> None:
    rest = {name: value for name, value in row.items() if not name.startswith(PROFILE)}
    assert rest.keys() == expected.keys()
    whole = {name for name, value in expected.items() if isinstance(value, int)}
    assert len(whole) > 60
    wrong = {
        name: (rest[name], value)
        for name, value in expected.items()
        if (rest[name] != value if name in whole else rest[name] != pytest.approx(value, rel=1e-6, abs=1e-7))
    }
    assert wrong == {}, where


GOLDEN = {  # lines, songs, Thumbs Up, adverts, sessions, left
    "23": (782, 656, 28, 19, 4, False),
    "87": (1003, 767, 32, 50, 25, True),
    "95": (2091, 1694, 91, 50, 33, False),
    "113": (1895, 1585, 82, 1, 24, False),
    "133": (44, 32, 2, 1, 1, False),
    "100005": (216, 154, 7, 18, 5, True),
    "100021": (319, 230, 11, 30, 5, True),
}


def test_golden_numbers_of_seven_real_users(data: Callable[[str], Path], roll_once: Callable[[Path], Rolled]) -> None:
    rows = roll_once(data("real/seven_users.json.gz")).history(date(2018, 12, 1)).to_pylist()
    cancelling = {"87": 2, "100005": 2, "100021": 2}  # Cancel and Cancellation Confirmation are no events
    names = ("songs_all", "thumbs_up_all", "adverts_all", "sessions_all", "label")
    assert {
        row["userId"]: (row["events_all"] + cancelling.get(row["userId"], 0), *(row[name] for name in names))
        for row in rows
    } == GOLDEN


@pytest.mark.slow
def test_page_counts_of_68_real_users(data: Callable[[str], Path], engine: DuckDBEngine, tmp_path: Path) -> None:
    with gzip.open(data("real/events_68users.csv.gz"), "rt", encoding="utf-8") as file:
        lines = [row | {"ts": int(row["ts"])} for row in csv.DictReader(file)]
    rows: list[Row] = [row | {"sessionId": int(row["userId"]), "itemInSession": i} for i, row in enumerate(lines)]
    log = roll_files(engine, tmp_path, [write_log(tmp_path / "log.json", rows)])
    found = {row["userId"]: row for row in log.history(date(2018, 12, 1)).to_pylist()}
    counts: dict[str, Counter[str]] = {}
    for line in lines:
        counts.setdefault(line["userId"], Counter())[line["page"]] += 1
    assert (len(found), sum(row["label"] for row in found.values())) == (68, 15)
    for user, pages in counts.items():
        expected: dict[str, Any] = {f"{name}_all": pages[page] for page, name in COUNTED.items()}
        expected["label"] = int(LEFT in pages)
        expected["events_all"] = pages.total() - pages["Cancel"] - pages[LEFT]
        expected["sessions_all"] = 1
        assert {name: found[user][name] for name in expected} == expected, user
    songs = {user: pages["NextSong"] for user, pages in counts.items()}
    assert sum(songs.values()) == sum(row["songs_all"] for row in found.values()) > 60_000
