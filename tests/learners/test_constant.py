"""What is left to learn from rows of one class."""

from __future__ import annotations

import math

import numpy as np
import pytest

from churn.learners.constant import Constant


def test_everybody_gets_the_log_odds_of_the_rate() -> None:
    found = Constant(0.2, 3).logit(np.array([[0, 1, 2], [np.nan, 5, 1e30]], dtype=np.float32))
    assert found.tolist() == [pytest.approx(math.log(0.25))] * 2


@pytest.mark.parametrize(("rate", "odds"), [(0.0, math.log(1e-6)), (1.0, -math.log(1e-6))])
def test_a_rate_of_0_or_1_stays_finite(rate: float, odds: float) -> None:
    assert Constant(rate, 1).logit(np.zeros((1, 1), dtype=np.float32))[0] == pytest.approx(odds, abs=1e-5)


def test_nothing_is_made_of_any_feature() -> None:
    weights = Constant(0.2, 3).weights()
    assert [w.importance for w in weights] == [0.0] * 3
    assert all(math.isnan(w.coefficient) for w in weights)


def test_no_rows_get_no_answers() -> None:
    assert Constant(0.2, 3).logit(np.empty((0, 3), dtype=np.float32)).shape == (0,)
