"""What follows what, every value worked out by hand: the occasions seen, and ten usual ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.engines.duckdb import DuckDBEngine
from tests.tiny import day, features, roll, visit

STEPS = """
    10:00 Roll Advert, 10:01 NextSong, 10:02 Thumbs Up, 10:03 NextSong, 10:04 Roll Advert, 10:05 Roll Advert,
    10:06 Logout
"""
MORE = """
    11:00 Home, 11:01 Downgrade, 11:02 Submit Downgrade, 11:03 Logout, 11:04 Error, 11:05 NextSong,
    11:06 Thumbs Down, 11:07 NextSong, 11:08 Downgrade, 11:09 Home, 11:10 NextSong, 11:11 Error
"""
LOG = [
    *visit("7", 1, "10-01", STEPS),
    *visit("7", 2, "10-02", MORE),
    *visit("7", 2, "11-01", "00:00 NextSong", itemInSession=99),  # too late
    *visit("8", 3, "10-02", "10:00 Roll Advert"),
]

EXPECTED = {
    # 3 occasions: followed by NextSong, Roll Advert, Logout; one rating and one logout within two events
    "advert_then_song": (1 + 10 * 0.956) / (3 + 10),
    "advert_then_rating": (1 + 10 * 0.063) / (3 + 10),
    "advert_then_logout": (1 + 10 * 0.041) / (3 + 10),
    "advert_then_downgrade": (0 + 10 * 0.006) / (3 + 10),
    # 1 occasion, as the last error is followed by nothing
    "error_then_song": (1 + 10 * 0.769) / (1 + 10),
    "error_then_rating": (1 + 10 * 0.015) / (1 + 10),
    "error_then_logout": (0 + 10 * 0.062) / (1 + 10),
    "error_then_downgrade": (0 + 10 * 0.005) / (1 + 10),
    # 1 occasion, NextSong, Roll Advert
    "thumbs_up_then_song": (1 + 10 * 0.931) / (1 + 10),
    "thumbs_up_then_rating": (0 + 10 * 0.059) / (1 + 10),
    "thumbs_up_then_logout": (0 + 10 * 0.011) / (1 + 10),
    "thumbs_up_then_downgrade": (0 + 10 * 0.004) / (1 + 10),
    # 1 occasion, NextSong, Downgrade
    "thumbs_down_then_song": (1 + 10 * 0.928) / (1 + 10),
    "thumbs_down_then_rating": (0 + 10 * 0.057) / (1 + 10),
    "thumbs_down_then_logout": (0 + 10 * 0.037) / (1 + 10),
    "thumbs_down_then_downgrade": (1 + 10 * 0.024) / (1 + 10),
    # 2 occasions: Downgrade, Submit Downgrade (counts once); NextSong, Error
    "home_then_song": (1 + 10 * 0.888) / (2 + 10),
    "home_then_rating": (0 + 10 * 0.055) / (2 + 10),
    "home_then_logout": (0 + 10 * 0.021) / (2 + 10),
    "home_then_downgrade": (1 + 10 * 0.009) / (2 + 10),
    # 2 occasions: Submit Downgrade, Logout; Home, NextSong
    "downgrade_view_then_song": (0 + 10 * 0.654) / (2 + 10),
    "downgrade_view_then_rating": (0 + 10 * 0.038) / (2 + 10),
    "downgrade_view_then_logout": (1 + 10 * 0.113) / (2 + 10),
    "downgrade_view_then_downgrade": (1 + 10 * 0.133) / (2 + 10),
}


def test_what_follows_what_as_shares(engine: DuckDBEngine, tmp_path: Path) -> None:
    row, nothing = roll(engine, tmp_path, LOG).forecast([day("11-01")]).to_pylist()
    assert features(row, "follows") == pytest.approx(EXPECTED)
    usual = features(nothing, "follows")
    assert usual["advert_then_song"] == pytest.approx(0.956)
    assert usual.keys() == EXPECTED.keys()
