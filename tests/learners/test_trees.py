"""Thresholds of 64 bits in 32 bits; forests and boosted trees against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from churn.learners.boosted import BINS, Bins, BoostedLearner
from churn.learners.families import FAMILIES
from churn.learners.forest import ForestLearner
from churn.learners.trees import floor32
from tests.learners.test_onnx import labels, rows
from tests.learners.test_sklearn import sample

BOOSTED = FAMILIES["gradient_boosted_trees"].params
FOREST = FAMILIES["random_forest"].params
LARGEST = float(np.finfo(np.float32).max)


@given(st.floats(-LARGEST, LARGEST), st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_of_32_bits_is_below_the_rounded_threshold_exactly_where_it_is_below_the_threshold(
    threshold: float, x: float
) -> None:
    (rounded,) = floor32(np.array([threshold]))
    with np.errstate(over="ignore"):
        above = np.nextafter(rounded, np.float32(np.inf))
    for value in (np.float32(x), rounded, above):
        if np.isfinite(value):
            assert (value <= rounded) == (float(value) <= threshold)


def test_bins_hold_about_as_many_rows_and_edges_belong_to_the_bin_they_end() -> None:
    x = np.random.default_rng(0).lognormal(0, 2, (5000, 1)).astype(np.float32)
    bins = Bins.fit(x)
    binned = bins.apply(x)[:, 0]
    counts = np.bincount(binned.astype(int))
    assert len(counts) == BINS
    assert counts.min() > 0.7 * len(x) / BINS and counts.max() < 1.3 * len(x) / BINS
    (edges,) = bins.edges
    np.testing.assert_array_equal(bins.apply(edges[:, None])[:, 0], np.arange(len(edges)))


def test_few_values_have_a_bin_each_and_unknown_ones_none() -> None:
    x = np.array([[0.0], [0.0], [3.0], [np.nan], [5.0], [5.0]], dtype=np.float32)
    np.testing.assert_array_equal(Bins.fit(x).apply(x)[:, 0], [0, 0, 1, np.nan, 2, 2])
    for value in (4.2, np.nan):
        alike = np.full((9, 1), value, dtype=np.float32)
        assert Bins.fit(alike).edges[0].size == 0
        np.testing.assert_array_equal(Bins.fit(alike).apply(alike)[:, 0], np.full(9, value - value))


def test_boosting_on_bins_is_scikit_learns_where_its_own_bins_are_the_same() -> None:
    # Small counts: both give every number a bin of its own.
    generator = np.random.default_rng(1)
    x = generator.poisson(3, (800, 4)).astype(np.float32)
    y = (generator.random(800) < 1 / (1 + np.exp(2 - 0.5 * x[:, 0]))).astype(np.int64)
    oracle = HistGradientBoostingClassifier(
        max_iter=BOOSTED["rounds"], max_depth=BOOSTED["max_depth"], learning_rate=BOOSTED["learning_rate"],
        min_samples_leaf=BOOSTED["min_leaf"], l2_regularization=BOOSTED["penalty"], max_leaf_nodes=None,
        max_bins=BINS, early_stopping=False,
    ).fit(x, y)  # fmt: skip
    found = BoostedLearner().fit(x, y, BOOSTED, 0)
    np.testing.assert_allclose(found.logit(x), oracle.decision_function(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["boosted", "forest"])
def test_importance_is_a_share_and_finds_what_matters(name: str) -> None:
    x, y = sample()
    model = BoostedLearner().fit(x, y, BOOSTED, 0) if name == "boosted" else ForestLearner().fit(x, y, FOREST, 0)
    weights = [w.importance for w in model.weights()]
    assert sum(weights) == pytest.approx(1)
    assert min(weights[:2]) > max(weights[2:])
    assert all(np.isnan(w.coefficient) for w in model.weights())


@pytest.mark.parametrize("name", ["boosted", "forest"])
def test_weights_count_and_the_seed_decides(name: str) -> None:
    x, y = rows(1500), labels(rows(1500))
    learner, params = (BoostedLearner(), BOOSTED) if name == "boosted" else (ForestLearner(), FOREST)
    plain, again = (learner.fit(x, y, params, 0).logit(x) for _ in range(2))
    heavy = learner.fit(x, y, params, 0, np.where(y == 1, 5.0, 1.0)).logit(x)
    np.testing.assert_array_equal(plain, again)
    assert heavy.mean() > plain.mean() + 0.5
    if name == "forest":
        assert not np.array_equal(plain, learner.fit(x, y, params, 1).logit(x))
