"""Breadth and repetition, every value worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.engines.duckdb import DuckDBEngine
from tests.conftest import event
from tests.tiny import day, features, ms, play, roll

LOG = [
    # 31 days before the cut-off: 2 artists, 2 songs
    play("7", 1, "10-01 10:00", "Muse", "Undo", length=100.5),
    play("7", 1, "10-01 10:05", "Adele", "Undo", length=200.25),
    # within 30 days: 1 artist and 2 songs are new, 5 plays
    play("7", 2, "10-02 10:00", "Muse", "Undo", length=100.5),
    play("7", 2, "10-02 10:05", "Muse", "Rain", length=300.125),
    play("7", 2, "10-20 10:00", "Muse", "Rain", length=300.125),
    play("7", 2, "10-31 23:59", "Björk", "Sun", length=60.0),
    play("7", 2, "10-31 10:00", "Björk", "Sun", length=60.0),
    # not before the cut-off
    play("7", 2, "11-01 00:00", "Nina", "Blue", length=999.0),
    event("8", ms("10-31 10:00"), "Home"),
]

EXPECTED = {
    "distinct_artists_all": 3,
    "distinct_songs_all": 4,
    "new_artist_share_30d": (1 + 0.9 * 50) / (5 + 50),
    "new_artist_share_all": (3 + 0.9 * 50) / (7 + 50),
    "repeat_share_30d": 1 - (2 + 0.97 * 50) / (5 + 50),
    "repeat_share_all": 1 - (4 + 0.97 * 50) / (7 + 50),
    "song_seconds": (1121.5 + 249 * 50) / (7 + 50),
}

WITHOUT_A_SONG = {
    "distinct_artists_all": 0,
    "distinct_songs_all": 0,
    "new_artist_share_30d": 0.9,
    "new_artist_share_all": 0.9,
    "repeat_share_30d": 0.03,
    "repeat_share_all": 0.03,
    "song_seconds": 249,
}


def test_catalogue_of_a_listener_and_of_a_user_without_a_song(engine: DuckDBEngine, tmp_path: Path) -> None:
    listener, without = roll(engine, tmp_path, LOG).forecast([day("11-01")]).to_pylist()
    assert features(listener, "catalogue") == pytest.approx(EXPECTED)
    assert features(without, "catalogue") == pytest.approx(WITHOUT_A_SONG)
