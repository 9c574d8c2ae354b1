"""Scores to probabilities that can be taken at their word: a smooth map, fitted on out-of-fold scores.

Smooth, since a step would make a tiny difference between two engines large; monotone, so the ranking stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from churn.evaluation import Floats

LEAST_SLOPE: Final = 0.01
"""A map must not turn a ranking round, however bad the scores were out of fold."""

_ROUNDS = 50
_SMALL = 1e-10


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(slope · logit + intercept), after Platt (1999).

    Attributes:
        slope: how far the scores are to be trusted; at least `LEAST_SLOPE`.
        intercept: moves the mean to the base rate.
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
            prior: how many squared units of slope away from 1 cost as much as one unit of log-likelihood;
                keeps the slope sane where there are few leavers. 0 for scores that are no log-odds.
        """
        x, labels = np.asarray(logit, dtype=np.float64), np.asarray(y, dtype=np.float64)
        rate = min(max(labels.mean(), _SMALL), 1 - _SMALL)
        slope, intercept = 1.0 if prior else 0.0, float(np.log(rate / (1 - rate)))
        intercept -= slope * float(x.mean())
        for _ in range(_ROUNDS):  # Newton's method: two unknowns, a concave likelihood
            p = sigmoid(slope * x + intercept)
            w = np.maximum(p * (1 - p), _SMALL)
            gradient = np.array([((labels - p) * x).sum() - 2 * prior * (slope - 1), (labels - p).sum()])
            hessian = np.array([[(w * x * x).sum() + 2 * prior, (w * x).sum()], [(w * x).sum(), w.sum()]])
            step = np.clip(np.linalg.solve(hessian + _SMALL * np.eye(2), gradient), -5, 5)
            slope, intercept = slope + float(step[0]), intercept + float(step[1])
            if np.abs(step).max() < _SMALL:
                break
        if slope < LEAST_SLOPE:
            return cls(LEAST_SLOPE, float(np.log(rate / (1 - rate))) - LEAST_SLOPE * float(np.median(x)))
        return cls(slope, intercept)


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float64)
