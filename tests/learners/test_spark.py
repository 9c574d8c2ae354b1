"""What Spark trains: the same numbers with and without Spark, as good as on one machine, folds and weights as given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.models import on_thresholds
from churn.balancing import balanced
from churn.calibration import sigmoid
from churn.engines import Engine
from churn.errors import SettingsError, UnavailableError
from churn.learners import Model, Trier, Witness
from churn.learners.families import FAMILIES, Family
from churn.learners.trees import summed
from churn.readymade import read_table
from churn.tables import Table
from churn.tuning import Recipe, tune
from tests.learners.test_onnx import labels, rows, run

pytestmark = pytest.mark.spark

FEW: dict[str, dict[str, Any]] = {
    "logistic_regression": {"C": 0.01},
    "random_forest": {"trees": 12, "max_depth": 6, "rows": 1200},
    "gradient_boosted_trees": {"rounds": 10, "max_depth": 3},
    "linear_svm": {"C": 0.01},
    "xgboost": {"num_boost_round": 20},
}
"""Settings that take no time."""

TREES = ["random_forest", "gradient_boosted_trees", "xgboost"]


def needs(name: str) -> None:
    if name == "xgboost" and util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed, so XGBoost on Spark is NOT tested: pip install 'sparkify-churn[spark]'")


def on(engine: Engine, name: str, **changes: Any) -> Family:
    """A family with few trees, trained by Spark."""
    needs(name)
    from churn.learners.spark import on_spark

    params = FAMILIES[name].params | FEW[name] | changes
    return on_spark((replace(FAMILIES[name], params=params, richer=(), tuning={}),), engine)[0]


def trained(family: Family, *, weighted: bool = True, seed: int = 0) -> Model:
    given = balanced(rows(1500), labels(rows(1500)), "weights" if weighted else "none", seed)
    return family.learner().fit(given.x, given.y, family.params, seed, given.weight)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_model_spark_and_onnx_give_the_same_probabilities_on_rows_held_out(spark: Engine, name: str) -> None:
    model = trained(on(spark, name))
    graph = model.to_onnx()
    for x in (rows(900, seed=9), on_thresholds(graph, rows(900, seed=8))):
        assert isinstance(model, Witness)
        by_spark, here, exported = model.witness(x), model.logit(x), run(graph, x)
        assert np.ptp(sigmoid(by_spark)) > 0.2
        assert np.abs(sigmoid(here) - sigmoid(by_spark)).max() <= 1e-5
        assert np.abs(sigmoid(exported) - sigmoid(by_spark)).max() <= 1e-5
    assert model.witness(rows(0)).shape == (0,)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_weights_count_and_nothing_else_decides(spark: Engine, name: str) -> None:
    family = on(spark, name)
    plain, again = (trained(family, weighted=False).logit(rows(300, seed=3)) for _ in range(2))
    np.testing.assert_allclose(plain, again, rtol=1e-12, atol=1e-12)  # with Spark 3.5, the SVM's last digit may move
    assert trained(family).logit(rows(300, seed=3)).mean() > plain.mean() + 0.1
    weights = trained(family).weights()
    assert sum(weight.importance for weight in weights) == pytest.approx(1)
    assert max(range(len(weights)), key=lambda i: weights[i].importance) in (0, 4)


def test_an_unknown_value_is_told_apart_from_0_by_trees(spark: Engine) -> None:
    family = on(spark, "gradient_boosted_trees", min_leaf=5)
    y = (np.arange(600) % 2).astype(np.int64)
    zeros = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 600)
    x = np.where(y == 1, np.nan, zeros).astype(np.float32)[:, None]
    unknown, zero = family.learner().fit(x, y, family.params, 0).logit(np.array([[np.nan], [0.0]], dtype=np.float32))
    assert unknown > 0.5 and zero < -0.5


def test_trees_are_taken_out_of_spark_whole(spark: Engine) -> None:
    model = trained(on(spark, "random_forest")).model  # type: ignore[attr-defined]
    assert len(model.trees) == 12
    for tree in model.trees:
        inner = tree.left >= 0
        assert sorted([0, *tree.left[inner], *tree.right[inner]]) == list(range(len(tree.left)))
        np.testing.assert_allclose(tree.value.sum(axis=1), 1 / 12)
    np.testing.assert_allclose(summed(model.trees, rows(50)).sum(axis=1), 1)


def test_the_table_of_all_users_of_the_full_log_is_one_part(spark: Engine) -> None:
    from churn.engines.spark import SparkEngine
    from churn.learners.spark_rows import spark_rows

    assert isinstance(spark, SparkEngine)
    x = np.zeros((22_277, 219), dtype=np.float32)
    for times, parts in ((1, 1), (4, 4)):
        with spark_rows(spark.session, np.tile(x, (times, 1)), {}) as frame:
            assert frame.rdd.getNumPartitions() == parts


@pytest.mark.slow
def test_points_are_tried_with_the_folds_and_the_class_weights_of_each(spark: Engine) -> None:
    # One fold with its labels turned round: only who trains on the other two sees it, and only as a whole.
    family = on(spark, "logistic_regression")
    x, y = rows(1500), labels(rows(1500))
    folds = np.random.default_rng(0).permutation(np.arange(1500) % 3)
    y = np.where(folds == 0, 1 - y, y)
    learner = family.learner()
    assert isinstance(learner, Trier)
    points = [{"C": 1e-6}, {"C": 0.01}]
    found = learner.try_all(x, y, folds, points, 0, weighted=True)
    for point, score in zip(points, found, strict=True):
        expected = []
        for fold in range(3):
            given = balanced(x[folds != fold], y[folds != fold], "weights", 0)
            model = learner.fit(given.x, given.y, point, 0, given.weight)
            expected.append(average_precision_score(y[folds == fold], model.logit(x[folds == fold])))
        assert score == pytest.approx(np.mean(expected), abs=3e-4)  # scaled by all rows
        assert np.ptp(expected) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_tuned_over_its_grid(spark: Engine, name: str) -> None:
    family = on(spark, name)
    grid = tuple({key: value for key, value in point.items() if key not in FEW[name] or key == "C"}
                 for point in family.grid[:3])  # fmt: skip
    family = replace(family, grid=tuple(point | {"max_depth": k + 1} if name in TREES else point
                                        for k, point in enumerate(grid)))  # fmt: skip
    found = tune(table(900), family, Recipe())
    assert [point for point, _ in found.tried] == list(family.grid)
    assert all(0.1 < score < 1 for _, score in found.tried)
    assert len({score for _, score in found.tried}) > 1
    assert found.params == family.params | found.point


def test_rows_that_were_drawn_are_tried_fold_by_fold(spark: Engine) -> None:
    # Drawing belongs on the rows of a training fold, which Spark's cross-validation cannot be told.
    family = replace(on(spark, "logistic_regression"), grid=({"C": 0.001}, {"C": 0.1}))
    drawn = tune(table(600), family, Recipe(balance="undersample"))
    here = tune(table(600), replace(family, trainer=None), Recipe(balance="undersample"))
    for (_, score), (_, same) in zip(drawn.tried, here.tried, strict=True):
        assert score == pytest.approx(same, abs=0.01)


def test_too_few_slots_for_xgboost_are_told_before_it_waits(spark: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from churn.learners import spark_xgboost

    family = on(spark, "xgboost")
    monkeypatch.setattr(spark_xgboost, "WORKERS", 99)
    with pytest.raises(SettingsError, match=r"has 2 slots .* needs 99; raise spark\.executor\.cores .* --learner"):
        trained(family)


def test_xgboost_without_pandas_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from churn.learners import spark_xgboost

    monkeypatch.setattr(spark_xgboost.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"needs pandas.*sparkify-churn\[spark\].*--learner local"):
        spark_xgboost.check_xgboost(None)


def test_every_setting_of_a_family_is_known_to_spark_or_left_out_on_purpose() -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed; Spark is NOT tested")
    from churn.learners.spark import SPARK, SPARK_NAMES

    assert list(SPARK) == list(SPARK_NAMES) == list(FAMILIES)
    left_out = {name: FAMILIES[name].params.keys() - SPARK_NAMES[name].keys() for name in FAMILIES}
    assert left_out == {
        "logistic_regression": {"C"},
        "random_forest": {"rows"},
        "gradient_boosted_trees": {"penalty"},
        "linear_svm": {"C"},
        "xgboost": set(),
    }


def table(n: int) -> Table:
    """Rows of as many users, in five folds."""
    x = rows(n)
    users = np.array([f"u{i}" for i in range(n)], dtype=object)
    days = np.full(n, np.datetime64("2018-11-01"))
    return Table(tuple("abcdef"), x, labels(x), users, days, np.arange(n) % 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_spark_is_as_good_as_its_counterpart_on_the_real_users(
    spark: Engine, data: Callable[[str], Path], name: str
) -> None:
    needs(name)
    from churn.learners.spark import on_spark

    users = read_table(data("real/user_table_full.csv.gz"), "userId", "churn", folds=5).table
    train, test = users.rows(users.folds != 0), users.rows(users.folds == 0)
    given = balanced(train.x, train.y, "weights", 0)
    (family,) = on_spark((FAMILIES[name],), spark)  # type: ignore[arg-type]
    found = []
    for which in (FAMILIES[name], family):
        model = which.learner().fit(given.x, given.y, which.params, 0, given.weight)
        found.append(float(roc_auc_score(test.y, model.logit(test.x))))
    here, on_cluster = found
    assert on_cluster == pytest.approx(here, abs=0.01) or on_cluster > here
    exported = run(model.to_onnx(), test.x)
    assert isinstance(model, Witness)
    assert np.abs(sigmoid(exported) - sigmoid(model.witness(test.x))).max() <= 1e-5
