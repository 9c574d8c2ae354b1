"""A probability on a ruler with the three bands, as numbers for a small picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from churn.bundle import Manifest

ENDS: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
"""Lengths of the ruler; a longer one ends at 1."""


@dataclass(frozen=True)
class Gauge:
    """Places on a ruler that is 100 wide.

    Attributes:
        end: the probability at its right end.
        base: where medium risk begins.
        threshold: where high risk begins.
        here: the probability that is shown.
        was: another one to compare with; None without.
    """

    end: float
    base: float
    threshold: float
    here: float
    was: float | None


def gauge(manifest: Manifest, probability: float, was: float | None = None) -> Gauge:
    """Place a probability; the ruler is long enough for it and for the bands.

    Args:
        manifest: of the model, which knows the bands.
        probability: from 0 to 1.
        was: another probability to compare with.
    """
    longest = max(probability, was or 0.0, 2 * manifest.threshold)
    end = next((end for end in ENDS if longest <= 0.97 * end), 1.0)

    def place(value: float) -> float:
        return round(100 * min(max(value / end, 0.0), 1.0), 2)

    threshold = place(manifest.threshold)
    return Gauge(
        end, min(place(manifest.base_rate), threshold), threshold, place(probability),
        None if was is None else place(was),
    )  # fmt: skip
