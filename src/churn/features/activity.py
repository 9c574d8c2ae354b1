"""How much a user does: events, songs, hours, sessions, active days; and whether that is changing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.features.base import ALL, MS_PER_HOUR, Feature, Sums, Window, smoothed

MEASURES = {
    "events": ("things done", 1.0),
    "songs": ("songs played", 1.0),
    "session_ms": ("hours in sessions", 1.0 / MS_PER_HOUR),
    "sessions": ("sessions started", 1.0),
    "active_days": ("days with any activity", 1.0),
}
"""Columns, what they count, and the factor to the unit that people read."""

NAMES = {"session_ms": "hours"}

TRENDING = {
    "songs": 10.0,
    "session_ms": 1.0 * MS_PER_HOUR,
    "sessions": 1.0,
    "thumbs_up": 1.0,
    "thumbs_down": 1.0,
    "adverts": 1.0,
    "home_visits": 1.0,
}
"""Columns whose change is watched, with what is added to both sides so that small counts do not shout."""


def activity(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """Totals over every look-back window and over all time."""
    for column, (words, factor) in MEASURES.items():
        for window in (*windows, ALL):
            yield Feature(
                f"{NAMES.get(column, column)}_{window.name}",
                "activity",
                f"{words} {window.words}",
                sums(column, window) * factor,
                group="activity",
                clock=window is ALL or column == "active_days",
            )


def trends(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """The two shortest look-back windows, each against the window of the same length before it."""
    for window in windows[:2]:
        assert window.days is not None
        before = Window(window.days, skip=window.days)
        for column, extra in TRENDING.items():
            name = NAMES.get(column, column)
            yield Feature(
                f"{name}_trend_{window.name}",
                "trends",
                f"{name.replace('_', ' ')} {window.words}, as a multiple of those in the {window.days} days before",
                smoothed(sums(column, window), sums(column, before), 1.0, extra),
                group="activity" if column in MEASURES else column,
            )
