"""Events to sessions and days, each number worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ibis.expr.types as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.engines.duckdb import DuckDBEngine
from churn.problem import Problem
from churn.schema import COUNTED
from tests.conftest import Row, event
from tests.tiny import DAY, HOUR, MINUTE, Rolled, day, ms, play, roll, visit


def pick(rows: list[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def nonzero(row: Row, *names: str) -> dict[str, Any]:
    """The named measures that are not 0."""
    return {name: row[name] for name in names if row[name]}


AT = ms("10-01 10:00")
FOLLOWS = tuple(
    f"{trigger}_then_{outcome}"
    for trigger in ("advert", "error", "thumbs_up", "thumbs_down", "home", "downgrade_view")
    for outcome in ("song", "rating", "logout", "downgrade")
)
AFTER = tuple(f"after_{t}" for t in ("advert", "error", "thumbs_up", "thumbs_down", "home", "downgrade_view"))


SCENARIOS: dict[str, list[Row]] = {}
Test = TypeVar("Test", bound=Callable[..., None])


def given_log(*rows: Row) -> Callable[[Test], Test]:
    """The log of a test. All are rolled up at once, which is quicker; users never meet, as their ids tell the test."""

    def keep(test: Test) -> Test:
        SCENARIOS[test.__name__] = [row | {"userId": f"{test.__name__}:{row['userId']}"} for row in rows]
        return test

    return keep


@dataclass(frozen=True)
class Log:
    """The rows of one test's users."""

    test: str
    rolled: Rolled

    def rows(self, table: ir.Table, *order: str) -> list[Row]:
        own = table.filter(table.userId.startswith(f"{self.test}:")).order_by("userId", *order)
        found = self.rolled.engine.fetch(own).to_pylist()
        return [row | {"userId": row["userId"].removeprefix(f"{self.test}:")} for row in found]

    def session_rows(self) -> list[Row]:
        return self.rows(self.rolled.sessions, "sessionId", "day")

    def day_rows(self) -> list[Row]:
        return self.rows(self.rolled.user_days, "day")

    def leavers(self) -> list[Row]:
        return self.rows(self.rolled.leavers)


@pytest.fixture(scope="module")
def all_rolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolled]:
    folder = tmp_path_factory.mktemp("rollups")
    engine = DuckDBEngine(memory=1_000_000_000, scratch=folder / "scratch", threads=2)
    yield roll(engine, folder, [row for rows in SCENARIOS.values() for row in rows])
    engine.close()


@pytest.fixture
def log(all_rolled: Rolled, request: pytest.FixtureRequest) -> Log:
    return Log(request.node.originalname, all_rolled)


@given_log(*visit("7", 5, "10-01", "10:00 Home, 10:05 NextSong, 10:09 Thumbs Up, 10:30 Logout"))
def test_one_day_of_one_session(log: Log) -> None:
    (session,) = log.session_rows()
    assert nonzero(session, *session) == {
        "userId": "7",
        "sessionId": 5,
        "day": day("10-01"),
        "first_ts": ms("10-01 10:00"),
        "last_ts": ms("10-01 10:30"),
        "starts": 1,
        "first_paid": 1,
        "last_paid": 1,
        "events": 4,
        "session_ms": 30 * MINUTE,
        "listened_e5": 20_050_000,
        "songs": 1,
        "paid_songs": 1,
        "songs_morning": 1,
        "thumbs_up": 1,
        "paid_thumbs_up": 1,
        "home_visits": 1,
        "paid_home_visits": 1,
        "logouts": 1,
        "paid_logouts": 1,
        "after_home": 1,
        "home_then_song": 1,
        "home_then_rating": 1,
        "after_thumbs_up": 1,
        "thumbs_up_then_logout": 1,
    }
    (of_day,) = log.day_rows()
    keys = ("sessionId", "starts", "first_paid", "last_paid")
    same = {name: value for name, value in nonzero(session, *session).items() if name not in keys}
    assert nonzero(of_day, *of_day) == same | {
        "sessions": 1,
        "new_artists": 1,
        "new_songs": 1,
        "gender": "F",
        "registration": 1_537_000_000_000,
        "location": "Boston-Cambridge-Newton, MA-NH",
        "userAgent": '"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 Chrome/36.0 Safari/537.36"',
        "level": "paid",
    }  # fmt: skip
    assert (of_day["longest_gap_ms"], of_day["switched_ts"]) == (None, None)


@given_log(
    *(
        event("7", AT + i * 1000 + k, page, itemInSession=i, level="paid" if k == 0 else "free")
        for i, page in enumerate(COUNTED)
        for k in range(3)
    )
)
def test_every_page_is_counted_in_its_own_column_and_by_level(log: Log) -> None:
    (of_day,) = log.day_rows()
    assert {name: (of_day[name], of_day[f"paid_{name}"]) for name in COUNTED.values()} == dict.fromkeys(
        COUNTED.values(), (3, 1)
    )
    assert of_day["events"] == 51


@given_log(*visit("7", 1, "10-01", "10:00 Login, 10:01 Register, 10:02 Zebra"))
def test_a_page_without_a_column_counts_as_an_event_only(log: Log) -> None:
    (of_day,) = log.day_rows()
    assert nonzero(of_day, "events", "session_ms", *COUNTED.values(), *AFTER) == {"events": 3, "session_ms": 2 * MINUTE}


@given_log(
    *visit("7", 1, "10-01", "23:00 Home, 23:50 NextSong"),
    *visit("7", 1, "10-02", "00:00 NextSong, 00:20 NextSong", itemInSession=9),
)
def test_a_session_across_midnight_is_two_rows_and_starts_once(log: Log) -> None:
    assert pick(log.session_rows(), "day", "starts", "events", "session_ms", "first_ts", "last_ts") == [
        (day("10-01"), 1, 2, 50 * MINUTE, ms("10-01 23:00"), ms("10-01 23:50")),
        (day("10-02"), 0, 2, 30 * MINUTE, ms("10-02 00:00"), ms("10-02 00:20")),
    ]
    assert pick(log.day_rows(), "day", "sessions", "gaps", "gap_ms") == [
        (day("10-01"), 1, 0, 0),
        (day("10-02"), 0, 0, 0),
    ]


@given_log(event("7", ms("10-02 00:00") - 1), event("7", ms("10-02 00:00")))
def test_midnight_itself_belongs_to_the_day_that_begins(log: Log) -> None:
    assert pick(log.day_rows(), "day", "songs", "session_ms") == [(day("10-01"), 1, 0), (day("10-02"), 1, 1)]


@given_log(
    *visit("7", 1, "10-01", "23:58 Roll Advert, 23:59 Help"),
    *visit("7", 1, "10-02", "00:01 Thumbs Down, 00:02 Logout", itemInSession=9),
)
def test_what_follows_over_midnight_belongs_to_the_day_of_what_follows(log: Log) -> None:
    before, after = log.day_rows()
    assert nonzero(before, *AFTER, *FOLLOWS) == {"after_advert": 1}
    assert nonzero(after, *AFTER, *FOLLOWS) == {
        "advert_then_rating": 1,
        "after_thumbs_down": 1,
        "thumbs_down_then_logout": 1,
    }


FOLLOWED: dict[str, dict[str, int]] = {
    "Roll Advert, NextSong": {"after_advert": 1, "advert_then_song": 1},
    "Roll Advert, Help, NextSong": {"after_advert": 1},
    "Error, Help, Thumbs Up": {"after_error": 1, "error_then_rating": 1},
    "Error, Help, Help, Thumbs Up": {"after_error": 1},
    "Home, Thumbs Down": {"after_home": 1, "home_then_rating": 1},
    "Home, About, Logout": {"after_home": 1, "home_then_logout": 1},
    "Home, About, About, Logout": {"after_home": 1},
    "Error, Downgrade": {"after_error": 1, "error_then_downgrade": 1},
    "Downgrade, Submit Downgrade, Logout": {
        "after_downgrade_view": 1,
        "downgrade_view_then_downgrade": 1,
        "downgrade_view_then_logout": 1,
    },
    "Home, Downgrade, Submit Downgrade": {
        "after_home": 1,
        "home_then_downgrade": 1,
        "after_downgrade_view": 1,
        "downgrade_view_then_downgrade": 1,
    },
    "Home, Home, Logout": {"after_home": 2, "home_then_logout": 1},
    "Thumbs Up, Thumbs Up, Thumbs Up": {"after_thumbs_up": 2, "thumbs_up_then_rating": 2},
    "Thumbs Down, Roll Advert, Logout": {
        "after_thumbs_down": 1,
        "after_advert": 1,
        "thumbs_down_then_logout": 1,
        "advert_then_logout": 1,
    },
    "Help, Roll Advert": {},
    "Roll Advert": {},
}
"""Pages of a session, and what is counted."""


@given_log(
    *(
        row
        for pages in FOLLOWED
        for row in visit(pages, 1, "10-01", ", ".join(f"10:0{i} {page}" for i, page in enumerate(pages.split(", "))))
    )
)
def test_what_follows_what(log: Log) -> None:
    assert {row["userId"]: nonzero(row, *AFTER, *FOLLOWS) for row in log.day_rows()} == FOLLOWED


@given_log(
    *visit("7", 1, "10-01", "10:00 Roll Advert"),
    *visit("7", 2, "10-01", "10:01 NextSong"),
    *visit("8", 1, "10-01", "10:02 Logout"),
)
def test_nothing_follows_across_sessions_or_users(log: Log) -> None:
    assert [nonzero(row, *AFTER, *FOLLOWS) for row in log.day_rows()] == [{}, {}]


@given_log(
    *visit("7", 1, "10-01", "10:00 Roll Advert, 10:20 Logout"),
    *visit("7", 2, "10-01", "10:10 Error, 10:40 NextSong"),
)
def test_interleaved_sessions_of_one_user_are_walked_one_by_one(log: Log) -> None:
    first, second = log.session_rows()
    assert nonzero(first, "session_ms", *FOLLOWS) == {"session_ms": 20 * MINUTE, "advert_then_logout": 1}
    assert nonzero(second, "session_ms", *FOLLOWS) == {"session_ms": 30 * MINUTE, "error_then_song": 1}
    assert pick(log.day_rows(), "sessions", "session_ms", "gaps", "gap_ms") == [(2, 50 * MINUTE, 1, 0)]


@given_log(*visit("7", 1, "10-01", "10:00 Home, 11:00 Home"), *visit("8", 1, "10-01", "10:30 Home"))
def test_one_session_id_of_two_users_is_two_sessions(log: Log) -> None:
    assert pick(log.session_rows(), "userId", "sessionId", "starts", "session_ms") == [
        ("7", 1, 1, HOUR),
        ("8", 1, 1, 0),
    ]
    assert pick(log.day_rows(), "userId", "sessions", "events", "gaps") == [("7", 1, 2, 0), ("8", 1, 1, 0)]


@given_log(
    event("7", AT, "Roll Advert", itemInSession=2),
    event("7", AT, "Logout", itemInSession=3),
    event("7", AT, "NextSong", itemInSession=1),
)
def test_ties_in_time_are_ordered_by_place_in_the_session(log: Log) -> None:
    (of_day,) = log.day_rows()
    assert nonzero(of_day, "session_ms", *AFTER, *FOLLOWS) == {"after_advert": 1, "advert_then_logout": 1}


@given_log(
    event("7", AT, "Logout", itemInSession=1),
    event("7", AT, "Roll Advert", itemInSession=None),
)
def test_an_event_without_a_place_comes_first_of_a_tie(log: Log) -> None:
    (of_day,) = log.day_rows()
    assert nonzero(of_day, *AFTER, *FOLLOWS) == {"after_advert": 1, "advert_then_logout": 1}


@given_log(
    *visit("7", None, "10-01", "10:00 Roll Advert, 10:30 NextSong", itemInSession=None),
    *visit("7", None, "10-03", "10:30 Home", itemInSession=None),
    *visit("8", None, "10-01", "10:15 Home", itemInSession=None),
)
def test_events_without_session_and_place_form_one_session_of_the_user(log: Log) -> None:
    assert pick(log.session_rows(), "userId", "sessionId", "day", "starts", "session_ms", "advert_then_song") == [
        ("7", -1, day("10-01"), 1, 30 * MINUTE, 1),
        ("7", -1, day("10-03"), 0, 2 * DAY, 0),
        ("8", -1, day("10-01"), 1, 0, 0),
    ]


@given_log(*visit("7", 1, "10-01", "10:00 NextSong, 10:05 Home", level=None))
def test_an_unknown_level_counts_as_not_paying(log: Log) -> None:
    (of_day,) = log.day_rows()
    assert (of_day["songs"], of_day["paid_songs"], of_day["paid_home_visits"], of_day["level"]) == (1, 0, 0, "")
    assert (of_day["upgrades"], of_day["downgrades"], of_day["switched_ts"]) == (0, 0, None)


@given_log(
    *visit("7", 1, "10-01", "10:00 Upgrade, 10:01 Submit Upgrade", level="free"),
    *visit("7", 1, "10-01", "10:02 Home, 10:03 NextSong", level="paid"),
)
def test_an_upgrade_shows_at_the_first_event_after_submit_upgrade(log: Log) -> None:
    names = ("upgrades", "downgrades", "switched_ts", "upgrade_submits", "paid_upgrade_submits", "paid_songs")
    assert pick(log.day_rows(), *names) == [(1, 0, ms("10-01 10:02"), 1, 0, 1)]


@given_log(
    *visit("7", 1, "10-01", "23:59 Submit Upgrade", level="free"),
    *visit("7", 1, "10-02", "00:01 Home", level="paid", itemInSession=1),
)
def test_an_upgrade_before_midnight_belongs_to_the_day_on_which_the_level_is_another(log: Log) -> None:
    assert pick(log.day_rows(), "upgrades", "switched_ts", "level") == [
        (0, None, "free"),
        (1, ms("10-02 00:01"), "paid"),
    ]


@given_log(
    *visit("7", 1, "10-01", "10:00 Home, 11:00 Home", level="paid"),
    *visit("7", 2, "10-03", "10:00 Home, 11:00 Home", level="free"),
    *visit("7", 3, "10-03", "20:00 Home", level="paid"),
    *visit("8", 4, "10-04", "20:00 Home", level="free"),
)
def test_a_level_that_changes_between_sessions_changes_at_the_start_of_the_later(log: Log) -> None:
    assert pick(log.day_rows(), "userId", "upgrades", "downgrades", "switched_ts") == [
        ("7", 0, 0, None),
        ("7", 1, 1, ms("10-03 20:00")),
        ("8", 0, 0, None),
    ]


@given_log(
    *visit("7", 1, "10-01", "10:00 Home", level="free"),
    *visit("7", 2, "10-02", "10:00 Home", level="paid"),
    *visit("7", 2, "10-02", "11:00 Home", level="free", itemInSession=1),
)
def test_the_last_of_several_switches_in_a_day_is_kept(log: Log) -> None:
    assert pick(log.day_rows(), "upgrades", "downgrades", "switched_ts") == [(0, 0, None), (1, 1, ms("10-02 11:00"))]


@given_log(
    *visit("7", 1, "10-01", "10:00 Home, 10:20 Submit Upgrade", level="free"),
    *visit("7", 2, "10-01", "10:10 Home", level="free"),
    *visit("7", 1, "10-01", "10:30 Home", level="paid", itemInSession=9),
    *visit("7", 3, "10-01", "10:40 Home", level="paid"),
    *visit("7", 4, "10-01", "10:50 Home", level="free"),
)
def test_a_session_inside_another_is_no_switch_of_level(log: Log) -> None:
    assert pick(log.day_rows(), "upgrades", "downgrades", "switched_ts") == [(1, 1, ms("10-01 10:50"))]


@given_log(
    *visit("7", 1, "10-01", "10:00 Home, 11:00 Home"),
    *visit("7", 2, "10-01", "13:00 Home, 14:00 Home"),
    *visit("7", 3, "10-03", "14:00 Home"),
    *visit("7", 4, "10-03", "23:00 Home"),
    *visit("7", 4, "10-04", "01:00 Home", itemInSession=1),
    *visit("7", 5, "10-04", "02:30 Home"),
    *visit("8", 6, "10-09", "02:30 Home"),
)
def test_gaps_lie_between_the_end_of_a_session_and_the_start_of_the_next(log: Log) -> None:
    names = ("userId", "day", "sessions", "gaps", "gap_ms", "longest_gap_ms")
    assert pick(log.day_rows(), *names) == [
        ("7", day("10-01"), 2, 1, 2 * HOUR, 2 * HOUR),
        ("7", day("10-03"), 2, 2, 57 * HOUR, 48 * HOUR),
        ("7", day("10-04"), 1, 1, 90 * MINUTE, 90 * MINUTE),
        ("8", day("10-09"), 1, 0, 0, None),
    ]


@given_log(
    *visit("7", 1, "10-01", "10:00 Home, 16:00 Home"),
    *visit("7", 2, "10-01", "12:00 Home, 13:00 Home"),
    *visit("7", 3, "10-01", "18:00 Home"),
)
def test_a_gap_counts_from_the_latest_end_when_a_short_session_lies_inside_a_long_one(log: Log) -> None:
    assert pick(log.day_rows(), "gaps", "gap_ms", "longest_gap_ms") == [(2, 2 * HOUR, 2 * HOUR)]


@given_log(
    play("7", 1, "10-01 10:00", "Muse", "Undo"),
    play("7", 1, "10-01 10:05", "Muse", "Undo"),
    play("7", 1, "10-01 10:10", "Muse", "Rain"),
    play("7", 2, "10-02 10:00", "Muse", "Undo"),
    play("7", 2, "10-02 10:05", "Adele", "Undo"),
    play("7", 2, "10-02 10:15", None, "Undo"),
    play("7", 3, "10-03 10:00", "Muse", "Rain"),
    play("8", 4, "10-03 10:00", "Muse", "Rain"),
    event("8", ms("10-03 11:00"), "Home", artist="Not played", song="Not played"),
)
def test_artists_and_songs_count_on_the_day_they_are_first_heard(log: Log) -> None:
    assert pick(log.day_rows(), "userId", "day", "songs", "new_artists", "new_songs") == [
        ("7", day("10-01"), 3, 1, 2),
        ("7", day("10-02"), 3, 1, 1),
        ("7", day("10-03"), 1, 0, 0),
        ("8", day("10-03"), 1, 1, 1),
    ]


@given_log(
    *visit("7", 1, "10-01", "00:00 NextSong, 05:59 NextSong, 06:00 NextSong, 11:59 NextSong, 12:00 NextSong"),
    *visit("7", 1, "10-01", "13:00 Home, 17:59 NextSong, 18:00 NextSong, 18:01 NextSong, 23:59 NextSong"),
)
def test_songs_count_in_the_part_of_the_day_in_which_they_start(log: Log) -> None:
    names = ("songs_night", "songs_morning", "songs_afternoon", "songs_evening", "songs")
    assert pick(log.day_rows(), *names) == [(2, 2, 2, 3, 9)]


@given_log(
    event("7", AT, length=183.19628),
    event("7", AT + 1, length=0.00001),
    event("7", AT + 2, length=None),
    event("7", AT + 3, "Home", length=99.0),
)
def test_lengths_add_up_in_hundred_thousandths_of_a_second_and_only_for_songs(log: Log) -> None:
    assert pick(log.day_rows(), "songs", "listened_e5") == [(3, 18_319_629)]


@given_log(
    event("7", ms("10-01 23:00"), level="free", location="Reno, NV", gender="M"),
    event("7", ms("10-01 09:00"), level="paid", location="Boise City, ID", gender="F"),
    event("7", ms("10-02 09:00"), level=None, location=None, gender=None, userAgent=None, registration=None),
)
def test_attributes_are_those_of_the_last_event_of_the_day(log: Log) -> None:
    assert pick(log.day_rows(), "level", "location", "gender") == [("free", "Reno, NV", "M"), ("", "", "")]
    assert pick(log.day_rows(), "userAgent", "registration")[1] == ("", -1)


@given_log(
    event("7", AT, level="free", location="Reno, NV", itemInSession=8),
    event("7", AT, level="paid", location="Tulsa, OK", itemInSession=7),
)
def test_attributes_of_a_tie_in_time_are_those_of_the_last_place_in_the_session(log: Log) -> None:
    assert pick(log.day_rows(), "level", "location") == [("free", "Reno, NV")]


@given_log(
    event("7", AT, level="paid", location="Reno, NV"),
    event("7", AT, level="free", location="Tulsa, OK"),
    event("7", AT, level="free", location="Boise City, ID"),
)
def test_attributes_of_a_full_tie_come_from_one_event(log: Log) -> None:
    assert pick(log.day_rows(), "level", "location") == [("free", "Tulsa, OK")]


def test_hidden_pages_change_nothing(engine: DuckDBEngine, tmp_path: Path) -> None:
    seen = [
        *visit("7", 1, "10-01", "10:00 Home, 10:05 Roll Advert", level="free"),
        *visit("7", 1, "10-01", "10:20 NextSong", itemInSession=6, level="paid"),
        *visit("7", 2, "10-03", "10:00 Downgrade", location="Reno, NV"),
        *visit("8", 3, "10-03", "10:00 Downgrade"),
    ]
    hidden = [
        *visit("7", 1, "10-01", "09:00 Cancel, 10:06 Cancel, 10:07 Cancellation Confirmation", level="paid"),
        *visit("7", 1, "10-01", "23:00 Cancel", level="paid"),
        *visit("7", 2, "10-03", "23:00 Cancel, 23:01 Cancellation Confirmation", location="Tulsa, OK", level="free"),
        *visit("7", 2, "10-04", "01:00 Cancellation Confirmation"),
        *visit("7", 9, "10-02", "01:00 Cancel"),
        *visit("9", 9, "10-02", "01:00 Cancel, 01:01 Cancellation Confirmation"),
    ]  # fmt: skip
    without, with_them = roll(engine, tmp_path, seen), roll(engine, tmp_path, seen + hidden)
    assert with_them.session_rows() == without.session_rows() != []
    assert with_them.day_rows() == without.day_rows() != []


def test_a_churn_page_that_is_no_cancelling_is_hidden_too(engine: DuckDBEngine, tmp_path: Path) -> None:
    seen = visit("7", 1, "10-01", "10:00 Downgrade, 10:05 Logout")
    downgrade = visit("7", 1, "10-01", "10:01 Submit Downgrade")
    problem = Problem(churn_pages=("Submit Downgrade",))
    (hidden,) = roll(engine, tmp_path, seen + downgrade, problem).day_rows()
    assert (hidden["events"], hidden["downgrade_submits"]) == (2, 0)
    assert nonzero(hidden, *FOLLOWS) == {"downgrade_view_then_logout": 1}


@given_log(
    *visit("7", 1, "10-02", "10:00 Cancel, 10:01 Cancellation Confirmation"),
    *visit("7", 1, "10-01", "23:59 Cancellation Confirmation"),
    *visit("8", 1, "10-02", "10:00 Cancel, 10:02 Home"),
    *visit("9", 1, "10-02", "10:00 Submit Downgrade"),
)
def test_leavers_are_those_who_reached_a_churn_page_at_the_first_time(log: Log) -> None:
    expected = [{"userId": "7", "left_ts": ms("10-01 23:59"), "left_day": day("10-01")}]
    assert log.leavers() == expected


def test_several_churn_pages_make_leavers_of_each(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = roll(
        engine,
        tmp_path,
        [
            *visit("7", 1, "10-02", "10:00 Submit Downgrade"),
            *visit("7", 1, "10-03", "10:00 Cancellation Confirmation"),
            *visit("8", 1, "10-04", "10:00 Cancellation Confirmation"),
            *visit("9", 1, "10-04", "10:00 Home"),
        ],
        Problem(churn_pages=("Cancellation Confirmation", "Submit Downgrade")),
    )
    left = log.engine.fetch(log.leavers.order_by("userId").select("userId", "left_day")).to_pylist()
    assert pick(left, "userId", "left_day") == [("7", day("10-02")), ("8", day("10-04"))]


logs = st.lists(
    st.builds(
        event,
        st.sampled_from("789"),
        st.sampled_from([ms("10-01 00:00") + d * DAY + t for d in range(5) for t in (0, 1, HOUR, DAY - 1)]),
        st.sampled_from([*COUNTED, "NextSong", "NextSong", "Login", "Cancel", "Cancellation Confirmation"]),
        sessionId=st.sampled_from([None, 1, 2]),
        itemInSession=st.sampled_from([None, 0, 1, 70_000]),
        level=st.sampled_from([None, "free", "paid"]),
        artist=st.sampled_from([None, "Muse", "Adele"]),
    ),
    min_size=1,
    max_size=60,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=logs)
def test_sums_over_days_are_the_totals_of_the_log(rows: list[Row], engine: DuckDBEngine, tmp_path: Path) -> None:
    log = roll(engine, tmp_path, rows)
    seen = [row for row in _distinct(rows) if not row["page"].startswith("Cancel")]
    for table in (log.session_rows(), log.day_rows()):
        total = {name: sum(row[name] for row in table) for name in ("events", *COUNTED.values())}
        assert total == {
            "events": len(seen),
            **{name: sum(row["page"] == page for row in seen) for page, name in COUNTED.items()},
        }
        paid = {name: sum(row[f"paid_{name}"] for row in table) for name in COUNTED.values()}
        assert paid == {
            name: sum(row["page"] == page and row.get("level") == "paid" for row in seen)
            for page, name in COUNTED.items()
        }
    days = log.day_rows()
    sessions = {(row["userId"], row.get("sessionId")) for row in seen}
    heard = {(row["userId"], row["artist"]) for row in seen if row["page"] == "NextSong" and "artist" in row}
    songs = [row for row in seen if row["page"] == "NextSong"]
    assert sum(row["sessions"] for row in days) == len(sessions)
    assert sum(row["gaps"] for row in days) == len(sessions) - len({user for user, _ in sessions})
    assert sum(row["new_artists"] for row in days) == len(heard)
    parts = ("songs_night", "songs_morning", "songs_afternoon", "songs_evening")
    assert sum(row[name] for row in days for name in parts) == len(songs)
    assert sum(row["listened_e5"] for row in days) == 20_050_000 * len(songs)
    spans: dict[Any, list[int]] = {}
    for row in seen:
        spans.setdefault((row["userId"], row.get("sessionId")), []).append(row["ts"])
    assert sum(row["session_ms"] for row in days) == sum(max(span) - min(span) for span in spans.values())


def _distinct(rows: list[Row]) -> list[Row]:
    return [row for i, row in enumerate(rows) if row not in rows[:i]]
