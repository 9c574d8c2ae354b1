"""The reference distribution of a feature as a small picture: what 90, 50 and 1 of 100 users had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 100.0
"""Of the picture, in its own units."""


@dataclass(frozen=True)
class Spread:
    """Where quantiles lie in the picture, from 0 to `WIDTH`, and what they are.

    Attributes:
        low, high: ends of the middle 90 of 100 users.
        first, third: ends of the middle half.
        middle: the median.
        values: the five values in that order: low, first, middle, third, high.
        own: place of a value that is compared; None without one.
    """

    low: float
    first: float
    middle: float
    third: float
    high: float
    values: tuple[float, float, float, float, float]
    own: float | None = None

    @property
    def words(self) -> str:
        """All that in words."""
        low, first, middle, third, high = (f"{value:.4g}" for value in self.values)
        return f"90 of 100 users from {low} to {high}, half from {first} to {third}, median {middle}"


def spread(quantiles: Mapping[float, float], own: float | None = None) -> Spread | None:
    """Place the quantiles of a feature, and a value, in one picture.

    Returns:
        None where the bundle does not know the distribution.
    """
    points = (0.05, 0.25, 0.5, 0.75, 0.95)
    if any(point not in quantiles for point in points):
        return None
    low, first, middle, third, high = (float(quantiles[point]) for point in points)
    start = min(low, own) if own is not None else low
    end = max(high, own) if own is not None else high
    width = end - start

    def place(value: float) -> float:
        return round(4 + (value - start) / width * (WIDTH - 8), 2) if width > 0 else WIDTH / 2

    return Spread(
        place(low), place(first), place(middle), place(third), place(high), (low, first, middle, third, high),
        None if own is None else place(own),
    )  # fmt: skip
