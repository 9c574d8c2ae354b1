"""Logistic regression by scikit-learn, on features brought to one scale."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from churn.evaluation import Floats, Ints
from churn.learners import Features
from churn.learners.linear import LinearModel, Scaling, signed_log

MANY_ROWS: Final = 20_000
"""Rows from which on 32 bits are enough for a fit."""


class LogisticLearner:
    """See `churn.learners.Learner`; `params` are those of scikit-learn's `LogisticRegression`."""

    def fit(self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None) -> LinearModel:
        """See `churn.learners.Learner`."""
        logs = signed_log(x)
        scaling = Scaling.fit(logs)
        model = LogisticRegression(solver="newton-cholesky", max_iter=100, random_state=seed, **params)
        # 32 bits halve the time of a fit and move coefficients by less than 1e-4; few rows can be parted so well
        # that the search for the minimum needs more digits.
        scaled = scaling.apply(logs) if len(y) < MANY_ROWS else scaling.apply32(logs)
        model.fit(scaled, y, sample_weight=weight)
        return LinearModel(scaling, np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0]))
