"""Snapshots to `metrics/` and `bundle/`: every task, every family, every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from churn.bundling import Origin, write_bundle
from churn.evaluation import Floats
from churn.features import feature_list
from churn.features.base import MS_PER_HOUR
from churn.learners.families import Family
from churn.problem import Cutoffs
from churn.ranking import best_features
from churn.results import TaskResult, write_metrics
from churn.settings import Settings
from churn.studies import write_studies
from churn.tables import Split, Table, split_forecast, split_history
from churn.training import evaluate, fit, least_recently_active, nobody_churns, select
from churn.tuning import Tuned, tune, untuned


@dataclass(frozen=True)
class Modelling:
    """All modelling of one run.

    Attributes:
        settings: families, seed, problem.
        cutoffs: of this log.
        fingerprint: of the events.
        versions: of the libraries.
        families: what is trained, and by what.
    """

    settings: Settings
    cutoffs: Cutoffs
    fingerprint: str
    versions: Mapping[str, str]
    families: tuple[Family, ...]

    def forecast_split(self, forecast: Table) -> Split:
        """The task `forecast`, divided."""
        return split_forecast(forecast, np.datetime64(self.cutoffs.test))

    def run(self, forecast: Table, history: Table, last_ts: Mapping[str, int], folder: Path) -> None:
        """Train and measure everything; write `metrics/` and `bundle/` into a folder.

        Args:
            forecast: snapshots of that task, at all cut-offs.
            history: snapshots of that task.
            last_ts: time of each user's last event in the log, ms.
            folder: where to write.
        """
        features = {feature.name: feature for feature in feature_list(self.settings.problem)[0]}
        no_clock = [name for name in history.names if not features[name].clock]
        splits = (
            self.forecast_split(forecast),
            split_history(history, "history"),
            split_history(history.features(no_clock), "history_no_clock"),
        )
        tuned = self._tune(splits[0].train)
        taken_over = self._taken_over(tuned)
        results = [self._task(split, tuned if split is splits[0] else taken_over, last_ts) for split in splits]
        recipe = self.settings.recipe
        write_metrics(results, features, recipe, folder / "metrics")
        write_studies(results[0], recipe, self.settings.studies, folder / "metrics")
        origin = Origin(asdict(self.settings.problem), self.fingerprint, self.versions, recipe)
        write_bundle(results[0], features, origin, folder / "bundle")

    def _tune(self, train: Table) -> dict[str, Tuned]:
        """The settings of every family, found on the forecast's training rows."""
        recipe = self.settings.recipe
        rows = best_features(train, recipe.best, recipe.seed)
        return {family.name: tune(rows, family, recipe) for family in self.families}

    def _task(self, split: Split, tuned: Mapping[str, Tuned], last_ts: Mapping[str, int]) -> TaskResult:
        recipe, seed = self.settings.recipe, self.settings.seed
        fits = {family.name: fit(split, family, recipe, tuned=tuned[family.name]) for family in self.families}
        baselines = {
            "nobody churns": nobody_churns(split),
            "least recently active": least_recently_active(split, lambda table: self._idle_hours(table, last_ts)),
        }
        return TaskResult(
            split=split,
            fits=fits,
            measured={name: evaluate(split, f.scores, seed) for name, f in fits.items()},
            baselines=baselines,
            measured_baselines={name: evaluate(split, scores, seed) for name, scores in baselines.items()},
            selected=select(list(fits.values()), split).family.name,
        )

    def _idle_hours(self, table: Table, last_ts: Mapping[str, int]) -> Floats:
        """Hours since last seen: at the cut-off in a forecast, at the end of the log in a history."""
        if np.all(table.cutoffs == np.datetime64(self.cutoffs.as_of)):
            end = max(last_ts.values())
            return np.array([(end - last_ts[str(user)]) / MS_PER_HOUR for user in table.users])
        return table.x[:, table.names.index("recency_hours")].astype(np.float64)

    def _taken_over(self, tuned: Mapping[str, Tuned]) -> dict[str, Tuned]:
        """The forecast's settings for another task, which they were not tried on."""
        return {family.name: untuned(family, tuned[family.name].point) for family in self.families}
