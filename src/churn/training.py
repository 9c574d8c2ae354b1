"""One task to trained, calibrated and measured models."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from churn.calibration import Calibration
from churn.evaluation import Floats, Ints, best_f1_threshold, measure
from churn.intervals import bootstrap
from churn.learners import Learner, Model
from churn.learners.constant import Constant
from churn.learners.families import Family
from churn.tables import Split, Table

MANY_ROWS: Final = 10_000
FOLDS_OF_MANY: Final = 3
"""From so many rows on, out-of-fold scores come from three fits instead of five."""

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
        seconds: of wall time, folds included.
    """

    family: Family
    model: Model
    calibration: Calibration
    scores: Scores
    seconds: float


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


def fit(split: Split, family: Family, seed: int) -> Fit:
    """Train a family on a task: once a fold for calibration and threshold, once on everything."""
    started = time.perf_counter()
    train, learner = split.train, family.learner()
    logit = np.empty(len(train))
    folds = cross_fit_folds(train)
    for fold in np.unique(folds):
        inside = folds == fold
        logit[inside] = _fit_rows(learner, family, train.rows(~inside), seed).logit(train.x[inside])
    calibration = Calibration.fit(logit, train.y.astype(np.float64))
    model = _fit_rows(learner, family, train, seed)
    out_of_fold = calibration.apply(logit)
    scores = Scores(
        out_of_fold=out_of_fold,
        train=calibration.apply(model.logit(train.x)),
        test=calibration.apply(model.logit(split.test.x)),
        threshold=best_f1_threshold(train.y, out_of_fold),
    )
    return Fit(family, model, calibration, scores, time.perf_counter() - started)


def cross_fit_folds(train: Table) -> Ints:
    """The folds that out-of-fold scores are made with, all rows of a user in one; fewer where rows are many.

    Calibration and threshold rest on thousands of scores either way, and every fold costs a fit.
    """
    return train.folds % FOLDS_OF_MANY if len(train) > MANY_ROWS else train.folds


def _fit_rows(learner: Learner, family: Family, rows: Table, seed: int) -> Model:
    if len(np.unique(rows.y)) < 2:
        return Constant(float(rows.y.mean()) if len(rows) else 0.0, rows.x.shape[1])
    return learner.fit(rows.x, rows.y, family.params, seed)


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
