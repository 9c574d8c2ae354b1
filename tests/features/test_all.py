"""What holds for every feature, and for users of whom little is known."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from churn.engines.duckdb import DuckDBEngine
from churn.features import feature_list
from churn.problem import Problem
from tests.conftest import event
from tests.tiny import assert_features_only, day, features, ms, roll, visit

FEATURES = feature_list(Problem())[0]


def test_every_family_has_a_test_with_expected_values() -> None:
    families = {feature.family for feature in FEATURES}
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")} - {"all"}
    assert families - {"trends"} == tested  # trends are tested with activity
    assert len(FEATURES) == 219


@pytest.mark.parametrize("windows", [(7, 14, 30), (7,), (1, 2), (3650,), (3, 5, 8, 13)])
def test_names_are_unique_and_sentences_are_there(windows: tuple[int, ...]) -> None:
    found = feature_list(Problem(windows=windows))[0]
    assert len({feature.name for feature in found}) == len(found)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", feature.name) for feature in found)
    assert all(len(feature.sentence.split()) >= 2 and feature.group for feature in found)
    assert len({feature.sentence for feature in found}) == len(found)


def test_all_windows_of_one_page_are_one_group() -> None:
    groups = {feature.name: feature.group for feature in FEATURES}
    for page in ("adverts", "thumbs_down", "friend_adds", "logouts"):
        assert {groups[f"{page}_{window}"] for window in ("7d", "14d", "30d", "all")} == {page}


def test_clock_features_are_those_of_the_contract() -> None:
    clock = {feature.name for feature in FEATURES if feature.clock}
    rhythm = {"recency_hours", "recency_in_gaps", "gap_hours", "longest_gap_hours", "active_day_share"}
    account = {"tenure_days", "observed_days", "days_on_level", "upgrades_all", "downgrades_all"}
    catalogue = {"distinct_artists_all", "distinct_songs_all"}
    active_days = {f"active_days_{window}" for window in ("7d", "14d", "30d", "all")}
    counts = {f.name for f in FEATURES if f.family in ("activity", "pages") and re.search("(?<!songs)_all$", f.name)}
    assert clock == rhythm | account | catalogue | active_days | counts | {"songs_all"}
    assert {f.name for f in FEATURES if not f.clock} == {f.name for f in FEATURES} - clock


def test_every_sum_is_asked_for_once_under_its_own_name() -> None:
    _, sums = feature_list(Problem())
    assert len(set(sums.asked.values())) == len(sums.asked)


LITTLE_KNOWN = {
    "one song": [event("one song", ms("10-31 23:59:59.999"))],
    "one event": [event("one event", ms("10-01 00:00"), "Home")],
    "no song": visit("no song", 1, "10-31", "10:00 Home, 10:00 Help, 11:00 Logout"),
    "no page of its own": [event("no page of its own", ms("10-31 10:00"), "Login")],
    "registered later": [event("registered later", ms("10-31 10:00"), registration=ms("10-31 11:00"))],
    "registered after": [event("registered after", ms("10-31 10:00"), registration=ms("12-31 11:00"))],
    "registered in 1969": [event("registered in 1969", ms("10-31 10:00"), registration=-5)],
    "only what must be": [
        {"ts": ms("10-31 10:00") + i, "userId": "only what must be", "page": page}
        for i, page in enumerate(("NextSong", "Home", "Error", "NextSong"))
    ],
    "empty texts": [
        event("empty texts", ms("10-31 10:00"), gender="", location="", userAgent="", level="", artist="", song="")
    ],
    "odd place": [event("odd place", ms("10-31 10:00"), location="Nowhere, -")],
    "same moment": [event("same moment", ms("10-31 10:00"), itemInSession=i, sessionId=i % 2) for i in range(4)],
    "negative": [event("negative", ms("10-31 10:00"), itemInSession=-1, sessionId=-7, length=-1.0)],
}


@pytest.mark.parametrize("windows", [(7, 14, 30), (1,)])
def test_features_of_users_of_whom_little_is_known_are_finite(
    windows: tuple[int, ...], engine: DuckDBEngine, tmp_path: Path
) -> None:
    problem = Problem(windows=windows)
    log = roll(engine, tmp_path, [row for rows in LITTLE_KNOWN.values() for row in rows], problem)
    for table in (log.forecast([day("11-01"), day("12-31")]), log.history(day("11-01"))):
        assert_features_only(table, problem)
        rows = table.to_pylist()
        assert {row["userId"] for row in rows} == set(LITTLE_KNOWN)
        odd = {
            (row["userId"], name): value
            for row in rows
            for name, value in features(row, problem=problem).items()
            if value is None or not math.isfinite(value)
        }
        assert odd == {}
