"""When sessions start: weekly and daily rhythms, as a clock that runs faster when a group is busy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from churn.simulate.chain import Floats, Ints
from churn.simulate.groups import RHYTHMS, Rhythm

HOUR = 3_600
DAY = 24 * HOUR


def weights(rhythm: Rhythm, first: date, days: int) -> Floats:
    """How busy each hour is, 1 for the mean hour of a weekday; shape [24 · days].

    Args:
        rhythm: of a group.
        first: the first day.
        days: how many.
    """
    hours = 1 + rhythm.swing * np.cos(2 * np.pi * (np.arange(24) + 0.5 - rhythm.peak) / 24)
    of_week = np.array([1, 1, 1, 1, 1, rhythm.saturday, rhythm.sunday])
    return (of_week[(first.weekday() + np.arange(days)) % 7][:, None] * hours).reshape(-1)


@dataclass(frozen=True)
class Calendar:
    """The clocks of all rhythms: busy hours count more. Starts of sessions are evenly spread on such a clock.

    Attributes:
        reading: of each clock at each full hour, in busy days, shape [rhythms, hours + 1]; one behind the other
            on one line, `stride` apart.
        stride: distance between two clocks on the line.
    """

    reading: Floats
    stride: float

    @classmethod
    def of(cls, first: date, days: int) -> Calendar:
        """Clocks from midnight of a day on."""
        busy = np.stack([weights(rhythm, first, days) for rhythm in RHYTHMS]) / 24
        reading = np.concatenate([np.zeros((len(RHYTHMS), 1)), np.cumsum(busy, axis=1)], axis=1)
        stride = float(np.ceil(reading.max()) + 1)
        return cls(reading + stride * np.arange(len(RHYTHMS))[:, None], stride)

    def at(self, rhythm: Ints, seconds: NDArray[np.int64]) -> Floats:
        """What each one's clock shows after so many seconds; from the last hour on it stands still."""
        hour = np.minimum(seconds // HOUR, self.reading.shape[1] - 2)
        part = np.minimum((seconds - hour * HOUR) / HOUR, 1.0)
        low, high = self.reading[rhythm, hour], self.reading[rhythm, hour + 1]
        return np.asarray(low + part * (high - low))

    def when(self, rhythm: Ints, reading: Floats) -> NDArray[np.int64]:
        """After how many seconds each one's clock shows a reading; past the end for more than it will show."""
        hours = self.reading.shape[1] - 1
        flat = self.reading.reshape(-1)
        late = reading >= self.reading[rhythm, hours]
        at = np.searchsorted(flat, reading, side="right") - 1
        at = np.clip(at, rhythm * (hours + 1), rhythm * (hours + 1) + hours - 1)
        part = (reading - flat[at]) / np.maximum(flat[at + 1] - flat[at], 1e-12)
        seconds = ((at - rhythm * (hours + 1)) + np.clip(part, 0, 1)) * HOUR
        return np.asarray(np.where(late, (hours + 1) * HOUR, seconds.astype(np.int64)), dtype=np.int64)

    def end(self, rhythm: Ints) -> Floats:
        """The last reading of each one's clock."""
        return np.asarray(self.reading[rhythm, -1])
