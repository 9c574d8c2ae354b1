"""Fits of few rows take one thread, and the limit ends with the fit."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import sklearn.ensemble  # noqa: F401 - loads OpenMP
from threadpoolctl import threadpool_info, threadpool_limits

from churn.learners.boosted import BoostedLearner
from churn.learners.families import FAMILIES
from churn.learners.threads import FEW_ROWS, cores, limited, side_by_side, threads


def openmp() -> list[int]:
    return [int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "openmp"]


def test_few_rows_take_one_thread_and_many_take_all() -> None:
    assert threads(1) == threads(FEW_ROWS - 1) == 1
    assert threads(FEW_ROWS) == cores()
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


def test_fits_side_by_side_share_the_cores_and_keep_their_order() -> None:
    met, items = threading.Barrier(min(cores(), 4)), range(4 * cores())

    def fit(item: int) -> tuple[int, int]:
        if item < met.parties:
            met.wait(timeout=60)  # none of the first ends before all of them have begun
        return item, threads(FEW_ROWS)

    assert side_by_side(fit, items) == [(item, 1) for item in items]
    assert side_by_side(lambda item: threads(FEW_ROWS), [0]) == [cores()]
    assert side_by_side(fit, []) == []
    assert threads(FEW_ROWS) == cores()


def test_a_fit_that_fails_ends_those_that_wait() -> None:
    begun = []

    def fit(item: int) -> None:
        begun.append(item)
        if not item:
            raise ValueError("the first")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="the first"):
        side_by_side(fit, range(2000))
    assert len(begun) < 1000


def test_what_the_user_has_limited_stays_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cores() == 1
    assert side_by_side(lambda _: threads(FEW_ROWS), range(3)) == [1, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", f"{10 * whole},2")
    assert cores() == whole

    def blas(_: int) -> set[int]:
        return {int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(limits=1, user_api="blas"):
        assert side_by_side(blas, [0]) == [{1}]


def test_fits_inside_a_fit_share_what_it_has() -> None:
    def outer(_: int) -> list[int]:
        return side_by_side(lambda _: threads(FEW_ROWS), [0])

    assert side_by_side(outer, range(cores())) == [[1]] * cores()
