"""When a user comes: recency against the usual gap, length of sessions, parts of the day and of the week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ibis import _

from churn.features.base import ALL, MS_PER_DAY, MS_PER_HOUR, Feature, Sums, Window, smoothed
from churn.rollups import HOURS_OF_DAY

USUAL_GAP_HOURS = 96.0
"""Median break between two sessions in the full log, hours."""

USUAL_SESSION_MINUTES, USUAL_SESSION_SONGS = 248.0, 59.0
"""Medians over users of the mean session, full log."""

USUAL_DAY_SONGS = 60.0
"""Songs of usual behaviour that shares of the day and the week are smoothed with: about one session."""


def rhythm(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """Recency, gaps, sessions, day and week."""
    yield from _gaps(sums)
    yield from _sessions(sums, windows)
    yield from _clock(sums)


def _gaps(sums: Sums) -> Iterator[Feature]:
    recency = (_.at_ms - _.last_ts) / MS_PER_HOUR
    usual = (sums("gap_ms") / MS_PER_HOUR + USUAL_GAP_HOURS) / (sums("gaps") + 1)
    yield Feature("recency_hours", "rhythm", "hours since last seen", recency, "recency", clock=True)
    yield Feature(
        "recency_in_gaps",
        "rhythm",
        "time since last seen, in multiples of the user's own usual break between sessions",
        recency / usual,
        "recency",
        clock=True,
    )
    yield Feature("gap_hours", "rhythm", "usual break between sessions in hours", usual, "gaps", clock=True)
    yield Feature(
        "longest_gap_hours",
        "rhythm",
        "longest break between sessions in hours",
        _.longest_gap_ms.fill_null(0) / MS_PER_HOUR,
        "gaps",
        clock=True,
    )


def _sessions(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    for window in dict.fromkeys((windows[0], windows[-1], ALL)):
        sessions = sums("sessions", window) * 1.0
        yield Feature(
            f"session_minutes_{window.name}",
            "rhythm",
            f"minutes of a session {window.words}",
            smoothed(sums("session_ms", window) / 60_000, sessions, USUAL_SESSION_MINUTES, 1.0),
            "sessions",
        )
        yield Feature(
            f"songs_per_session_{window.name}",
            "rhythm",
            f"songs per session {window.words}",
            smoothed(sums("songs", window) * 1.0, sessions, USUAL_SESSION_SONGS, 1.0),
            "sessions",
        )
        yield Feature(
            f"songs_per_active_day_{window.name}",
            "rhythm",
            f"songs per active day {window.words}",
            smoothed(sums("songs", window) * 1.0, sums("active_days", window) * 1.0, USUAL_SESSION_SONGS, 1.0),
            "sessions",
        )
    yield Feature(
        "active_day_share",
        "rhythm",
        "share of days with any activity since first seen",
        sums("active_days") * MS_PER_DAY / (_.at_ms - _.first_day_ms),
        "activity",
        clock=True,
    )


def _clock(sums: Sums) -> Iterator[Feature]:
    songs = sums("songs") * 1.0
    for part, (start, end) in HOURS_OF_DAY.items():
        yield Feature(
            f"{part}_share",
            "rhythm",
            f"share of songs played from {start} to {end} h UTC",
            smoothed(sums(f"songs_{part}") * 1.0, songs, 0.25, USUAL_DAY_SONGS),
            "hours of the day",
        )
    yield Feature(
        "weekend_share",
        "rhythm",
        "share of songs played on Saturdays and Sundays (UTC)",
        smoothed(sums("weekend_songs") * 1.0, songs, 0.18, USUAL_DAY_SONGS),
        "days of the week",
    )
