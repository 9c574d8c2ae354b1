"""One task to trained, calibrated and measured models."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from churn.calibration import Calibration
from churn.decision import Policy, steady_f1_threshold
from churn.evaluation import COUNTS, Floats, Ints, measure
from churn.intervals import bootstrap
from churn.learners import Model
from churn.learners.families import Family
from churn.learners.threads import side_by_side
from churn.ranking import best_features
from churn.tables import Bools, Split, Table
from churn.tuning import Recipe, Tuned, fit_rows, untuned

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
        flagged: which test rows are flagged, where that is not simply `test` >= `threshold`.
    """

    out_of_fold: Floats
    train: Floats
    test: Floats
    threshold: float
    flagged: Bools | None = None


@dataclass(frozen=True)
class Fit:
    """One family on one task.

    Attributes:
        family: which.
        model: trained on all training rows.
        names: its features, in the order of its columns.
        calibration: fitted on out-of-fold scores.
        scores: its probabilities.
        seconds: of wall time, tuning and folds included.
        tuned: its settings.
    """

    family: Family
    model: Model
    names: tuple[str, ...]
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


def fit(split: Split, family: Family, recipe: Recipe, *, tuned: Tuned | None = None) -> Fit:
    """Train a family on a task: once a fold for calibration and threshold, once on everything.

    Args:
        split: the task. Where its test is its training rows, each is scored by a model, a calibration and a
            threshold that have not seen its user (`pooled`).
        family: what to train.
        recipe: how.
        tuned: settings of the family; the usual ones if None.
    """
    started = time.perf_counter()
    train, settings = split.train, tuned or untuned(family)
    folds = cross_fit_folds(train)
    whole, *parts = _fit_without(train, folds, (None, *np.unique(folds)), family, settings.params, recipe)
    logit = _out_of_fold(folds, parts)
    calibration = calibration_of(train, logit, family.prior)
    out_of_fold = calibration.apply(logit)
    scores = Scores(
        out_of_fold=out_of_fold,
        train=calibration.apply(whole.logit),
        test=out_of_fold,
        threshold=recipe.policy.threshold(train.y, out_of_fold, train.cutoffs),
    )
    if split.test is train:
        test, flagged = pooled(train, logit, family.prior, recipe.policy)
        scores = replace(scores, test=test, flagged=flagged)
    else:
        scores = replace(scores, test=calibration.apply(whole.model.logit(split.test.features(whole.names).x)))
    seconds = settings.seconds + time.perf_counter() - started
    logger.info("%s: %s trained in %.1f s", split.task, family.name, seconds)
    return Fit(family, whole.model, whole.names, calibration, scores, seconds, settings)


def cross_fit(train: Table, family: Family, params: dict[str, Any], recipe: Recipe) -> Floats:
    """Scores of training rows [n], each from a model, and from a choice of features, that has not seen its user."""
    folds = cross_fit_folds(train)
    return _out_of_fold(folds, _fit_without(train, folds, np.unique(folds), family, params, recipe))


@dataclass(frozen=True)
class _Part:
    """A model trained without the rows of a fold, its features, and the scores of those rows; of all rows if None."""

    fold: int | None
    model: Model
    names: tuple[str, ...]
    logit: Floats


def _fit_without(
    train: Table, folds: Ints, left_out: Iterable[int | None], family: Family, params: dict[str, Any], recipe: Recipe
) -> list[_Part]:
    """A model for each fold that is left out, or for all rows; several at a time where they are trained here."""

    def part(fold: int | None) -> _Part:
        inside = folds == fold if fold is not None else np.ones(len(train), dtype=bool)
        rows = best_features(train if fold is None else train.rows(~inside), recipe.best, recipe.seed)
        model = fit_rows(family, rows, params, recipe.balance, recipe.seed)
        asked = rows.x if fold is None else train.rows(inside).features(rows.names).x
        return _Part(fold, model, rows.names, model.logit(asked))

    if not family.here:
        return [part(fold) for fold in left_out]
    family.learner()  # loads its library, so that its threads are known
    return side_by_side(part, left_out)


def _out_of_fold(folds: Ints, parts: Iterable[_Part]) -> Floats:
    """The scores of the rows of all folds, in the order of the rows."""
    logit = np.empty(len(folds))
    for part in parts:
        logit[folds == part.fold] = part.logit
    return logit


def calibration_of(rows: Table, logit: Floats, prior: float) -> Calibration:
    """The map from out-of-fold scores [n] to probabilities: slope of all rows, level of the newest cut-off."""
    found = Calibration.fit(logit, rows.y.astype(np.float64), prior=prior)
    if len(np.unique(rows.cutoffs)) == 1:  # or rows without dates
        return found
    newest = rows.cutoffs == rows.cutoffs.max()
    return found.moved(logit[newest], rows.y[newest].astype(np.float64))


def pooled(train: Table, logit: Floats, prior: float, policy: Policy) -> tuple[Floats, Bools]:
    """Probabilities and decisions for rows that are training and test in one, from out-of-fold scores [n].

    Calibration and threshold of each fold come from the other folds, and so from a share of the users; all rows are
    tested, so the level is that of all.
    """
    p, flagged = np.empty(len(train)), np.empty(len(train), dtype=bool)
    folds = cross_fit_folds(train)
    for fold in np.unique(folds):
        inside, others = folds == fold, folds != fold
        if not others.any():
            others = inside
        calibration = Calibration.fit(logit[others], train.y[others].astype(np.float64), prior=prior)
        p[inside] = calibration.apply(logit[inside])
        theirs = policy.among(float(others.mean()))
        threshold = theirs.threshold(train.y[others], calibration.apply(logit[others]), train.cutoffs[others])
        flagged[inside] = p[inside] >= threshold
    return p, flagged


def cross_fit_folds(train: Table) -> Ints:
    """The folds that out-of-fold scores are made with, all rows of a user in one; fewer where rows are many.

    Calibration and threshold rest on thousands of scores either way, and every fold costs a fit. A table that is
    tested out of fold keeps its folds.
    """
    fewer = next((folds for rows, folds in FEWER_FOLDS if len(train) > rows), None)
    return train.folds % fewer if fewer and not train.keep_folds else train.folds


def select(fits: Sequence[Fit], split: Split) -> Fit:
    """The fit with the best out-of-fold average precision; the first of equals."""
    y = split.train.y
    return max(fits, key=lambda f: np.nan_to_num(measure(y, f.scores.out_of_fold, 0.5)["average_precision"]))


def evaluate(split: Split, scores: Scores, seed: int) -> Measured:
    """Every metric of some scores, on test and training rows."""
    y, users = split.test.y, split.test.users
    test = measure(y, scores.test, scores.threshold)
    intervals = bootstrap(y, scores.test, users, scores.threshold, seed=seed)
    if scores.flagged is not None:
        decided = scores.flagged.astype(np.float64)
        by_decision, around = measure(y, decided, 0.5), bootstrap(y, decided, users, 0.5, seed=seed)
        for name in ("f1_churn", "precision_churn", "recall_churn", *COUNTS):
            test[name], intervals[name] = by_decision[name], around[name]
    return Measured(test=test, train=measure(split.train.y, scores.train, scores.threshold), intervals=intervals)


Rule = Callable[[Table], Floats]


def nobody_churns(split: Split) -> Scores:
    """The baseline that gives everybody the base rate and flags nobody."""
    rate = float(split.train.y.mean())
    flat = {name: np.full(len(rows), rate) for name, rows in (("train", split.train), ("test", split.test))}
    return Scores(flat["train"], flat["train"], flat["test"], threshold=1.0)


def least_recently_active(split: Split, hours: Rule) -> Scores:
    """The baseline that ranks by time since last seen; `hours` gives it for the rows of a table."""
    train, test = np.log1p(hours(split.train)), np.log1p(hours(split.test))
    calibration = calibration_of(split.train, train, prior=0.0)
    p = calibration.apply(train)
    return Scores(p, p, calibration.apply(test), steady_f1_threshold(split.train.y, p))
