"""Fits of few rows take one thread, and the limit ends with the fit."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.ensemble  # noqa: F401 - loads OpenMP
from threadpoolctl import threadpool_info

from churn.learners.boosted import BoostedLearner
from churn.learners.families import FAMILIES
from churn.learners.threads import FEW_ROWS, limited, threads


def openmp() -> list[int]:
    return [int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "openmp"]


def test_few_rows_take_one_thread_and_many_take_all() -> None:
    assert threads(1) == threads(FEW_ROWS - 1) == 1
    assert threads(FEW_ROWS) == 0
    before = openmp()
    assert before
    with limited(FEW_ROWS - 1):
        assert set(openmp()) == {1}
    with limited(FEW_ROWS):
        assert openmp() == before
    assert openmp() == before


def test_a_fit_that_fails_leaves_the_threads_as_they_were() -> None:
    before = openmp()
    with pytest.raises(ValueError):
        BoostedLearner().fit(
            np.zeros((3, 2), dtype=np.float32), np.array([0, 1]), FAMILIES["gradient_boosted_trees"].params, 0
        )
    assert openmp() == before
