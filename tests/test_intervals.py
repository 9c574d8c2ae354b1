"""The bootstrap over users: what it draws, what it leaves out, what it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from churn import intervals
from churn.evaluation import COUNTS, METRICS, measure
from churn.intervals import bootstrap, paired_difference

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


def sample(users: int = 150, rows: int = 4, seed: int = 0) -> Sample:
    """Labels, probabilities and user ids; rows of one user are alike."""
    generator = np.random.default_rng(seed)
    whose = np.repeat(np.arange(users), rows)
    base = generator.beta(2, 4, users)[whose]
    y = (generator.random(whose.size) < base).astype(int)
    return y, np.clip(base + generator.normal(0, 0.05, whose.size), 0, 1), whose


def test_intervals_cover_the_estimate() -> None:
    y, p, users = sample()
    found, point = bootstrap(y, p, users, 0.4), measure(y, p, 0.4)
    assert tuple(found) == (*METRICS, *COUNTS)
    for name, (low, high) in found.items():
        # A calibration error never averages out: drawn ones lie above the estimate.
        assert low <= point[name] <= high or (name == "ece" and point[name] < high)
        assert low < high


def test_equals_drawing_the_rows_themselves() -> None:
    y, p, users = sample(30, 3)
    generator = np.random.default_rng(5)
    drawn = [generator.multinomial(30, [1 / 30] * 30)[users] for _ in range(25)]
    by_hand = [measure(np.repeat(y, w), np.repeat(p, w), 0.4) for w in drawn]
    found = bootstrap(y, p, users, 0.4, rounds=25, seed=5)
    for name in METRICS:
        low, high = np.percentile([one[name] for one in by_hand], (2.5, 97.5))
        assert found[name] == pytest.approx((low, high))


def test_seed_decides_and_blocks_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p, users = sample()
    found = bootstrap(y, p, users, 0.4, rounds=40, seed=3)
    assert found == bootstrap(y, p, users, 0.4, rounds=40, seed=3)
    assert found != bootstrap(y, p, users, 0.4, rounds=40, seed=4)
    for cells in (1, y.size * 7):
        monkeypatch.setattr(intervals, "CELLS", cells)
        assert bootstrap(y, p, users, 0.4, rounds=40, seed=3) == found


def test_names_of_users_may_be_text_and_rows_in_any_order() -> None:
    y, p, users = sample()
    names = np.char.zfill(users.astype(str), 5)
    shuffled = np.random.default_rng(1).permutation(y.size)
    expected = bootstrap(y, p, users, 0.4, rounds=20)
    found = bootstrap(y[shuffled], p[shuffled], names[shuffled], 0.4, rounds=20)
    for name in METRICS:
        assert found[name] == pytest.approx(expected[name])


def test_rows_of_a_user_stay_together() -> None:
    y, p, _ = sample()
    low, high = bootstrap(y, p, np.full(y.size, "only one"), 0.4)["brier"]
    assert low == high == measure(y, p, 0.4)["brier"]
    # Four copies of each row tell no more than one.
    copies = [np.repeat(values, 4) for values in (y, p, np.arange(y.size))]
    of_copies, of_rows = bootstrap(*copies, 0.4), bootstrap(y, p, np.arange(y.size), 0.4)
    for name in METRICS:
        assert of_copies[name] == pytest.approx(of_rows[name], rel=0.02)


def test_rounds_without_a_churner_are_left_out() -> None:
    # One churner in ten users: left out of (9/10)^10 = 35 % of the draws.
    y, p = np.array([1] + [0] * 9), np.linspace(0.9, 0.1, 10)
    found = bootstrap(y, p, np.arange(10), 0.5)
    assert found["roc_auc"] == (1.0, 1.0)
    assert found["recall_churn"] == (1.0, 1.0)
    assert found["brier"][0] < found["brier"][1]


def test_never_a_churner() -> None:
    found = bootstrap([0, 0, 0], [0.1, 0.2, 0.3], [1, 2, 3], 0.5)
    assert all(math.isnan(bound) for bound in found["roc_auc"] + found["lift_5"])
    assert found["accuracy"] == (1.0, 1.0)
    assert all(math.isnan(value) for value in paired_difference([0, 0], [0.1, 0.2], [0.2, 0.1], [1, 2]))


def test_difference_is_measured_on_the_same_users() -> None:
    y, p, users = sample()
    assert paired_difference(y, p, p**2, users) == (0.0, 0.0, 0.0)
    noisy = np.clip(p + np.random.default_rng(2).normal(0, 0.3, p.size), 0, 1)
    difference, low, high = paired_difference(y, p, noisy, users, metric="average_precision")
    expected = measure(y, p, 0.5)["average_precision"] - measure(y, noisy, 0.5)["average_precision"]
    assert difference == expected
    assert 0 < low < difference < high
    assert paired_difference(y, noisy, p, users, metric="average_precision") == pytest.approx(
        (-difference, -high, -low)
    )


def test_refuses_what_makes_no_sense() -> None:
    y, p, users = sample(5)
    with pytest.raises(ValueError, match="users has shape"):
        bootstrap(y, p, users[:-1], 0.5)
    with pytest.raises(ValueError, match="at least 1"):
        bootstrap(y, p, users, 0.5, rounds=0)
    with pytest.raises(ValueError, match="none of the metrics"):
        paired_difference(y, p, p, users, metric="auc")
