"""Recency, breaks, sessions, parts of the day and of the week, every value worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.engines.duckdb import DuckDBEngine
from tests.tiny import day, features, roll, visit

LOG = [
    # 31 days before the cut-off, a Monday: 1 h, 3 songs
    *visit("7", 1, "10-01", "05:30 NextSong, 06:00 NextSong, 06:30 NextSong"),
    # 26 days before, a Saturday, after 5 days less half an hour; 2 h over midnight into Sunday, 2 songs
    *visit("7", 2, "10-06", "06:00 Home"),
    *visit("7", 3, "10-06", "23:00 NextSong"),
    *visit("7", 3, "10-07", "01:00 NextSong", itemInSession=1),
    # 6 days before, a Friday; half an hour, 1 song
    *visit("7", 4, "10-26", "13:00 Home, 13:30 NextSong"),
    *visit("7", 4, "11-01", "00:00 NextSong", itemInSession=5),
    # one event, without a song
    *visit("8", 5, "10-31", "12:00 Home"),
]

# Breaks: 10-01 06:30 to 10-06 06:00, to 23:00, 10-07 01:00 to 10-26 13:00.
GAPS = (119.5, 17, 468)

EXPECTED = {
    "recency_hours": 130.5,
    "gap_hours": (sum(GAPS) + 96) / 4,
    "recency_in_gaps": 130.5 / ((sum(GAPS) + 96) / 4),
    "longest_gap_hours": 468,
    "session_minutes_7d": (30 + 248) / 2,
    "session_minutes_30d": (120 + 30 + 248) / 4,
    "session_minutes_all": (60 + 120 + 30 + 248) / 5,
    "songs_per_session_7d": (1 + 59) / 2,
    "songs_per_session_30d": (3 + 59) / 4,
    "songs_per_session_all": (6 + 59) / 5,
    "songs_per_active_day_7d": (1 + 59) / 2,
    "songs_per_active_day_30d": (3 + 59) / 4,
    "songs_per_active_day_all": (6 + 59) / 5,
    "active_day_share": 4 / 31,
    "night_share": (2 + 15) / 66,
    "morning_share": (2 + 15) / 66,
    "afternoon_share": (1 + 15) / 66,
    "evening_share": (1 + 15) / 66,
    "weekend_share": (2 + 0.18 * 60) / 66,
}

ONE_EVENT = {
    "recency_hours": 12,
    "gap_hours": 96,
    "recency_in_gaps": 12 / 96,
    "longest_gap_hours": 0,
    "session_minutes_7d": 248 / 2,
    "session_minutes_30d": 248 / 2,
    "session_minutes_all": 248 / 2,
    "songs_per_session_7d": 59 / 2,
    "songs_per_session_30d": 59 / 2,
    "songs_per_session_all": 59 / 2,
    "songs_per_active_day_7d": 59 / 2,
    "songs_per_active_day_30d": 59 / 2,
    "songs_per_active_day_all": 59 / 2,
    "active_day_share": 1,
    "night_share": 0.25,
    "morning_share": 0.25,
    "afternoon_share": 0.25,
    "evening_share": 0.25,
    "weekend_share": 0.18,
}


def test_rhythm_of_a_user_with_a_history_and_of_one_event(engine: DuckDBEngine, tmp_path: Path) -> None:
    usual, one_event = roll(engine, tmp_path, LOG).forecast([day("11-01")]).to_pylist()
    assert features(usual, "rhythm") == pytest.approx(EXPECTED)
    assert features(one_event, "rhythm") == pytest.approx(ONE_EVENT)


def test_every_day_of_the_week_in_turn(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = [row for i in range(1, 8) for row in visit(f"{i}", i, f"10-0{i}", "12:00 NextSong")]
    rows = roll(engine, tmp_path, log).forecast([day("11-01")]).to_pylist()
    weekend, other = (1 + 0.18 * 60) / 61, 0.18 * 60 / 61
    assert [row["weekend_share"] for row in rows] == pytest.approx([other] * 5 + [weekend] * 2)
