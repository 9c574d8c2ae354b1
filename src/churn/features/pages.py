"""How often a user meets or uses a page: counts, rates per song and per hour, and by level where that matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.features.base import ALL, MS_PER_HOUR, Feature, Sums, Window, smoothed

PAGES = {
    "thumbs_up": ("thumbs-up given", 55.2),
    "thumbs_down": ("thumbs-down given", 11.5),
    "adverts": ("adverts met", 18.5),
    "playlist_adds": ("songs added to a playlist", 28.7),
    "friend_adds": ("friends added", 18.3),
    "home_visits": ("visits to Home", 44.8),
    "logouts": ("logouts", 14.2),
    "errors": ("errors met", 1.2),
    "help_visits": ("visits to Help", 6.2),
    "settings_visits": ("visits to Settings", 7.1),
    "downgrade_views": ("views of the Downgrade page", 8.8),
    "upgrade_views": ("views of the Upgrade page", 2.4),
    "settings_saves": ("settings saved", 1.4),
    "about_visits": ("visits to About", 2.3),
    "upgrade_submits": ("upgrades submitted", 0.73),
    "downgrade_submits": ("downgrades submitted", 0.31),
}
"""Columns, what they count, and how many come with 1,000 songs in the full log of 22,277 users (pooled)."""

COUNTED = tuple(PAGES)[:12]
"""Pages frequent enough for counts in every window; the others only have rates and totals."""

BY_LEVEL = {
    "thumbs_up": ("free", "paid"),
    "thumbs_down": ("free", "paid"),
    "adverts": ("free", "paid"),
    "home_visits": ("free", "paid"),
    "logouts": ("free", "paid"),
    "downgrade_views": ("paid",),
    "upgrade_views": ("free",),
}
"""Pages that mean something else to a paying user (an advert that should not be, a way out) than to others."""

SONGS_PER_HOUR = 14.3
"""Playback is back to back, so this is one number for all: an hour over the mean length of a song."""

USUAL_SONGS, USUAL_HOURS = 50.0, 3.5
"""Songs and hours of usual behaviour that every rate is smoothed with: less than one median session."""


def pages(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """Counts and rates of every page, and rates by level."""
    for column, (words, usual) in PAGES.items():
        for window in (*windows, ALL) if column in COUNTED else (ALL,):
            yield Feature(
                f"{column}_{window.name}",
                "pages",
                f"{words} {window.words}",
                sums(column, window) * 1.0,
                group=column,
                clock=window is ALL,
            )
        for window in (windows[-1], ALL):
            yield _per_song(sums, column, words, usual, window)
        yield Feature(
            f"{column}_per_hour",
            "pages",
            f"{words} per hour in sessions over all time",
            smoothed(sums(column) * 1.0, sums("session_ms") / MS_PER_HOUR, usual * SONGS_PER_HOUR / 1000, USUAL_HOURS),
            group=column,
        )
    yield from _by_level(sums)


def _per_song(sums: Sums, column: str, words: str, usual: float, window: Window) -> Feature:
    return Feature(
        f"{column}_per_1000_songs_{window.name}",
        "pages",
        f"{words} per 1,000 songs {window.words}",
        1000 * smoothed(sums(column, window) * 1.0, sums("songs", window) * 1.0, usual / 1000, USUAL_SONGS),
        group=column,
    )


def _by_level(sums: Sums) -> Iterator[Feature]:
    for column, levels in BY_LEVEL.items():
        words, usual = PAGES[column]
        for level in levels:
            paid, songs = sums(f"paid_{column}"), sums("paid_songs")
            part = paid if level == "paid" else sums(column) - paid
            whole = songs if level == "paid" else sums("songs") - songs
            yield Feature(
                f"{column}_per_1000_{level}_songs",
                "pages",
                f"{words} per 1,000 songs while on the {level} level",
                1000 * smoothed(part * 1.0, whole * 1.0, usual / 1000, USUAL_SONGS),
                group=column,
            )
