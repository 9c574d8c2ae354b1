"""Whom to contact: by F1, by capacity, by profit. Contacting nobody is worth exactly 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.decision import (
    EVERYBODY,
    NOBODY,
    SLACK,
    Costs,
    Policy,
    best_profit_threshold,
    capacity_threshold,
    steady_f1_threshold,
    with_profit,
)
from churn.errors import SettingsError
from churn.evaluation import best_f1_threshold, measure, threshold_table

Y = np.array([1, 1, 0, 1, 0, 0, 0, 0])
P = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.05])
DATES = np.full(len(Y), np.datetime64("2018-11-06"))


def profit(threshold: float, costs: Costs, y: np.ndarray = Y, p: np.ndarray = P) -> float:
    flagged = p >= threshold
    return float(costs.profit(flagged.sum(), y[flagged].sum()))


def test_contacting_nobody_is_worth_exactly_0() -> None:
    for costs in (Costs(3, 100, 0.1), Costs(0, 0, 0), Costs(1e9, 0.1, 1)):
        assert profit(NOBODY, costs) == 0.0
        assert costs.profit(0, 0) == 0.0


def test_nobody_is_contacted_where_every_contact_loses() -> None:
    for costs in (Costs(10, 50, 0.1), Costs(1, 1, 1.0), Costs(1, 100, 0.0)):
        assert best_profit_threshold(Y, P, costs) == NOBODY
    assert not np.any(np.array([1.0]) >= NOBODY)


def test_everybody_is_contacted_where_every_contact_gains() -> None:
    everyone = np.array([0, 0, 0, 0, 1])
    threshold = best_profit_threshold(everyone, np.array([0.9, 0.8, 0.7, 0.2, 0.1]), Costs(1, 1000, 0.5))
    assert threshold == EVERYBODY
    assert np.all(np.array([0.0, 1e-9]) >= threshold)


def test_the_best_profit_by_hand() -> None:
    # A leaver is worth 0.5 · 10 = 5, a contact costs 2: +3, +6, +4, +7, +5, …
    costs = Costs(2, 10, 0.5)
    assert best_profit_threshold(Y, P, costs) == 0.6
    assert profit(0.6, costs) == 7
    # A free contact loses nothing, but of equals the fewest are contacted.
    assert best_profit_threshold(Y, P, Costs(0, 10, 0.5)) == 0.6


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=1, max_size=30),
    st.floats(0, 20), st.floats(0, 100), st.floats(0, 1),
)  # fmt: skip
def test_no_threshold_has_a_better_profit(
    rows: list[tuple[int, float]], cost: float, worth: float, rate: float
) -> None:
    y, p = (np.array(values) for values in zip(*rows, strict=True))
    costs = Costs(cost, worth, rate)
    best = profit(best_profit_threshold(y, p, costs), costs, y, p)
    assert best >= 0
    assert all(best >= profit(t, costs, y, p) - 1e-9 for t in (EVERYBODY, NOBODY, *p))


@pytest.mark.parametrize(("capacity", "flagged"), [(1, 1), (3, 3), (7, 7), (8, 8), (100, 8)])
def test_a_capacity_is_used_up_and_never_exceeded(capacity: int, flagged: int) -> None:
    assert (capacity_threshold(P, capacity) <= P).sum() == flagged


def test_ties_that_do_not_fit_are_all_left_out() -> None:
    tied = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    assert (tied >= capacity_threshold(tied, 3)).sum() == 1
    assert capacity_threshold(np.array([0.5, 0.5]), 1) == NOBODY


def test_a_capacity_holds_for_each_date() -> None:
    dates = np.array(["2018-10-09"] * 4 + ["2018-10-16"] * 4, dtype="datetime64[D]")
    threshold = Policy(capacity=2).threshold(Y, P, dates)
    # The first four have the highest probabilities: two of them decide, though none of the others is left.
    assert [(threshold <= P[dates == day]).sum() for day in np.unique(dates)] == [2, 0]
    undated = np.full(len(Y), np.datetime64("NaT", "D"))
    assert (Policy(capacity=2).threshold(Y, P, undated) <= P).sum() == 2


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 9))
def test_no_training_date_has_more_than_the_capacity_and_one_uses_it_up(capacity: int, weeks: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    dates = np.datetime64("2018-10-08") + 7 * generator.integers(0, weeks, 120)
    p = generator.permutation(np.linspace(0.01, 0.9, 120))
    threshold = Policy(capacity=capacity).threshold(np.zeros(120, dtype=int), p, dates)
    flagged = [int((p[dates == day] >= threshold).sum()) for day in np.unique(dates)]
    sizes = [int((dates == day).sum()) for day in np.unique(dates)]
    assert max(flagged) <= capacity
    assert any(count == min(capacity, size) for count, size in zip(flagged, sizes, strict=True))


def test_a_share_of_the_users_gets_that_share_of_the_capacity() -> None:
    policy = Policy(capacity=6).among(0.5)
    assert (policy.threshold(Y, P, DATES) <= P).sum() == 3
    assert (policy.among(0.1).threshold(Y, P, DATES) <= P).sum() == 1  # never nobody
    assert policy.as_json() == Policy(capacity=6).as_json()


def test_the_steady_threshold_is_as_good_as_the_best_and_less_a_matter_of_luck() -> None:
    generator = np.random.default_rng(0)
    steady, lucky = [], []
    for _ in range(40):
        p = generator.beta(1, 4, 2000)
        y = (generator.random(2000) < p).astype(np.int64)
        steady.append(steady_f1_threshold(y, p))
        lucky.append(best_f1_threshold(y, p))
        best, found = (measure(y, p, t)["f1_churn"] for t in (lucky[-1], steady[-1]))
        assert found >= (1 - SLACK) * best
    assert np.std(steady) < np.std(lucky)
    assert steady_f1_threshold(np.zeros(3), np.array([0.1, 0.2, 0.3])) == 1.0


def test_the_policy_decides_which_rule_holds() -> None:
    assert Policy().threshold(Y, P, DATES) == steady_f1_threshold(Y, P)
    assert Policy(capacity=3).threshold(Y, P, DATES) == 0.7
    assert Policy(costs=Costs(2, 10, 0.5)).threshold(Y, P, DATES) == 0.6
    rules = [Policy().as_json(), Policy(capacity=3).as_json(), Policy(costs=Costs(2, 10, 0.5)).as_json()]
    assert [rule["rule"] for rule in rules] == ["f1_churn", "capacity", "profit"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((None, 1.0, None, None), "expected profit needs --cost-contact, --value-saved and --success-rate; give all"),
        ((None, None, 1.0, 0.5), "give all three or none"),
        ((5, 1.0, 2.0, 0.5), "--capacity and costs of contacting are both given"),
        ((0, None, None, None), "--capacity is 0; give at least 1 user"),
        ((None, -1.0, 2.0, 0.5), "--cost-contact is -1.0"),
        ((None, 1.0, float("nan"), 0.5), "--value-saved is nan"),
        ((None, 1.0, 2.0, 1.5), "--success-rate is 1.5; give a share from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: tuple[Any, ...], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Policy.of(*given)


def test_thresholds_get_a_profit_only_where_costs_are_known() -> None:
    rows = threshold_table(Y, P)
    assert with_profit(rows, None) == rows
    costs = Costs(2, 10, 0.5)
    found = with_profit(rows, costs)
    assert [row["profit"] for row in found] == [profit(float(row["threshold"]), costs) for row in rows]
