"""The settings of each family: tried by cross-validation on a sample of the users, or taken over."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from churn.balancing import balanced, check_balance
from churn.decision import BEST_F1, Policy
from churn.errors import SettingsError
from churn.evaluation import Floats, Ints, average_precision
from churn.learners import Model, Trier
from churn.learners.constant import Constant
from churn.learners.families import Family
from churn.learners.threads import side_by_side
from churn.tables import Bools, Table

SAMPLE_ROWS: Final = 12_000
"""Rows of the users that settings are tried on, at most.

Which of four points is best needs fewer rows than a model does: `benchmarks/tuning.py` compares the choices, and what
they are worth on rows never seen, with those of tuning on all rows."""

TUNING_FOLDS: Final = 2
"""Fits a point; every row is scored by a model that has not seen its user, as with five."""


@dataclass(frozen=True)
class Recipe:
    """How models are made and thresholds chosen, whatever the family.

    Attributes:
        seed: of learners and draws.
        balance: see `churn.balancing.balanced`.
        policy: how the threshold is chosen.
        best: on how many features to train, the best ones for the rows at hand; None: on all.

    Raises:
        SettingsError: for a balance that there is none of, or less than one feature.
    """

    seed: int = 0
    balance: str = "weights"
    policy: Policy = BEST_F1
    best: int | None = None

    def __post_init__(self) -> None:
        check_balance(self.balance)
        if self.best is not None and self.best < 1:
            raise SettingsError(f"--top-features is {self.best}", "give at least 1")


@dataclass(frozen=True)
class Tuned:
    """The settings of one family.

    Attributes:
        params: complete, for the learner.
        point: the change of the family's usual settings that they are.
        tried: all points and their mean average precision out of fold; one point without a value if taken over.
        seconds: of wall time that it took.
    """

    params: dict[str, Any]
    point: dict[str, Any]
    tried: tuple[tuple[dict[str, Any], float], ...]
    seconds: float = 0.0


def untuned(family: Family, point: dict[str, Any] | None = None) -> Tuned:
    """The usual settings of a family, or a point that was found before."""
    params = family.params | (point or {})
    changed = {name for change in (*family.grid, *family.richer) for name in change}
    chosen = {name: params[name] for name in sorted(changed or params)}
    return Tuned(params, chosen, ((chosen, float("nan")),))


def tune(train: Table, family: Family, recipe: Recipe) -> Tuned:
    """The point of a family with the best average precision out of fold, on a sample of users; the first of equals."""
    if len(family.grid) < 2:
        return untuned(family)
    started = time.perf_counter()
    sample = train.rows(sample_of_users(train, SAMPLE_ROWS, recipe.seed))
    scored = _scored(sample, family, family.grid, recipe)
    for point in family.richer:
        if _best(scored) != scored[-1][0]:
            break
        scored += _scored(sample, family, (point,), recipe)
    best = _best(scored)
    return Tuned(family.params | best, best, tuple(scored), time.perf_counter() - started)


def _best(scored: Sequence[tuple[dict[str, Any], float]]) -> dict[str, Any]:
    """The point with the best score; the first of equals."""
    return max(scored, key=lambda pair: np.nan_to_num(pair[1]))[0]


def _scored(
    sample: Table, family: Family, points: Sequence[dict[str, Any]], recipe: Recipe
) -> list[tuple[dict[str, Any], float]]:
    """Points and how good they are, by the learner itself if it tries them on rows as they are."""
    learner = family.learner()
    if isinstance(learner, Trier) and recipe.balance in ("none", "weights"):
        folds = np.unique(sample.folds % learner.tuning_folds, return_inverse=True)[1]
        if _divided(sample.y, folds, learner.tuning_folds):
            complete = [family.params | point | family.tuning for point in points]
            weighted = recipe.balance == "weights"
            found = learner.try_all(sample.x, sample.y, folds, complete, recipe.seed, weighted=weighted)
            return list(zip(points, found, strict=True))
    return list(zip(points, _tried(sample, family, points, recipe), strict=True))


def _divided(y: Ints, folds: Ints, count: int) -> bool:
    """Whether there are so many folds, each with rows of both classes."""
    return all(len(np.unique(y[folds == fold])) == 2 for fold in range(count))


def _tried(sample: Table, family: Family, points: Sequence[dict[str, Any]], recipe: Recipe) -> list[float]:
    """Mean average precision of each point over the folds; nan where no fold has a leaver."""
    folds = sample.folds % TUNING_FOLDS

    def one(fit: tuple[dict[str, Any], int]) -> float:
        point, fold = fit
        inside, params = folds == fold, family.params | point | family.tuning
        model = fit_rows(family, sample.rows(~inside), params, recipe.balance, recipe.seed)
        return average_precision(sample.y[inside], model.logit(sample.x[inside]))

    fits = list(product(points, np.unique(folds)))
    found = np.array(side_by_side(one, fits) if family.here else [one(fit) for fit in fits])
    return [_mean_of_known(of_point) for of_point in found.reshape(len(points), -1)]


def _mean_of_known(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def fit_rows(family: Family, rows: Table, params: dict[str, Any], balance: str, seed: int) -> Model:
    """Train a family on balanced rows; rows of one class give their rate to everybody."""
    if len(np.unique(rows.y)) < 2:
        return Constant(float(rows.y.mean()) if len(rows) else 0.0, rows.x.shape[1])
    given = balanced(rows.x, rows.y, balance, seed)
    return family.learner().fit(given.x, given.y, params, seed, given.weight)


def sample_of_users(table: Table, rows: int, seed: int) -> Bools:
    """Rows of as many users as make about `rows` rows, always the same ones: by a hash of seed and user id."""
    if len(table) <= rows:
        return np.ones(len(table), dtype=bool)
    share = rows / len(table)
    taken = {user: _share(f"{seed}:sample:{user}") < share for user in dict.fromkeys(table.users)}
    return np.array([taken[user] for user in table.users])


def _share(text: str) -> float:
    """A number from 0 to 1 that looks random and is always the same for a text."""
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:8]) / 2**64


def points_as_json(tuned: Tuned) -> str:
    """The points that were tried, for `models.csv`."""
    return json.dumps([point for point, _ in tuned.tried], sort_keys=True)
