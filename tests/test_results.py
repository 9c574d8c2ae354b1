"""The tables under `metrics/`: their columns, which users script against, and what is in them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from churn.features import Feature
from churn.learners.families import FAMILIES, Family
from churn.results import (
    TABLES,
    TaskResult,
    baseline_rows,
    importance_rows,
    model_rows,
    tables_on_test,
    to_csv,
)
from churn.training import evaluate, fit, least_recently_active, nobody_churns
from churn.tuning import Recipe
from tests.test_training import informative, table

FAMILY = FAMILIES["logistic_regression"]
SEED = 7

KNOWN = (
    "accuracy", "accuracy (train)", "f1_score", "f1_score (train)", "precision", "recall", "auc", "auc (train)",
    "training_time", "CrossValidation", "paramGrid", "best_params", "num_best_features", "seed", "num_params",
)  # fmt: skip
METRICS = (
    "roc_auc", "average_precision", "log_loss", "brier", "ece",
    "f1_churn", "f1_weighted", "precision_churn", "recall_churn",
)  # fmt: skip
TOPS = ("lift_5", "lift_10", "lift_20", "recall_5", "recall_10", "recall_20")
COUNTS = ("tn", "fp", "fn", "tp")
FULL = (
    *METRICS, "threshold", *TOPS, *COUNTS,
    *(f"{name}_train" for name in (*METRICS, "threshold", *TOPS, *COUNTS)),
    *(f"{name}{end}" for name in (*METRICS, "threshold", *TOPS, *COUNTS) for end in ("_low", "_high")),
    "brier_skill", "brier_skill_train", "brier_skill_low", "brier_skill_high",
)  # fmt: skip


def task(*, leavers: bool = True) -> TaskResult:
    """A task with two models and two baselines."""
    split = informative(240)
    if not leavers:
        split = replace(split, test=replace(split.test, y=np.zeros_like(split.test.y)))
    trees = Family("xgboost", "XGBoost", FAMILIES["xgboost"].params | {"num_boost_round": 10, "nthread": 1})
    fits = {family.name: fit(split, family, Recipe(SEED)) for family in (FAMILY, trees)}
    baselines = {
        "nobody churns": nobody_churns(split),
        "least recently active": least_recently_active(split, lambda rows: np.exp(rows.x[:, 0].astype(np.float64))),
    }
    return TaskResult(
        split=split,
        fits=fits,
        measured={name: evaluate(split, made.scores, SEED) for name, made in fits.items()},
        baselines=baselines,
        measured_baselines={name: evaluate(split, scores, SEED) for name, scores in baselines.items()},
        selected="xgboost",
    )


@pytest.fixture(scope="module")
def result() -> TaskResult:
    return task()


def cells(text: str) -> list[dict[str, str]]:
    """CSV as programs read it."""
    return list(csv.DictReader(io.StringIO(text)))


def test_the_columns_of_the_models_are_those_that_users_script_against(result: TaskResult) -> None:
    expected = ("task", "model", "selected", *KNOWN, *FULL)
    for row in model_rows(result, SEED):
        assert tuple(row) == expected


def test_the_columns_of_the_baselines_are_those_of_the_models_but_for_what_is_trained(result: TaskResult) -> None:
    rows = baseline_rows(result)
    assert [row["model"] for row in rows] == ["nobody churns", "least recently active"]
    assert all(tuple(row) == ("task", "model", *FULL) for row in rows)


def test_short_names_are_the_full_ones_they_stand_for(result: TaskResult) -> None:
    for row in model_rows(result, SEED):
        measured = result.measured[str(row["model"])]
        assert row["auc"] == row["roc_auc"] == measured.test["roc_auc"]
        assert row["auc (train)"] == row["roc_auc_train"] == measured.train["roc_auc"]
        assert row["f1_score"] == row["f1_weighted"] == measured.test["f1_weighted"]
        assert row["f1_score (train)"] == row["f1_weighted_train"] == measured.train["f1_weighted"]
        assert row["accuracy"] == measured.test["accuracy"]
        assert row["accuracy (train)"] == measured.train["accuracy"]
        assert row["precision"] == measured.test["precision_weighted"]
        assert row["recall"] == measured.test["recall_weighted"]


def test_full_names_are_the_metrics_on_the_test_on_training_rows_and_their_intervals(result: TaskResult) -> None:
    for row in model_rows(result, SEED):
        measured = result.measured[str(row["model"])]
        for name in (*METRICS, "threshold", *TOPS, *COUNTS):
            assert row[name] == measured.test[name]
        for name in (*METRICS, *TOPS, *COUNTS, "brier_skill"):
            assert row[f"{name}_train"] == measured.train[name]
        for name in (*METRICS, *TOPS, *COUNTS, "brier_skill"):
            assert (row[f"{name}_low"], row[f"{name}_high"]) == measured.intervals[name]
        assert row["threshold"] == row["threshold_train"] == row["threshold_low"] == row["threshold_high"]
    assert row["tn"] + row["fp"] + row["fn"] + row["tp"] == len(result.split.test)
    assert sum(int(row[f"{name}_train"]) for name in COUNTS) == len(result.split.train)


def test_the_other_known_columns_say_how_a_model_was_trained(result: TaskResult) -> None:
    for row in model_rows(result, SEED):
        made = result.fits[str(row["model"])]
        assert row["task"] == "forecast"
        assert row["CrossValidation"] == 5
        assert json.loads(str(row["best_params"])) == made.family.params
        assert json.loads(str(row["paramGrid"])) == [made.family.params]
        assert (row["num_best_features"], row["num_params"], row["seed"]) == (4, 1, SEED)
        assert row["training_time"] == pytest.approx(made.seconds, abs=1e-3)


def test_one_model_is_selected(result: TaskResult) -> None:
    found = {row["model"]: row["selected"] for row in model_rows(result, SEED)}
    assert found == {"logistic_regression": 0, "xgboost": 1}


def test_tidy_tables_begin_with_task_and_model_and_hold_models_and_baselines(result: TaskResult) -> None:
    found = tables_on_test(result)
    assert tuple(found) == TABLES == ("thresholds", "lift", "calibration", "curves")
    for rows in found.values():
        assert {tuple(row)[:2] for row in rows} == {("task", "model")}
        assert len({tuple(row) for row in rows}) == 1
        assert list(dict.fromkeys(row["model"] for row in rows)) == [
            "logistic_regression", "xgboost", "nobody churns", "least recently active",
        ]  # fmt: skip


def test_tidy_tables_are_about_the_test_rows(result: TaskResult) -> None:
    found, n = tables_on_test(result), len(result.split.test)
    churners = int(result.split.test.y.sum())
    for name in result.fits:
        of_model = {kind: [row for row in rows if row["model"] == name] for kind, rows in found.items()}
        assert sum(int(row["n"]) for row in of_model["calibration"]) == n
        assert of_model["lift"][-1]["users"] == n
        assert of_model["lift"][-1]["churners"] == churners
        row = of_model["thresholds"][49]
        assert row["threshold"] == 0.5
        assert row["flagged"] == int((result.fits[name].scores.test >= 0.5).sum())


def test_importance_ranks_the_features_of_each_model(result: TaskResult) -> None:
    names = result.split.train.names
    features = {n: Feature(n, "family", f"sentence of {n}", None, f"group of {n}") for n in names}
    found = importance_rows(result, features)
    columns = ("task", "model", "feature", "group", "sentence", "importance", "coefficient")
    assert all(tuple(row) == columns for row in found)
    for name, made in result.fits.items():
        rows = [row for row in found if row["model"] == name]
        shares = [float(row["importance"]) for row in rows]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
        assert rows[0]["feature"] == "f0"
        assert {row["feature"] for row in rows} == set(names)
        by_name = dict(zip(names, made.model.weights(), strict=True))
        assert all(row["importance"] == by_name[str(row["feature"])].importance for row in rows)
        assert all(row["group"] == f"group of {row['feature']}" for row in rows)
        assert all(row["sentence"] == f"sentence of {row['feature']}" for row in rows)


def test_features_of_equal_importance_come_in_the_order_of_their_names(result: TaskResult) -> None:
    flat = table(np.zeros((100, 3)), np.arange(100) % 2)
    split = replace(result.split, train=flat, test=flat)
    made = replace(result, split=split, fits={FAMILY.name: fit(split, FAMILY, Recipe(0))})
    features = {name: Feature(name, "family", "sentence", None, "group") for name in flat.names}
    assert [row["feature"] for row in importance_rows(made, features)] == ["f0", "f1", "f2"]


def test_cells_without_a_value_are_empty(result: TaskResult) -> None:
    without = task(leavers=False)
    for text in (to_csv(model_rows(without, SEED)), to_csv(baseline_rows(without))):
        for row in cells(text):
            assert row["roc_auc"] == row["lift_5"] == row["recall_churn"] == row["roc_auc_low"] == ""
            assert float(row["brier"]) >= 0
        assert "nan" not in text
    assert all(row["roc_auc"] for row in cells(to_csv(model_rows(result, SEED))))
    coefficients = to_csv([{"task": "forecast", "coefficient": np.float64("nan")}])
    assert coefficients == "task,coefficient\nforecast,\n"


def test_csv_keeps_every_digit_and_quotes_what_needs_it(result: TaskResult) -> None:
    rows = model_rows(result, SEED)
    read = cells(to_csv(rows))
    for written, row in zip(rows, read, strict=True):
        assert float(row["log_loss"]) == written["log_loss"]
        assert json.loads(row["best_params"]) == json.loads(str(written["best_params"]))
        assert list(row) == list(written)
    assert to_csv([{"a": 'x,"y"\n', "b": 1}]) == 'a,b\n"x,""y""\n",1\n'
