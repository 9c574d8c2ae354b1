"""Logistic regression: its scaling, and its coefficients against scikit-learn itself."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from churn.learners.linear import Scaling, signed_log
from churn.learners.sklearn import LogisticLearner

LARGEST = float(np.finfo(np.float32).max)


def sample(n: int = 600, f: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Features of different sizes and labels that rise with the first and fall with the second."""
    generator = np.random.default_rng(0)
    x = (generator.lognormal(0, 1, (n, f)) * 10.0 ** np.arange(f)).astype(np.float32)
    odds = np.log(x[:, 0]) - np.log(x[:, 1] / 10) - 1
    return x, (generator.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int64)


@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
def test_equals_scikit_learn_on_the_same_scaled_features(c: float) -> None:
    x, y = sample()
    oracle = make_pipeline(
        FunctionTransformer(lambda v: np.sign(v) * np.log1p(np.abs(v))),
        StandardScaler(),
        LogisticRegression(C=c, tol=1e-10, max_iter=10_000),
    ).fit(x.astype(np.float64), y)
    found = LogisticLearner().fit(x, y, {"C": c}, 0)
    np.testing.assert_allclose(found.coefficients, oracle[-1].coef_[0], rtol=1e-4, atol=1e-6)
    assert found.intercept == pytest.approx(oracle[-1].intercept_[0], rel=1e-4)
    np.testing.assert_allclose(found.logit(x), oracle.decision_function(x.astype(np.float64)), atol=1e-4)


def test_the_seed_makes_no_difference() -> None:
    x, y = sample()
    first, second = (LogisticLearner().fit(x, y, {"C": 0.1}, seed) for seed in (0, 1))
    np.testing.assert_array_equal(first.coefficients, second.coefficients)


def test_importance_is_the_share_of_the_coefficient_with_its_sign_beside_it() -> None:
    x, y = sample()
    model = LogisticLearner().fit(x, y, {"C": 1.0}, 0)
    weights = model.weights()
    assert sum(w.importance for w in weights) == pytest.approx(1)
    assert [w.coefficient for w in weights] == model.coefficients.tolist()
    assert weights[0].coefficient > 0 > weights[1].coefficient
    assert min(weights[0].importance, weights[1].importance) > max(w.importance for w in weights[2:])


def test_without_any_feature_that_varies_importance_is_0() -> None:
    y = (np.arange(100) < 20).astype(np.int64)
    model = LogisticLearner().fit(np.full((100, 3), 4.2, dtype=np.float32), y, {"C": 1.0}, 0)
    assert [w.importance for w in model.weights()] == [0.0] * 3
    np.testing.assert_allclose(model.logit(np.ones((2, 3), dtype=np.float32)), np.log(0.25), atol=1e-4)


def test_scaled_features_have_mean_0_and_deviation_1() -> None:
    x, _ = sample()
    scaled = Scaling.fit(signed_log(x)).apply(signed_log(x))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-12)


def test_unknown_values_are_left_out_and_count_as_the_mean() -> None:
    x, _ = sample()
    holes = np.concatenate([x, np.full((50, x.shape[1]), np.nan, dtype=np.float32)])
    with_holes, without = Scaling.fit(signed_log(holes)), Scaling.fit(signed_log(x))
    np.testing.assert_allclose(with_holes.mean, without.mean, rtol=1e-12)
    np.testing.assert_allclose(with_holes.scale, without.scale, rtol=1e-12)
    np.testing.assert_array_equal(with_holes.apply(holes)[-50:], 0)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3, LARGEST, float("nan")])
def test_a_feature_that_never_varies_is_0_for_everybody_seen_and_unseen(value: float) -> None:
    scaling = Scaling.fit(signed_log(np.full((97, 1), value, dtype=np.float32)))
    unseen = np.array([[0.0], [1.0], [-LARGEST], [LARGEST], [np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(scaling.apply(signed_log(unseen)), 0)


def test_a_huge_value_stays_within_reach() -> None:
    x, y = sample()
    x[0, 0] = LARGEST
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LogisticLearner().fit(x, y, {"C": 0.01}, 0)
        extremes = model.logit(np.full((1, 5), LARGEST, dtype=np.float32))
    assert np.all(np.isfinite(extremes))
    assert np.abs(model.scaling.apply(signed_log(x))).max() < 30


@given(
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=False),
    )
)
def test_scaling_any_features_gives_finite_numbers(x: np.ndarray) -> None:
    scaled = Scaling.fit(signed_log(x)).apply(signed_log(x))
    assert scaled.shape == x.shape
    assert np.all(np.isfinite(scaled))
    assert np.all(scaled[np.isnan(x)] == 0)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_signed_logarithm_is_odd_and_keeps_the_order(value: float) -> None:
    below, at = signed_log(np.array([value - abs(value) / 1000 - 1, value], dtype=np.float64))
    assert below < at
    np.testing.assert_array_equal(signed_log(np.array([-value])), -signed_log(np.array([value])))
    assert signed_log(np.array([np.e - 1]))[0] == pytest.approx(1)
