"""The tables under `metrics/`: tidy rows, one dict each, in the columns that users script against."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from churn.decision import BEST_F1, Policy, with_profit
from churn.evaluation import (
    COUNTS,
    METRICS,
    Floats,
    Ints,
    Row,
    calibration_table,
    curve_table,
    lift_table,
    threshold_table,
)
from churn.features.base import Described
from churn.tables import Split
from churn.training import Fit, Measured, Scores, cross_fit_folds
from churn.tuning import Recipe, points_as_json

SHORT = {
    "accuracy": "accuracy",
    "f1_score": "f1_weighted",
    "precision": "precision_weighted",
    "recall": "recall_weighted",
    "auc": "roc_auc",
}
"""Column names that people of this field know, and what they mean. The only place where they are used."""

LATER = ("brier_skill",)
"""Metrics that came later: their columns stand at the end, so all others keep their places."""

_ELSEWHERE = ("accuracy", "precision_weighted", "recall_weighted", *LATER)
FULL = tuple(name for name in METRICS if name not in _ELSEWHERE)
ON_TEST = tuple(part for name in (*FULL, *COUNTS) for part in (("threshold", name) if name == "lift_5" else (name,)))
"""What is measured on the test, in the order of the columns."""

TABLES = ("thresholds", "lift", "calibration", "curves")


@dataclass(frozen=True)
class TaskResult:
    """All that came out of one task.

    Attributes:
        split: the rows.
        fits: by family name.
        measured: by family name.
        baselines: scores of the trivial rules, by name.
        measured_baselines: by name.
        selected: name of the family with the best out-of-fold average precision.
    """

    split: Split
    fits: Mapping[str, Fit]
    measured: Mapping[str, Measured]
    baselines: Mapping[str, Scores]
    measured_baselines: Mapping[str, Measured]
    selected: str


def model_rows(result: TaskResult, seed: int) -> list[Row]:
    """Rows of `models.csv`."""
    return [
        {
            "task": result.split.task,
            "model": name,
            "selected": int(name == result.selected),
            **_known_columns(fit, result.measured[name], result, seed),
            **_full_columns(result.measured[name]),
        }
        for name, fit in result.fits.items()
    ]


def _known_columns(fit: Fit, measured: Measured, result: TaskResult, seed: int) -> Row:
    row: Row = {}
    for short, name in SHORT.items():
        row[short] = measured.test[name]
        if short in ("accuracy", "f1_score", "auc"):
            row[f"{short} (train)"] = measured.train[name]
    return {
        **row,
        "training_time": round(fit.seconds, 3),
        "CrossValidation": len(np.unique(cross_fit_folds(result.split.train))),
        "paramGrid": points_as_json(fit.tuned),
        "best_params": json.dumps(fit.tuned.point, sort_keys=True),
        "num_best_features": len(fit.names),
        "seed": seed,
        "num_params": len(fit.tuned.tried),
    }


def _full_columns(measured: Measured) -> Row:
    row: Row = {name: measured.test[name] for name in ON_TEST}
    row |= {f"{name}_train": measured.train[name] for name in ON_TEST}
    for name in ON_TEST:
        # The threshold is chosen before the test is seen, so no draw of test users moves it.
        fixed = (measured.test["threshold"],) * 2
        row[f"{name}_low"], row[f"{name}_high"] = fixed if name == "threshold" else measured.intervals[name]
    for name in LATER:
        row |= {name: measured.test[name], f"{name}_train": measured.train[name]}
        row[f"{name}_low"], row[f"{name}_high"] = measured.intervals[name]
    return row


def baseline_rows(result: TaskResult) -> list[Row]:
    """Rows of `baselines.csv`: the trivial rules, with the metrics of the models."""
    return [
        {"task": result.split.task, "model": name, **_full_columns(measured)}
        for name, measured in result.measured_baselines.items()
    ]


def importance_rows(result: TaskResult, features: Mapping[str, Described]) -> list[Row]:
    """Rows of `importance.csv`, the most important feature of each model first."""
    rows: list[Row] = []
    for name, fit in result.fits.items():
        weights = zip(fit.names, fit.model.weights(), strict=True)
        for feature, weight in sorted(weights, key=lambda pair: (-pair[1].importance, pair[0])):
            rows.append(
                {
                    "task": result.split.task,
                    "model": name,
                    "feature": feature,
                    "group": features[feature].group,
                    "sentence": features[feature].sentence,
                    "importance": weight.importance,
                    "coefficient": weight.coefficient,
                }
            )
    return rows


def tables_on_test(result: TaskResult, policy: Policy = BEST_F1) -> dict[str, list[Row]]:
    """Rows of `thresholds.csv`, `lift.csv`, `calibration.csv` and `curves.csv`, on the test rows.

    Thresholds have a column `profit` where costs of contacting are known.
    """

    def thresholds(y: Ints, p: Floats) -> list[Row]:
        return with_profit(threshold_table(y, p), policy.costs)

    y = result.split.test.y
    makers = dict(zip(TABLES, (thresholds, lift_table, calibration_table, curve_table), strict=True))
    scores = {name: fit.scores for name, fit in result.fits.items()} | dict(result.baselines)
    return {
        table: [
            {"task": result.split.task, "model": name, **row}
            for name, score in scores.items()
            for row in make(y, score.test)
        ]
        for table, make in makers.items()
    }


def write_metrics(
    results: Sequence[TaskResult], features: Mapping[str, Described], recipe: Recipe, folder: Path
) -> None:
    """All tables of all tasks, and `tasks.json`, into a new folder."""
    tables: dict[str, list[Row]] = {
        "models": [row for result in results for row in model_rows(result, recipe.seed)],
        "baselines": [row for result in results for row in baseline_rows(result)],
        "importance": [row for result in results for row in importance_rows(result, features)],
    }
    on_test = [tables_on_test(result, recipe.policy) for result in results]
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


def to_csv(rows: Iterable[Row]) -> str:
    """Rows as CSV; what is not defined is an empty cell."""
    return "".join(csv_lines(rows)) or "\n"


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """`to_csv` line by line, the names of the columns first, for lists that are too long for the memory."""
    for number, row in enumerate(rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(row), lineterminator="\n")
        if number == 0:
            writer.writeheader()
        writer.writerow({name: _cell(value) for name, value in row.items()})
        yield text.getvalue()


def _cell(value: float | int | str) -> float | int | str:
    return "" if isinstance(value, float) and np.isnan(value) else value
