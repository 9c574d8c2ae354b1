"""One task to trained, calibrated and measured models."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from churn.calibration import Calibration
from churn.decision import BEST_F1, Policy
from churn.evaluation import Floats, Ints, best_f1_threshold, measure
from churn.intervals import bootstrap
from churn.learners import Model
from churn.learners.families import Family
from churn.tables import Split, Table
from churn.tuning import Tuned, fit_rows, untuned

FEWER_FOLDS: Final = ((40_000, 2), (10_000, 3))
"""Rows from which on out-of-fold scores come from fewer fits than five."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """Probabilities of one model, or of one rule, on one task.

    Attributes:
        out_of_fold: on the training rows, each from a model that did not see its user.
        train: on the training rows, from the model that was trained on them.
        test: on the test rows.
        threshold: from which a user is flagged; chosen on `out_of_fold`.
    """

    out_of_fold: Floats
    train: Floats
    test: Floats
    threshold: float


@dataclass(frozen=True)
class Fit:
    """One family on one task.

    Attributes:
        family: which.
        model: trained on all training rows.
        calibration: fitted on out-of-fold scores.
        scores: its probabilities.
        seconds: of wall time, tuning and folds included.
        tuned: its settings.
    """

    family: Family
    model: Model
    calibration: Calibration
    scores: Scores
    seconds: float
    tuned: Tuned


@dataclass(frozen=True)
class Measured:
    """Metrics of one model or rule on one task, by name; intervals are 95 %, bootstrapped over users.

    Attributes:
        test: on the test rows.
        train: on the training rows.
        intervals: low and high ends for the test.
    """

    test: dict[str, float]
    train: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def fit(
    split: Split,
    family: Family,
    seed: int,
    *,
    tuned: Tuned | None = None,
    balance: str = "weights",
    policy: Policy = BEST_F1,
) -> Fit:
    """Train a family on a task: once a fold for calibration and threshold, once on everything.

    Args:
        split: the task.
        family: what to train.
        seed: of learners and draws.
        tuned: its settings; the usual ones if None.
        balance: see `churn.balancing.balanced`.
        policy: how the threshold is chosen.
    """
    started = time.perf_counter()
    train, settings = split.train, tuned or untuned(family)
    logit = np.empty(len(train))
    folds = cross_fit_folds(train)
    for fold in np.unique(folds):
        inside = folds == fold
        model = fit_rows(family, train.rows(~inside), settings.params, balance, seed)
        logit[inside] = model.logit(train.x[inside])
    prior = 1.0 if family.odds else 0.0
    calibration = Calibration.fit(logit, train.y.astype(np.float64), prior=prior)
    model = fit_rows(family, train, settings.params, balance, seed)
    out_of_fold = calibration.apply(logit)
    scores = Scores(
        out_of_fold=out_of_fold,
        train=calibration.apply(model.logit(train.x)),
        test=calibration.apply(model.logit(split.test.x)),
        threshold=policy.threshold(train.y, out_of_fold, train.cutoffs),
    )
    seconds = time.perf_counter() - started
    logger.info("%s: %s trained in %.1f s", split.task, family.name, seconds)
    return Fit(family, model, calibration, scores, seconds, settings)


def cross_fit_folds(train: Table) -> Ints:
    """The folds that out-of-fold scores are made with, all rows of a user in one; fewer where rows are many.

    Calibration and threshold rest on thousands of scores either way, and every fold costs a fit.
    """
    fewer = next((folds for rows, folds in FEWER_FOLDS if len(train) > rows), None)
    return train.folds % fewer if fewer else train.folds


def select(fits: Sequence[Fit], split: Split) -> Fit:
    """The fit with the best out-of-fold average precision; the first of equals."""
    y = split.train.y
    return max(fits, key=lambda f: np.nan_to_num(measure(y, f.scores.out_of_fold, 0.5)["average_precision"]))


def evaluate(split: Split, scores: Scores, seed: int) -> Measured:
    """Every metric of some scores, on test and training rows."""
    test = split.test
    return Measured(
        test=measure(test.y, scores.test, scores.threshold),
        train=measure(split.train.y, scores.train, scores.threshold),
        intervals=bootstrap(test.y, scores.test, test.users, scores.threshold, seed=seed),
    )


Rule = Callable[[Table], Floats]


def nobody_churns(split: Split) -> Scores:
    """The baseline that gives everybody the base rate and flags nobody."""
    rate = float(split.train.y.mean())
    flat = {name: np.full(len(rows), rate) for name, rows in (("train", split.train), ("test", split.test))}
    return Scores(flat["train"], flat["train"], flat["test"], threshold=1.0)


def least_recently_active(split: Split, hours: Rule) -> Scores:
    """The baseline that ranks by time since last seen; `hours` gives it for the rows of a table."""
    train, test = np.log1p(hours(split.train)), np.log1p(hours(split.test))
    calibration = Calibration.fit(train, split.train.y.astype(np.float64), prior=0.0)
    p = calibration.apply(train)
    return Scores(p, p, calibration.apply(test), best_f1_threshold(split.train.y, p))
