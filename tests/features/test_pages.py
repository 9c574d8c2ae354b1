"""Counts and rates of every page, worked out from a table of how often each page was met on four days."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.engines.duckdb import DuckDBEngine
from tests.conftest import event
from tests.tiny import DAY, MINUTE, day, features, ms, roll

CUTOFF = "11-01"
AGES = (1, 10, 20, 31)  # days before the cut-off; on the first two the user pays
SONGS = (5, 1, 7, 2)
COUNTS = {
    "Thumbs Up": (4, 3, 2, 1),
    "Thumbs Down": (1, 2, 3, 4),
    "Roll Advert": (0, 1, 5, 2),
    "Add to Playlist": (2, 2, 0, 1),
    "Add Friend": (1, 0, 3, 0),
    "Home": (3, 3, 1, 2),
    "Logout": (1, 1, 1, 0),
    "Error": (0, 0, 1, 1),
    "Help": (2, 0, 0, 1),
    "Settings": (0, 4, 1, 0),
    "Downgrade": (5, 1, 0, 1),
    "Upgrade": (1, 0, 6, 2),
    "Save Settings": (1, 1, 0, 3),
    "About": (0, 2, 2, 2),
    "Submit Upgrade": (0, 0, 1, 2),
    "Submit Downgrade": (1, 2, 0, 0),
}
NAMES = {  # the column, and how many usually come with 1,000 songs
    "Thumbs Up": ("thumbs_up", 55.2),
    "Thumbs Down": ("thumbs_down", 11.5),
    "Roll Advert": ("adverts", 18.5),
    "Add to Playlist": ("playlist_adds", 28.7),
    "Add Friend": ("friend_adds", 18.3),
    "Home": ("home_visits", 44.8),
    "Logout": ("logouts", 14.2),
    "Error": ("errors", 1.2),
    "Help": ("help_visits", 6.2),
    "Settings": ("settings_visits", 7.1),
    "Downgrade": ("downgrade_views", 8.8),
    "Upgrade": ("upgrade_views", 2.4),
    "Save Settings": ("settings_saves", 1.4),
    "About": ("about_visits", 2.3),
    "Submit Upgrade": ("upgrade_submits", 0.73),
    "Submit Downgrade": ("downgrade_submits", 0.31),
}
RARE = ("Save Settings", "About", "Submit Upgrade", "Submit Downgrade")
BOTH_LEVELS = ("Thumbs Up", "Thumbs Down", "Roll Advert", "Home", "Logout")


def expected() -> dict[str, float]:
    """Every rate is drawn towards the usual one as if 50 more songs, or 3.5 more hours, had been seen."""
    a, b, c, d = SONGS
    minutes = sum(SONGS) + sum(map(sum, COUNTS.values())) - len(AGES)  # one event a minute
    values: dict[str, float] = {}
    for page, counts in COUNTS.items():
        name, usual = NAMES[page]
        if page not in RARE:
            values[f"{name}_7d"] = counts[0]
            values[f"{name}_14d"] = counts[0] + counts[1]
            values[f"{name}_30d"] = counts[0] + counts[1] + counts[2]
        values[f"{name}_all"] = sum(counts)
        values[f"{name}_per_1000_songs_30d"] = per_1000(sum(counts[:3]), a + b + c, usual)
        values[f"{name}_per_1000_songs_all"] = per_1000(sum(counts), a + b + c + d, usual)
        values[f"{name}_per_hour"] = (sum(counts) + usual / 1000 * 14.3 * 3.5) / (minutes / 60 + 3.5)
        if page in BOTH_LEVELS or page == "Downgrade":
            values[f"{name}_per_1000_paid_songs"] = per_1000(counts[0] + counts[1], a + b, usual)
        if page in BOTH_LEVELS or page == "Upgrade":
            values[f"{name}_per_1000_free_songs"] = per_1000(counts[2] + counts[3], c + d, usual)
    return values


def per_1000(count: int, songs: int, usual: float) -> float:
    return 1000 * (count + usual / 1000 * 50) / (songs + 50)


def test_the_rate_of_one_page_in_plain_numbers() -> None:
    assert expected()["thumbs_up_per_1000_songs_30d"] == pytest.approx(1000 * 11.76 / 63)


def test_counts_and_rates_of_every_page(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = [event("8", ms("10-31 10:00"))]
    for i, age in enumerate(AGES):
        start = ms(f"{CUTOFF} 10:00") - age * DAY
        pages = [page for page, counts in {"NextSong": SONGS, **COUNTS}.items() for _ in range(counts[i])]
        level = "paid" if i < 2 else "free"
        log += [
            event("7", start + k * MINUTE, page, sessionId=age, itemInSession=k, level=level)
            for k, page in enumerate(pages)
        ]
    row, _ = roll(engine, tmp_path, log).forecast([day(CUTOFF)]).to_pylist()
    assert features(row, "pages") == pytest.approx(expected())
