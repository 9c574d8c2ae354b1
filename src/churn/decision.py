"""From which probability on a user is contacted: the best F1, as many as one can contact, or the best profit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from churn.errors import SettingsError
from churn.evaluation import Floats, Ranking, Row, Tally

NOBODY: Final = math.nextafter(1.0, 2.0)
"""A threshold that no probability reaches."""

SLACK: Final = 0.01
"""Share of the best F1 that is given up for a threshold that does not hang on single users."""

EVERYBODY: Final = 0.0
"""A threshold that every probability reaches."""


@dataclass(frozen=True)
class Costs:
    """What contacting a user costs and gains.

    Attributes:
        contact: price of contacting one user.
        saved: worth of one leaver who stays.
        success: share of the contacted leavers who stay because of it, from 0 to 1.

    Raises:
        SettingsError: for numbers that make no sense.
    """

    contact: float
    saved: float
    success: float

    def __post_init__(self) -> None:
        for name, value in (("--cost-contact", self.contact), ("--value-saved", self.saved)):
            if not 0 <= value < math.inf:
                raise SettingsError(f"{name} is {value}", "give an amount of money that is not below 0")
        if not 0 <= self.success <= 1:
            raise SettingsError(f"--success-rate is {self.success}", "give a share from 0 to 1")

    def profit(self, flagged: npt.ArrayLike, leavers: npt.ArrayLike) -> Floats:
        """Expected profit of contacting so many users, so many of them leavers; of nobody exactly 0."""
        gained = np.asarray(leavers, dtype=np.float64) * (self.success * self.saved)
        return np.asarray(gained - np.asarray(flagged, dtype=np.float64) * self.contact)


@dataclass(frozen=True)
class Policy:
    """How a threshold is chosen: by F1 of the leavers unless `capacity` or `costs` are given.

    Attributes:
        capacity: users that one can contact at one date.
        costs: of contacting.
        share: of all users of a date, those among whom the threshold is chosen; so much of the capacity is theirs.

    Raises:
        SettingsError: if both are given, or the capacity is below 1.
    """

    capacity: int | None = None
    costs: Costs | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.capacity is not None and self.costs is not None:
            raise SettingsError("--capacity and costs of contacting are both given", "give one of them")
        if self.capacity is not None and self.capacity < 1:
            raise SettingsError(f"--capacity is {self.capacity}", "give at least 1 user")

    @classmethod
    def of(cls, capacity: int | None, contact: float | None, saved: float | None, success: float | None) -> Policy:
        """From options of the command line.

        Raises:
            SettingsError: if only some of the costs are given, or they make no sense.
        """
        given = (contact, saved, success)
        if all(value is None for value in given):
            return cls(capacity)
        if contact is None or saved is None or success is None:
            raise SettingsError(
                "expected profit needs --cost-contact, --value-saved and --success-rate", "give all three or none"
            )
        return cls(capacity, Costs(contact, saved, success))

    def among(self, share: float) -> Policy:
        """The same policy where only a share of these users is looked at."""
        return replace(self, share=self.share * share)

    def as_json(self) -> dict[str, Any]:
        """For manifests and `run.json`."""
        costs = self.costs
        return {
            "rule": "profit" if costs else "capacity" if self.capacity else "f1_churn",
            "capacity": self.capacity,
            "cost_contact": costs.contact if costs else None,
            "value_saved": costs.saved if costs else None,
            "success_rate": costs.success if costs else None,
        }

    def threshold(self, y: npt.ArrayLike, p: npt.ArrayLike, dates: npt.NDArray[np.datetime64]) -> float:
        """The threshold that this policy takes, seen out-of-fold scores.

        Args:
            y: labels, 0 or 1, shape [n].
            p: probabilities, shape [n].
            dates: the date of each row, shape [n]: a capacity holds at each of them, so the one that asks for the
                highest threshold decides.
        """
        if self.costs:
            return best_profit_threshold(y, p, self.costs)
        if self.capacity:
            scores, (_, place) = np.asarray(p), np.unique(dates, return_inverse=True)
            among = max(1, round(self.capacity * self.share))
            return max(capacity_threshold(scores[place == date], among) for date in range(place.max() + 1))
        return steady_f1_threshold(y, p)


BEST_F1: Final = Policy()


def steady_f1_threshold(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """A probability among `p` that, as a threshold, gives churners an F1 as good as the best, but for chance.

    F1 is flat around its best, so which of many thresholds is the best by a hair is luck. Of all within
    `SLACK` of the best, the one nearest to half of the best F1 is taken: there the best lies where probabilities
    are true (Lipton, Elkan and Narayanaswamy, 2014, "Thresholding classifiers to maximize F1 score"). Of equals
    the highest. Without a churner 1.0, as `churn.evaluation.best_f1_threshold`.
    """
    ranking = Ranking.of(y, p)
    if not ranking.y.any():
        return 1.0
    thresholds = ranking.thresholds()[1:]
    f1 = Tally.of(ranking).decisions(thresholds)["f1_churn"][0]
    good = thresholds[f1 >= (1 - SLACK) * f1.max()]
    return float(good[np.abs(good - f1.max() / 2).argmin()])


def best_profit_threshold(y: npt.ArrayLike, p: npt.ArrayLike, costs: Costs) -> float:
    """The probability among `p` with the best profit as a threshold; `NOBODY` if none gains, `EVERYBODY` if all do.

    Of equals the one that contacts fewest.
    """
    ranking = Ranking.of(y, p)
    flagged, leavers = (totals[0] for totals in Tally.of(ranking).flagged(ranking.cuts))
    best = int(costs.profit(flagged, leavers).argmax())  # cuts flag more and more, and argmax takes the first
    if best == 0:
        return NOBODY
    return EVERYBODY if best == len(ranking.cuts) - 1 else float(ranking.thresholds()[best])


def capacity_threshold(p: npt.ArrayLike, capacity: int) -> float:
    """The lowest probability among `p` from which on at most `capacity` rows are flagged; `NOBODY` if ties forbid."""
    scores = np.sort(np.asarray(p, dtype=np.float64))[::-1]
    if capacity >= scores.size:
        return EVERYBODY
    fits = scores[scores > scores[capacity]]
    return float(fits[-1]) if fits.size else NOBODY


def with_profit(rows: Sequence[Row], costs: Costs | None) -> list[Row]:
    """Rows of `thresholds.csv` with their `profit`, if costs are known."""
    if costs is None:
        return list(rows)
    return [row | {"profit": float(costs.profit(float(row["flagged"]), float(row["tp"])))} for row in rows]
