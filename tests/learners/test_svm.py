"""The linear support vector machine against scikit-learn's, which finds the same minimum another way."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from churn.learners.linear import Scaling, signed_log
from churn.learners.svm import SvmLearner
from tests.learners.test_sklearn import sample


@pytest.mark.parametrize("c", [1e-4, 0.01, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn_on_the_same_scaled_features(c: float, weighted: bool) -> None:
    x, y = sample()
    logs = signed_log(x.astype(np.float64))
    weight = np.where(y == 1, 3.0, 0.5) if weighted else None
    # A far-off constant column leaves scikit-learn's intercept as free as ours.
    oracle = LinearSVC(C=c, dual=False, tol=1e-10, max_iter=100_000, intercept_scaling=1e3)
    oracle.fit(Scaling.fit(logs).apply(logs), y, sample_weight=weight)
    found = SvmLearner().fit(x, y, {"C": c}, 0, weight)
    np.testing.assert_allclose(found.coefficients, oracle.coef_[0], rtol=2e-3, atol=2e-4)
    assert found.intercept == pytest.approx(oracle.intercept_[0], rel=2e-3, abs=2e-4)


def test_a_row_of_weight_two_counts_as_two_rows() -> None:
    x, y = sample()
    twice = SvmLearner().fit(np.concatenate([x, x[:100]]), np.concatenate([y, y[:100]]), {"C": 0.01}, 0)
    scaled_like_twice = SvmLearner().fit(x, y, {"C": 0.01}, 0, np.where(np.arange(len(y)) < 100, 2.0, 1.0))
    order = np.corrcoef(twice.logit(x), scaled_like_twice.logit(x))[0, 1]
    assert order > 0.999  # the scaling sees other rows, so not equal to the last digit


def test_classes_that_can_be_parted_and_features_that_never_vary_have_a_solution() -> None:
    x = np.column_stack([np.arange(40), np.full(40, 7.0)]).astype(np.float32)
    y = (np.arange(40) >= 20).astype(np.int64)
    model = SvmLearner().fit(x, y, {"C": 100.0}, 0)
    assert np.all(np.isfinite(model.coefficients)) and model.coefficients[1] == 0
    assert np.all((model.logit(x) > 0) == (y == 1))
