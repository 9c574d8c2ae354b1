"""Scores to probabilities that can be taken at their word: a smooth map, fitted on out-of-fold scores.

Smooth, since a step would make a tiny difference between two engines large; monotone, so the ranking stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from churn.evaluation import Floats

DRIFT: Final = 0.2
"""How far, in log-odds, rates of churn are expected to move between the cut-offs of a log: a standard deviation.

Beside it a thousand leavers at the newest cut-off count for nearly all, and ten for a quarter."""

LEAST_SLOPE: Final = 0.01
"""A map must not turn a ranking round, however bad the scores were out of fold."""

_ROUNDS = 60
_FURTHEST = 20 * DRIFT
_SMALL = 1e-10
_CLOSE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(slope · logit + intercept), after Platt (1999).

    Attributes:
        slope: how far the scores are to be trusted; at least `LEAST_SLOPE`.
        intercept: moves the mean to the base rate, of all rows or of newer ones.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, logit: Floats) -> Floats:
        """Probabilities, of the shape of `logit`."""
        return sigmoid(self.slope * np.asarray(logit, dtype=np.float64) + self.intercept)

    @classmethod
    def fit(cls, logit: Floats, y: Floats, *, prior: float = 1.0) -> Calibration:
        """The most likely map for scores `logit` and labels `y`, both of shape [n].

        Args:
            logit: log-odds, or any score that rises with the risk.
            y: 0 or 1.
            prior: how many units of log-likelihood a slope that is one unit away from 1 costs (it grows as the
                square); keeps the slope sane where there are few leavers. 0 for scores that are no log-odds.
        """
        x, labels = np.asarray(logit, dtype=np.float64), np.asarray(y, dtype=np.float64)
        rate = float(np.clip(labels.mean(), _SMALL, 1 - _SMALL))
        slope = 1.0 if prior else LEAST_SLOPE
        if labels.min() < labels.max():
            slope, intercept = _most_likely(x, labels, prior)
            if slope >= LEAST_SLOPE and abs(sigmoid(slope * x + intercept).mean() - rate) < _CLOSE:
                return cls(slope, intercept)
            # Scores turned round, or so wide that the summit is a plateau: keep at least the mean right.
            slope = max(slope, LEAST_SLOPE)
        return cls(slope, _intercept(slope * x, rate))

    def moved(self, logit: Floats, y: Floats) -> Calibration:
        """This map with the intercept that newer rows ask for, as far as they are many enough to know.

        Rates of churn move with the calendar, and what comes is more like the newest rows than like all. The shift is
        the most likely one where shifts are normal around 0 with a deviation of `DRIFT`, and no more than
        20 times that.

        Args:
            logit: scores of the newer rows, shape [n].
            y: 0 or 1, shape [n].
        """
        x, leavers = self.slope * np.asarray(logit, dtype=np.float64) + self.intercept, float(np.sum(y))

        def too_low(shift: float) -> bool:
            """Whether the likelihood still rises with the shift."""
            return leavers - float(sigmoid(x + shift).sum()) - shift / DRIFT**2 > 0

        return Calibration(self.slope, self.intercept + _bisected(-_FURTHEST, _FURTHEST, too_low))


def _most_likely(x: Floats, labels: Floats, prior: float) -> tuple[float, float]:
    """Slope and intercept with the highest log-likelihood less prior · (slope - 1)².

    Newton's method for two unknowns, on scores of mean 0 and deviation 1, so that it works alike for scores of
    any size; a step that makes matters worse is halved. The target is concave: there is one summit.
    """
    centre, width = float(x.mean()), float(x.std())
    if width <= _SMALL * max(1.0, abs(centre)):  # they are all the same
        width = 1.0
    z = (x - centre) / width
    rate = labels.mean()
    at = np.array([width if prior else 0.0, np.log(rate / (1 - rate))])

    def cost(at: Floats) -> float:
        return float(np.sum(np.logaddexp(0, at[0] * z + at[1]) - labels * (at[0] * z + at[1]))) + prior * float(
            (at[0] / width - 1) ** 2
        )

    now = cost(at)
    for _ in range(_ROUNDS):
        p = sigmoid(at[0] * z + at[1])
        w, missed = p * (1 - p), labels - p
        gradient = np.array([missed @ z - 2 * prior * (at[0] / width - 1) / width, missed.sum()])
        hessian = np.array([[w @ (z * z) + 2 * prior / width**2, w @ z], [w @ z, w.sum()]])
        step = np.linalg.solve(hessian + _SMALL * np.eye(2), gradient)
        while (then := cost(at + step)) > now and np.abs(step).max() > _SMALL:
            step = step / 2
        if then > now:
            break
        at, now = at + step, then
        if np.abs(step).max() < _SMALL:
            break
    slope = float(at[0]) / width
    return slope, float(at[1]) - slope * centre


def _intercept(sloped: Floats, rate: float) -> float:
    """What has to be added to log-odds for their probabilities to have a mean of `rate`."""
    middle = float(np.log(rate / (1 - rate)))
    low, high = middle - float(sloped.max()), middle - float(sloped.min())
    return _bisected(low, high, lambda added: bool(sigmoid(sloped + added).mean() < rate))


def _bisected(low: float, high: float, too_low: Callable[[float], bool]) -> float:
    """The place between two numbers up to which `too_low` holds."""
    for _ in range(_ROUNDS):
        half = (low + high) / 2
        low, high = (half, high) if too_low(half) else (low, half)
    return (low + high) / 2


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float64)
