"""What follows what: after an advert, an error, a rating, Home, the Downgrade page: on, or away?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from churn.features.base import Feature, Sums, Window, smoothed

USUAL = {
    "advert": {"song": 0.956, "rating": 0.063, "logout": 0.041, "downgrade": 0.006},
    "error": {"song": 0.769, "rating": 0.015, "logout": 0.062, "downgrade": 0.005},
    "thumbs_up": {"song": 0.931, "rating": 0.059, "logout": 0.011, "downgrade": 0.004},
    "thumbs_down": {"song": 0.928, "rating": 0.057, "logout": 0.037, "downgrade": 0.024},
    "home": {"song": 0.888, "rating": 0.055, "logout": 0.021, "downgrade": 0.009},
    "downgrade_view": {"song": 0.654, "rating": 0.038, "logout": 0.113, "downgrade": 0.133},
}
"""Shares counted on the page times of 68 real users of the mini log (0.005 where nothing was seen)."""

WORDS = {
    "song": "the music went straight on",
    "rating": "a song was rated soon",
    "logout": "the user soon logged out",
    "downgrade": "the user soon opened Downgrade",
}
TRIGGERS = {
    "advert": "an advert",
    "error": "an error",
    "thumbs_up": "a thumbs-up",
    "thumbs_down": "a thumbs-down",
    "home": "a visit to Home",
    "downgrade_view": "a view of the Downgrade page",
}
WEIGHT = 10.0
"""Occasions of usual behaviour that each share is smoothed with."""


def follows(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """For each trigger, how often each outcome followed it in the same session, over all time."""
    for trigger, shares in USUAL.items():
        for outcome, usual in shares.items():
            yield Feature(
                f"{trigger}_then_{outcome}",
                "follows",
                f"share of times that {WORDS[outcome]} after {TRIGGERS[trigger]}",
                smoothed(sums(f"{trigger}_then_{outcome}") * 1.0, sums(f"after_{trigger}") * 1.0, usual, WEIGHT),
                group=f"after {TRIGGERS[trigger].split(' ', 1)[1]}",
            )
