"""Gradient-boosted trees: what decides on them, and what they make of their features."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xgboost

from churn.learners.families import FAMILIES
from churn.learners.xgboost import XGBoostLearner

PARAMS = FAMILIES["xgboost"].params | {"num_boost_round": 30, "nthread": 1}


def sample(n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Features of which the first decides, the second helps, and the others say nothing."""
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1, (n, 5)).astype(np.float32)
    return x, (2 * x[:, 0] + 0.7 * x[:, 1] + generator.normal(0, 1, n) > 1).astype(np.int64)


def test_the_seed_decides() -> None:
    x, y = sample()
    first, again, other = (XGBoostLearner().fit(x, y, PARAMS, seed).logit(x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_log_odds_are_those_of_the_booster_itself() -> None:
    x, y = sample()
    model = XGBoostLearner().fit(x, y, PARAMS, 0)
    expected = model.booster.predict(xgboost.DMatrix(x), output_margin=True)
    np.testing.assert_allclose(model.logit(x), expected, rtol=1e-6)
    assert model.logit(x).dtype == np.float64
    assert model.logit(x).shape == (len(x),)


def test_all_rounds_are_trained_from_the_base_rate_on() -> None:
    x, y = sample()
    model = XGBoostLearner().fit(x, y, PARAMS, 0)
    assert model.booster.num_boosted_rounds() == 30
    flat = XGBoostLearner().fit(np.zeros_like(x), y, PARAMS | {"subsample": 1.0}, 0)
    np.testing.assert_allclose(flat.logit(x), math.log(y.mean() / (1 - y.mean())), atol=1e-4)


def test_the_settings_of_the_family_are_not_changed() -> None:
    x, y = sample(100)
    before = dict(PARAMS)
    XGBoostLearner().fit(x, y, PARAMS, 0)
    assert before == PARAMS


def test_importance_is_a_share_and_trees_have_no_coefficient() -> None:
    x, y = sample()
    weights = XGBoostLearner().fit(x, y, PARAMS, 0).weights()
    assert len(weights) == 5
    assert sum(w.importance for w in weights) == pytest.approx(1)
    assert [i for i, _ in sorted(enumerate(weights), key=lambda pair: -pair[1].importance)][:2] == [0, 1]
    assert all(math.isnan(w.coefficient) for w in weights)


def test_a_feature_without_a_split_has_no_importance() -> None:
    x, y = sample()
    x[:, 3] = 1
    assert XGBoostLearner().fit(x, y, PARAMS, 0).weights()[3].importance == 0
    nothing = XGBoostLearner().fit(np.ones_like(x), y, PARAMS, 0).weights()
    assert [w.importance for w in nothing] == [0.0] * 5


def test_an_unknown_value_is_told_apart_from_0() -> None:
    generator = np.random.default_rng(0)
    y = (np.arange(600) % 2).astype(np.int64)
    x = np.where(y == 1, np.nan, generator.choice([-1.0, 0.0, 1.0], 600)).astype(np.float32)[:, None]
    model = XGBoostLearner().fit(x, y, PARAMS, 0)
    unknown, zero = model.logit(np.array([[np.nan], [0.0]], dtype=np.float32))
    assert unknown > 1 > -1 > zero


def test_no_rows_get_no_answers() -> None:
    x, y = sample(100)
    assert XGBoostLearner().fit(x, y, PARAMS, 0).logit(x[:0]).shape == (0,)
