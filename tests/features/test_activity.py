"""Totals and trends, every value worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.engines.duckdb import DuckDBEngine
from tests.tiny import day, features, roll, visit

LOG = [
    *visit("7", 1, "10-01", "08:00 Home, 08:10 NextSong, 08:30 NextSong"),  # 31 days before the cut-off
    *visit("7", 2, "10-02", "23:30 NextSong"),  # 30 days before
    *visit("7", 2, "10-03", "00:30 NextSong", itemInSession=1),  # 29
    *visit("7", 3, "10-04", "09:00 NextSong"),  # 28
    *visit("7", 4, "10-17", "10:00 Roll Advert, 10:06 Thumbs Down"),  # 15
    *visit("7", 5, "10-18", "12:00 NextSong, 12:30 NextSong, 12:45 Thumbs Up"),  # 14
    *visit("7", 6, "10-24", "12:00 Home"),  # 8
    *visit("7", 7, "10-25", "12:00 NextSong, 13:30 Logout"),  # 7
    *visit("7", 8, "10-31", "20:00 NextSong, 23:00 NextSong"),  # 1
    *visit("7", 8, "11-01", "00:00 NextSong, 01:00 Thumbs Up", itemInSession=9),  # too late by nothing
    *visit("8", 9, "10-31", "20:00 NextSong, 23:00 NextSong"),
]

TOTALS = {  # 7, 14, 30 days, all time
    "events": (4, 8, 13, 16),
    "songs": (3, 5, 8, 10),
    "hours": (4.5, 5.25, 6.35, 6.85),
    "sessions": (2, 4, 7, 8),
    "active_days": (2, 4, 8, 9),
}

TRENDS = {  # lately and as long before, each plus what keeps small counts quiet
    "songs_trend_7d": (3 + 10) / (2 + 10),
    "songs_trend_14d": (5 + 10) / (1 + 10),
    "hours_trend_7d": (4.5 + 1) / (0.75 + 1),
    "hours_trend_14d": (5.25 + 1) / (0.1 + 1),
    "sessions_trend_7d": (2 + 1) / (2 + 1),
    "sessions_trend_14d": (4 + 1) / (2 + 1),
    "thumbs_up_trend_7d": (0 + 1) / (1 + 1),
    "thumbs_up_trend_14d": (1 + 1) / (0 + 1),
    "thumbs_down_trend_7d": (0 + 1) / (0 + 1),
    "thumbs_down_trend_14d": (0 + 1) / (1 + 1),
    "adverts_trend_7d": (0 + 1) / (0 + 1),
    "adverts_trend_14d": (0 + 1) / (1 + 1),
    "home_visits_trend_7d": (0 + 1) / (1 + 1),
    "home_visits_trend_14d": (1 + 1) / (0 + 1),
}


def test_totals_and_trends(engine: DuckDBEngine, tmp_path: Path) -> None:
    row, _ = roll(engine, tmp_path, LOG).forecast([day("11-01")]).to_pylist()
    totals = {
        f"{name}_{window}": value
        for name, values in TOTALS.items()
        for window, value in zip(("7d", "14d", "30d", "all"), values, strict=True)
    }
    assert features(row, "activity") == pytest.approx(totals)
    assert features(row, "trends") == pytest.approx(TRENDS)
