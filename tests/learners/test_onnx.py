"""Every model against its own ONNX form: on ordinary rows, unknown values and the edges of 32 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest

from benchmarks.models import on_thresholds
from churn.bundle.graph import calibrated
from churn.calibration import Calibration, sigmoid
from churn.learners import Model
from churn.learners.boosted import BoostedLearner
from churn.learners.constant import Constant
from churn.learners.families import FAMILIES
from churn.learners.forest import ForestLearner
from churn.learners.sklearn import LogisticLearner
from churn.learners.svm import SvmLearner
from churn.learners.xgboost import XGBoostLearner
from churn.readymade import read_table

TREES = FAMILIES["xgboost"].params | {"num_boost_round": 50, "nthread": 1}
FEATURES = 6


def rows(n: int, seed: int = 0) -> np.ndarray:
    """Features as snapshots have them: counts, shares, flags, long tails, and some that are unknown."""
    generator = np.random.default_rng(seed)
    x = np.column_stack(
        [
            generator.poisson(4, n),
            generator.random(n),
            generator.random(n) < 0.3,
            generator.lognormal(3, 3, n),
            generator.normal(0, 1, n),
            np.full(n, 7.5),
        ]
    ).astype(np.float32)
    x[generator.random(x.shape) < 0.1] = np.nan
    return x


def labels(x: np.ndarray, seed: int = 0) -> np.ndarray:
    odds = 0.5 * np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 4]) - 3
    return (np.random.default_rng(seed).random(len(x)) < sigmoid(odds)).astype(np.int64)


def corners(n: int = 400) -> np.ndarray:
    """Rows of the numbers on which 32 bits end."""
    info = np.finfo(np.float32)
    numbers = [info.max, info.min, info.tiny, info.smallest_subnormal, -0.0, 0.0, np.nan, 2**24 + 1, 1 + info.eps]
    return np.random.default_rng(1).choice(np.array(numbers, dtype=np.float32), (n, FEATURES))


def trees(**params: Any) -> Callable[[], Model]:
    """Trains XGBoost on `rows(1500)` with some settings changed."""
    return lambda: XGBoostLearner().fit(rows(1500), labels(rows(1500)), TREES | params, 0)


def trees_for_one_leaver() -> Model:
    """So few leavers that no tree has a split."""
    x = rows(1500)
    return XGBoostLearner().fit(x, (np.arange(len(x)) == 3).astype(np.int64), TREES, 0)


def forest(**params: Any) -> Callable[[], Model]:
    """Trains a random forest on `rows(1500)`, leavers weighted, with some settings changed."""
    settings = FAMILIES["random_forest"].params | params
    return lambda: ForestLearner().fit(rows(1500), labels(rows(1500)), settings, 0, 1.0 + 3 * labels(rows(1500)))


def boosted(**params: Any) -> Callable[[], Model]:
    """Trains gradient-boosted trees on `rows(1500)`, leavers weighted, with some settings changed."""
    settings = FAMILIES["gradient_boosted_trees"].params | params
    return lambda: BoostedLearner().fit(rows(1500), labels(rows(1500)), settings, 0, 1.0 + 3 * labels(rows(1500)))


LINEAR: dict[str, Callable[[], Model]] = {
    "logistic": lambda: LogisticLearner().fit(rows(1500), labels(rows(1500)), {"C": 0.01}, 0),
    "logistic, hardly regularised": lambda: LogisticLearner().fit(rows(1500), labels(rows(1500)), {"C": 1e4}, 0),
    "svm": lambda: SvmLearner().fit(rows(1500), labels(rows(1500)), {"C": 0.01}, 0),
    "constant": lambda: Constant(0.2, FEATURES),
    "constant, nobody left": lambda: Constant(0.0, FEATURES),
}
MODELS: dict[str, Callable[[], Model]] = LINEAR | {
    "xgboost": trees(num_boost_round=FAMILIES["xgboost"].params["num_boost_round"]),
    "xgboost, one round": trees(num_boost_round=1),
    "xgboost, sure of itself": trees(learning_rate=0.5, min_child_weight=0.0, reg_lambda=0.1, max_depth=8),
    "xgboost, no split at all": trees(min_child_weight=1e9),
    "xgboost, one leaver": trees_for_one_leaver,
    "forest": forest(),
    "forest, every leaf pure": forest(trees=20, max_depth=40, min_leaf=1),
    "forest, one tree": forest(trees=1),
    "forest, no split at all": forest(min_leaf=1500),
    "boosted": boosted(),
    "boosted, sure of itself": boosted(learning_rate=0.5, max_depth=8, min_leaf=1, penalty=0.0),
    "boosted, no split at all": boosted(min_leaf=1500),
}


class Made(NamedTuple):
    """A trained model and its ONNX form."""

    name: str
    model: Model
    graph: onnx.ModelProto


@pytest.fixture(params=MODELS, scope="module")
def made(request: pytest.FixtureRequest) -> Made:
    """Each of the models in turn."""
    model = MODELS[request.param]()
    return Made(request.param, model, model.to_onnx())


def run(model: onnx.ModelProto, x: np.ndarray, output: str = "logit") -> np.ndarray:
    """One output of an ONNX model."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run([output], {"features": x})
    return np.asarray(found)


@pytest.mark.parametrize("x", [rows(1500), rows(700, seed=9), corners(), np.zeros((3, FEATURES), dtype=np.float32)])
def test_onnx_gives_the_probabilities_of_the_model(made: Made, x: np.ndarray) -> None:
    found, expected = run(made.graph, x), made.model.logit(x)
    assert found.shape == expected.shape == (len(x),)
    assert np.all(np.isfinite(expected))
    assert np.abs(sigmoid(found) - sigmoid(expected)).max() <= 1e-5
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)  # calibration stretches log-odds


@pytest.mark.parametrize("name", LINEAR)
def test_onnx_of_a_linear_model_is_equal_to_rounding(name: str) -> None:
    model = LINEAR[name]()
    for x in (rows(1500), corners()):
        np.testing.assert_allclose(run(model.to_onnx(), x), model.logit(x), rtol=0, atol=1e-9)


def test_onnx_takes_a_split_where_the_model_takes_it(made: Made) -> None:
    # Rows right at, right below and right above the thresholds of the trees.
    nodes = {a.name: onnx.helper.get_attribute_value(a) for n in made.graph.graph.node for a in n.attribute}
    at = np.unique(np.array([0.0, *nodes.get("nodes_values", [])], dtype=np.float32))
    at = at[np.abs(at) < np.finfo(np.float32).max]  # a split that parts unknown values from all others
    near = np.concatenate([np.nextafter(at, np.float32(-np.inf)), at, np.nextafter(at, np.float32(np.inf))])
    x = np.repeat(near[:, None], FEATURES, axis=1)
    np.testing.assert_allclose(run(made.graph, x), made.model.logit(x), rtol=1e-5, atol=1e-5)


def test_onnx_is_valid_and_named_as_promised(made: Made) -> None:
    onnx.checker.check_model(made.graph, full_check=True)
    (given,), (answer,) = made.graph.graph.input, made.graph.graph.output
    assert (given.name, answer.name) == ("features", "logit")
    assert given.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert given.type.tensor_type.shape.dim[1].dim_value == FEATURES
    assert answer.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE


def test_onnx_is_the_same_every_time(made: Made) -> None:
    again = MODELS[made.name]().to_onnx()
    assert again.SerializeToString(deterministic=True) == made.graph.SerializeToString(deterministic=True)


def test_calibration_is_part_of_the_onnx(made: Made) -> None:
    calibration = Calibration(0.4, 1.5)
    model = calibrated(made.graph, calibration.slope, calibration.intercept)
    onnx.checker.check_model(model, full_check=True)
    assert [output.name for output in model.graph.output] == ["logit", "probability"]
    for x in (rows(500, seed=4), corners()):
        found = run(model, x, "probability")
        assert found.dtype == np.float64
        assert np.abs(found - calibration.apply(made.model.logit(x))).max() <= 1e-5


def test_calibration_leaves_the_model_it_was_given_alone() -> None:
    model = Constant(0.2, FEATURES).to_onnx()
    before = model.SerializeToString(deterministic=True)
    calibrated(model, 2.0, 1.0)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.01, -3.0), (50.0, 800.0), (1.0, -800.0)])
def test_the_probability_of_the_onnx_is_that_of_the_calibration(slope: float, intercept: float) -> None:
    made = LogisticLearner().fit(rows(500), labels(rows(500)), {"C": 1.0}, 0)
    found = run(calibrated(made.to_onnx(), slope, intercept), rows(500), "probability")
    expected = Calibration(slope, intercept).apply(made.logit(rows(500)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_parity_on_more_than_20_000_rows_of_the_real_shape(name: str, data: Callable[[str], Path]) -> None:
    table = read_table(data("real/user_table_full.csv.gz"), "userId", "churn").table
    family = FAMILIES[name]
    learned = np.arange(len(table)) % 4 == 0
    balanced_weight = np.where(table.y == 1, 2.0, 0.6)[learned]
    made = family.learner().fit(table.x[learned], table.y[learned], family.params, 0, balanced_weight)
    graph = made.to_onnx()
    calibration = Calibration.fit(made.logit(table.x), table.y.astype(np.float64), prior=family.prior)
    model = calibrated(graph, calibration.slope, calibration.intercept)
    edges = on_thresholds(graph, table.x)
    assert len(table) > 20_000
    assert np.mean(edges != table.x) > 0.1 or "linear" in graph.graph.name
    for x in (table.x, edges):
        assert np.abs(run(model, x, "probability") - calibration.apply(made.logit(x))).max() <= 1e-5
