"""Ways to balance: what is drawn, what is made up, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from churn.balancing import BALANCES, balanced, check_balance
from churn.errors import SettingsError


def sample(leavers: int = 12, others: int = 88) -> tuple[np.ndarray, np.ndarray]:
    """Rows that can be told apart by their first feature; the second is negative for leavers alone."""
    y = np.array([1] * leavers + [0] * others)
    x = np.column_stack([np.arange(y.size), np.where(y == 1, -1.0, 1.0) * (1 + np.arange(y.size))])
    mixed = np.random.default_rng(0).permutation(y.size)
    return x[mixed].astype(np.float32), y[mixed]


def test_none_leaves_rows_as_they_are() -> None:
    x, y = sample()
    found = balanced(x, y, "none", 0)
    assert found.x is x and found.y is y and found.weight is None


def test_weights_make_both_classes_weigh_alike_and_keep_the_mean_at_one() -> None:
    x, y = sample()
    found = balanced(x, y, "weights", 0)
    assert found.x is x and found.weight is not None
    assert found.weight[y == 1].sum() == pytest.approx(found.weight[y == 0].sum())
    assert found.weight.mean() == pytest.approx(1)


def test_undersampling_keeps_every_leaver_and_as_many_others_each_once() -> None:
    x, y = sample()
    found = balanced(x, y, "undersample", 0)
    assert (found.y == 1).sum() == (found.y == 0).sum() == 12
    assert len(np.unique(found.x[:, 0])) == 24
    assert set(x[y == 1, 0]) <= set(found.x[:, 0])


def test_oversampling_keeps_all_and_repeats_leavers_only() -> None:
    x, y = sample()
    found = balanced(x, y, "oversample", 0)
    assert (found.y == 1).sum() == (found.y == 0).sum() == 88
    np.testing.assert_array_equal(found.x[: y.size], x)
    assert set(found.x[y.size :, 0]) <= set(x[y == 1, 0])


def test_smote_makes_up_leavers_that_lie_between_leavers() -> None:
    x, y = sample()
    found = balanced(x, y, "smote", 0)
    assert (found.y == 1).sum() == (found.y == 0).sum() == 88
    made, leavers = found.x[y.size :], x[y == 1]
    assert np.all(made >= leavers.min(axis=0)) and np.all(made <= leavers.max(axis=0))
    assert np.all(made[:, 1] < 0)
    assert len(np.unique(made, axis=0)) > 70  # not mere copies


def test_smote_goes_to_near_neighbours_and_not_across() -> None:
    generator = np.random.default_rng(0)
    low, high = generator.normal(5, 0.1, (20, 2)), generator.normal(500, 1, (20, 2))
    others = generator.normal(50, 1, (200, 2))
    x = np.concatenate([low, high, others]).astype(np.float32)
    made = balanced(x, np.array([1] * 40 + [0] * 200), "smote", 0).x[240:]
    assert np.all((made < 10) | (made > 490))


@pytest.mark.parametrize("how", BALANCES)
def test_the_seed_decides_and_a_class_alone_is_left_as_it_is(how: str) -> None:
    x, y = sample()
    np.testing.assert_array_equal(balanced(x, y, how, 3).x, balanced(x, y, how, 3).x)
    alone = balanced(x, np.zeros_like(y), how, 0)
    assert alone.x is x and alone.weight is None


@pytest.mark.parametrize("how", ["oversample", "smote"])
def test_a_single_leaver_can_only_be_repeated(how: str) -> None:
    x, y = sample(1, 9)
    found = balanced(x, y, how, 0)
    assert (found.y == 1).sum() == 9
    assert len(np.unique(found.x[found.y == 1], axis=0)) == 1


def test_an_unknown_way_is_refused_with_the_list() -> None:
    with pytest.raises(SettingsError, match="--balance is luck; choose from: none, weights, undersample"):
        check_balance("luck")
