"""What a user listens to: distinct artists and songs, new ones, repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.features.base import ALL, Feature, Sums, Window, smoothed
from churn.schema import LENGTH_UNITS

USUAL_SONGS = 50.0
USUAL_LENGTH = 249.0
"""Mean length of a played song, s."""


def catalogue(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """Breadth and repetition."""
    for column, words in (("new_artists", "distinct artists heard"), ("new_songs", "distinct songs heard")):
        yield Feature(
            f"distinct_{column.removeprefix('new_')}_all", "catalogue", f"{words} over all time",
            sums(column) * 1.0, "catalogue", clock=True,
        )  # fmt: skip
    for window in (windows[-1], ALL):
        songs = sums("songs", window) * 1.0
        yield Feature(
            f"new_artist_share_{window.name}",
            "catalogue",
            f"share of plays by an artist never heard before {window.words}",
            smoothed(sums("new_artists", window) * 1.0, songs, 0.9, USUAL_SONGS),
            "catalogue",
        )
        yield Feature(
            f"repeat_share_{window.name}",
            "catalogue",
            f"share of plays of a song heard before {window.words}",
            1 - smoothed(sums("new_songs", window) * 1.0, songs, 0.97, USUAL_SONGS),
            "catalogue",
        )
    yield Feature(
        "song_seconds",
        "catalogue",
        "mean length of the songs played, in seconds",
        smoothed(sums("listened_e5") / LENGTH_UNITS, sums("songs") * 1.0, USUAL_LENGTH, USUAL_SONGS),
        "catalogue",
    )
