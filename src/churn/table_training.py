"""Models for a ready-made table: the same families, folds, metrics and bundle as for a log. `churn train`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from churn.bundling import Origin, write_bundle
from churn.errors import NotEnoughData, SettingsError
from churn.learnable import LEAVERS_NEEDED
from churn.learners.families import FAMILIES, choose
from churn.ranking import best_features
from churn.readymade import Readymade, read_table
from churn.results import TaskResult, write_metrics
from churn.steps import Silence, Step, Watcher, do_steps, run_folder
from churn.studies import check_studies, write_studies
from churn.tables import Split
from churn.training import evaluate, fit, nobody_churns, select
from churn.tuning import Recipe, tune
from churn.versions import code, versions

TASK: Final = "table"

TEST_WORDS: Final = (
    "all users, each scored by a model, a calibration and a threshold that have not seen them (but settings and the "
    "winning family were chosen on the same users' folds, which flatters the winner a little)"
)


@dataclass(frozen=True)
class TableSettings:
    """What `churn train` takes.

    Attributes:
        table: the file.
        out: folder to write to.
        user: column of user ids.
        label: column of labels.
        drop: columns to leave out.
        folds: of the cross-validation.
        families: names of model families; all if empty.
        recipe: how models are made.
        studies: see `churn.studies`.
        force: learn even from too few leavers.

    Raises:
        SettingsError: for values that make no sense.
    """

    table: Path
    out: Path
    user: str = "userId"
    label: str = "churn"
    drop: tuple[str, ...] = ()
    folds: int = 5
    families: tuple[str, ...] = ()
    recipe: Recipe = field(default_factory=Recipe)
    studies: tuple[str, ...] = ()
    force: bool = False

    def __post_init__(self) -> None:
        choose(self.families)
        check_studies(self.studies)
        if self.user == self.label:
            raise SettingsError(f"--id and --label are both {self.user}", "name two columns")
        if not 2 <= self.folds <= 50:
            raise SettingsError(f"--folds is {self.folds}", "give a number from 2 to 50")

    def depends(self) -> dict[str, Any]:
        """All that results depend on beside the code."""
        return {
            "table": str(self.table.absolute()),
            "columns": [self.user, self.label, *self.drop],
            "folds": self.folds,
            "families": self.families,
            "recipe": [self.recipe.seed, self.recipe.balance, self.recipe.best, self.recipe.policy.as_json()],
            "studies": self.studies,
            "force": self.force,
        }


def train_table(settings: TableSettings, watcher: Watcher | None = None) -> list[Mapping[str, str]]:
    """Train on a ready-made table; writes `metrics/` and `bundle/` into a folder.

    Returns:
        The rows of `metrics/models.csv`.

    Raises:
        UserError: for all that the caller can mend.
    """
    made = read_table(
        settings.table,
        settings.user,
        settings.label,
        drop=settings.drop,
        folds=settings.folds,
        seed=settings.recipe.seed,
    )
    _check(made, settings)
    depends = {**settings.depends(), "data": made.fingerprint, "versions": versions(), "code": code()}
    step = Step(
        "train", "training and measuring models", ("metrics", "bundle"), depends,
        lambda folder: _train(made, settings, folder),
    )  # fmt: skip
    with run_folder(settings.out):
        do_steps(settings.out, [step], watcher or Silence())
    with (settings.out / "metrics" / "models.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _check(made: Readymade, settings: TableSettings) -> None:
    """Refuse a table that nothing can be learned from."""
    leavers, others = made.table.leavers, len(made.table) - made.table.leavers
    if min(leavers, others) < LEAVERS_NEEDED and not settings.force:
        raise NotEnoughData(
            f"{settings.table} has {leavers} leavers and {others} others, and at least {LEAVERS_NEEDED} of both are "
            "needed to learn anything that lasts",
            "give a larger table, or insist with --force",
        )
    if len(set(made.table.folds)) < 2:
        raise NotEnoughData(f"{settings.table} has too few users to divide", "50 are enough")


def _train(made: Readymade, settings: TableSettings, folder: Path) -> None:
    recipe, table = settings.recipe, made.table
    split = Split(TASK, table, table, TEST_WORDS)
    best = best_features(table, recipe.best, recipe.seed)
    tuned = {family.name: tune(best, family, recipe) for family in choose(settings.families)}
    fits = {name: fit(split, FAMILIES[name], recipe, tuned=found) for name, found in tuned.items()}
    nobody = nobody_churns(split)
    result = TaskResult(
        split=split,
        fits=fits,
        measured={name: evaluate(split, made_fit.scores, recipe.seed) for name, made_fit in fits.items()},
        baselines={"nobody churns": nobody},
        measured_baselines={"nobody churns": evaluate(split, nobody, recipe.seed)},
        selected=select(list(fits.values()), split).family.name,
    )
    write_metrics([result], made.columns, recipe, folder / "metrics")
    write_studies(result, recipe, settings.studies, folder / "metrics")
    problem = {"id": settings.user, "label": settings.label, "folds": settings.folds}
    write_bundle(result, made.columns, Origin(problem, made.fingerprint, versions(), recipe), folder / "bundle")
