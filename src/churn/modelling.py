"""Snapshots to `metrics/` and `bundle/`: every task, every family, every table."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq

from churn.bundle import FeatureEntry, Manifest, save
from churn.bundle.graph import calibrated
from churn.errors import EngineError
from churn.evaluation import Floats, Row
from churn.features import Feature, feature_list
from churn.features.base import MS_PER_HOUR
from churn.learnable import LEAVERS_NEEDED
from churn.learners.families import FAMILIES, choose
from churn.problem import Cutoffs
from churn.results import TABLES, TaskResult, baseline_rows, importance_rows, model_rows, tables_on_test, to_csv
from churn.settings import Settings
from churn.tables import Split, Table, split_forecast, split_history
from churn.training import evaluate, fit, least_recently_active, nobody_churns, select
from churn.tuning import Tuned, tune, untuned

QUANTILES: Final = tuple(i / 20 for i in range(21))
"""Points at which the reference distribution of every feature is kept."""

PARITY: Final = 1e-5
"""Largest difference of a probability that the ONNX form of a model may show."""


@dataclass(frozen=True)
class Modelling:
    """All modelling of one run.

    Attributes:
        settings: families, seed, problem.
        cutoffs: of this log.
        fingerprint: of the events.
        versions: of the libraries.
    """

    settings: Settings
    cutoffs: Cutoffs
    fingerprint: str
    versions: Mapping[str, str]

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
        results = [self._task(split, tuned if split is splits[0] else _taken_over(tuned), last_ts) for split in splits]
        self._write_metrics(results, features, folder / "metrics")
        self._write_bundle(results[0], features, folder / "bundle")

    def _tune(self, train: Table) -> dict[str, Tuned]:
        """The settings of every family, found on the forecast's training rows."""
        s = self.settings
        return {family.name: tune(train, family, s.balance, s.seed) for family in choose(s.families)}

    def _task(self, split: Split, tuned: Mapping[str, Tuned], last_ts: Mapping[str, int]) -> TaskResult:
        s, seed = self.settings, self.settings.seed
        fits = {
            name: fit(split, FAMILIES[name], seed, tuned=found, balance=s.balance, policy=s.policy)
            for name, found in tuned.items()
        }
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

    def _write_metrics(self, results: list[TaskResult], features: Mapping[str, Feature], folder: Path) -> None:
        seed = self.settings.seed
        tables: dict[str, list[Row]] = {
            "models": [row for result in results for row in model_rows(result, seed)],
            "baselines": [row for result in results for row in baseline_rows(result)],
            "importance": [row for result in results for row in importance_rows(result, features)],
        }
        on_test = [tables_on_test(result) for result in results]
        tables |= {name: [row for tables in on_test for row in tables[name]] for name in TABLES}
        folder.mkdir()
        for name, rows in tables.items():
            (folder / f"{name}.csv").write_text(to_csv(rows), encoding="utf-8")
        described = {
            result.split.task: {
                "train": result.split.train.describe(),
                "test": result.split.test.describe(),
                "selected": result.selected,
            }
            for result in results
        }
        (folder / "tasks.json").write_text(json.dumps(described, indent=2), encoding="utf-8")

    def _write_bundle(self, result: TaskResult, features: Mapping[str, Feature], folder: Path) -> None:
        chosen, split = result.fits[result.selected], result.split
        model = calibrated(chosen.model.to_onnx(), chosen.calibration.slope, chosen.calibration.intercept)
        content = model.SerializeToString(deterministic=True)
        manifest = Manifest(
            model=chosen.family.name,
            task=split.task,
            problem=asdict(self.settings.problem),
            features=_entries(split.test, features),
            threshold=chosen.scores.threshold,
            base_rate=float(split.train.y.mean()),
            calibration=asdict(chosen.calibration),
            training={
                **split.train.describe(),
                "seed": self.settings.seed,
                "test": split.test_words,
                "enough": split.train.leavers >= LEAVERS_NEEDED,
            },
            fingerprint=self.fingerprint,
            metrics={name: _defined(value) for name, value in result.measured[result.selected].test.items()},
            parity=_parity(content, split.test, chosen.scores.test),
            versions=dict(self.versions),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            files={},
        )
        save(folder, manifest, content, _reference(split.train))


def _taken_over(tuned: Mapping[str, Tuned]) -> dict[str, Tuned]:
    """The forecast's settings for another task, which they were not tried on."""
    return {name: untuned(FAMILIES[name], found.point) for name, found in tuned.items()}


def _entries(latest: Table, features: Mapping[str, Feature]) -> tuple[FeatureEntry, ...]:
    """The inputs with what is usual at the latest cut-off: totals grow with the log, so earlier ones mislead."""
    low, usual, high = _quantiles(latest, (0.1, 0.5, 0.9)).T
    return tuple(
        FeatureEntry(
            name=name,
            sentence=features[name].sentence,
            group=features[name].group,
            usual=float(usual[i]),
            spread=max(float(high[i] - low[i]), 1e-9),
            flag=features[name].flag,
            trait=features[name].trait,
        )
        for i, name in enumerate(latest.names)
    )


def _quantiles(table: Table, points: Sequence[float]) -> Floats:
    """Quantiles of every feature where it is known, shape [f, points]; 0 where it is known of nobody."""
    found = np.zeros((len(table.names), len(points)))
    for i in range(len(table.names)):
        known = table.x[:, i][~np.isnan(table.x[:, i])]
        if known.size:
            found[i] = np.quantile(known.astype(np.float64), points)
    return found


def _parity(model: bytes, test: Table, p: Floats) -> dict[str, float]:
    """Largest difference of a probability between the trained model and its ONNX form, on the test rows.

    Raises:
        EngineError: if it is larger than `PARITY`: a bundle that scores otherwise than it was measured is no bundle.
    """
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["probability"], {"features": test.x})
    difference = float(np.abs(found - p).max())
    if not difference <= PARITY:
        raise EngineError(f"the model's ONNX form differs from it by {difference:.1e}", "report this, with the bundle")
    return {"rows": len(test), "max_abs_difference": difference}


def _reference(train: Table) -> bytes:
    """The distribution of every feature over the training rows, as Parquet: feature, quantile, value."""
    values = _quantiles(train, QUANTILES)
    table = pa.table(
        {
            "feature": np.repeat(np.array(train.names, dtype=object), len(QUANTILES)),
            "quantile": np.tile(QUANTILES, len(train.names)),
            "value": values.reshape(-1).astype(np.float32),
        }
    )
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def _defined(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
