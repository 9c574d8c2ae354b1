"""Questions about the making of models that a run answers beside, if asked: how to balance, how many features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from churn.balancing import BALANCES
from churn.errors import SettingsError
from churn.evaluation import Row
from churn.results import TaskResult, to_csv
from churn.tables import Split
from churn.training import Fit, Scores, cross_fit, evaluate, pooled
from churn.tuning import Recipe, sample_of_users

STUDIES: Final = ("balance", "features")

STUDY_ROWS: Final = 25_000
"""Rows of the users that are looked at, at most; as many as the user table of the full log has."""

STEP: Final = 4
"""From so many features on, and by so many more."""

EVENLY: Final = 32
"""Up to here; from here on by half as many again, since the curve is flat by then."""

SHOWN: Final = (
    "roc_auc", "average_precision", "log_loss", "brier", "brier_skill", "ece", "f1_churn", "f1_weighted",
    "precision_churn", "recall_churn",
)  # fmt: skip


def check_studies(names: Sequence[str]) -> None:
    """Refuse a name that is no study.

    Raises:
        SettingsError: with the studies there are.
    """
    unknown = [name for name in names if name not in STUDIES]
    if unknown:
        raise SettingsError(f"--study is {', '.join(unknown)}", f"choose from: {', '.join(STUDIES)}")


def write_studies(result: TaskResult, recipe: Recipe, names: Sequence[str], folder: Path) -> None:
    """`balance.csv` and `feature_count.csv`, those asked for, beside the metrics of a task."""
    train = result.split.train
    rows = train.rows(sample_of_users(train, STUDY_ROWS, recipe.seed))
    recipe = replace(recipe, policy=recipe.policy.among(len(rows) / len(train)))
    split = Split(result.split.task, rows, rows, "training rows, pooled out of fold")
    if "balance" in names:
        (folder / "balance.csv").write_text(to_csv(balance_rows(split, list(result.fits.values()), recipe)))
    if "features" in names:
        (folder / "feature_count.csv").write_text(to_csv(feature_rows(split, result.fits[result.selected], recipe)))


def balance_rows(split: Split, fits: Sequence[Fit], recipe: Recipe) -> list[Row]:
    """Every family balanced in every way, each inside the training folds, measured on rows as they are."""
    return [
        {
            "task": split.task,
            "model": fit.family.name,
            "balance": how,
            **_measured(split, fit, replace(recipe, balance=how)),
        }
        for fit in fits
        for how in BALANCES
    ]


def feature_rows(split: Split, fit: Fit, recipe: Recipe) -> list[Row]:
    """A family on its 4, 8, 12, … best features, chosen anew inside the training folds each time."""
    whole = len(split.train.names)
    return [
        {"task": split.task, "model": fit.family.name, "features": k, **_measured(split, fit, replace(recipe, best=k))}
        for k in counts(whole)
    ]


def counts(whole: int) -> Iterator[int]:
    """How many features are tried, of so many.

    >>> list(counts(219))
    [4, 8, 12, 16, 20, 24, 28, 32, 48, 72, 108, 160, 219]
    """
    k = STEP
    while k < whole:
        yield k
        k = k + STEP if k < EVENLY else k * 3 // 2 // STEP * STEP
    yield whole


def _measured(split: Split, fit: Fit, recipe: Recipe) -> Row:
    """Metrics of out-of-fold scores, calibration and threshold of each fold taken from the others."""
    train = split.train
    logit = cross_fit(train, fit.family, fit.tuned.params, recipe)
    p, flagged = pooled(train, logit, fit.family.prior, recipe.policy)
    threshold = recipe.policy.threshold(train.y, p, train.cutoffs)
    found = evaluate(split, Scores(p, p, p, threshold, flagged), recipe.seed)
    row: Row = {}
    for name in SHOWN:
        row[name] = found.test[name]
        row[f"{name}_low"], row[f"{name}_high"] = found.intervals[name]
    return row
