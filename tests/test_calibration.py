"""Scores to probabilities: against scikit-learn, in the corners, and by its own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churn.calibration import DRIFT, LEAST_SLOPE, Calibration, sigmoid

Sample = tuple[np.ndarray, np.ndarray]


def sample(n: int = 800, slope: float = 1.5, seed: int = 0) -> Sample:
    """Scores of deviation 1 and labels that rise with them."""
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 1, n)
    return x, (generator.random(n) < sigmoid(slope * x - 1)).astype(np.float64)


@st.composite
def cases(draw: st.DrawFn) -> Sample:
    """Scores of any size, ties among them, and both labels."""
    n = draw(st.integers(2, 60))
    scores = draw(st.lists(st.integers(-1000, 1000), min_size=n, max_size=n))
    size = draw(st.sampled_from([1e-6, 1e-3, 0.1, 1.0, 1e3]))
    shift = draw(st.sampled_from([0.0, -7.0, 300.0]))
    leavers = draw(st.integers(1, n - 1))
    y = np.random.default_rng(draw(st.integers(0, 99))).permutation(np.arange(n) < leavers)
    return np.array(scores) * size + shift, y.astype(np.float64)


@pytest.mark.parametrize(
    ("size", "shift"),
    [(1, 0), (0.2, 6), (10, 0), (1, 50), (1, -300), (100, 7), (1e-3, 0)],
    ids=["log-odds", "log of hours", "wide", "far up", "far down", "very wide", "narrow"],
)
def test_equals_unpenalised_logistic_regression_whatever_the_size_of_the_scores(size: float, shift: float) -> None:
    x, y = sample()
    x = x * size + shift
    found = Calibration.fit(x, y, prior=0.0)
    oracle = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x[:, None], y)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], rel=1e-6)
    assert found.intercept == pytest.approx(oracle.intercept_[0], rel=1e-6)
    np.testing.assert_allclose(found.apply(x), oracle.predict_proba(x[:, None])[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("prior", [0.5, 1.0, 20.0])
def test_no_neighbour_has_a_higher_likelihood_less_the_cost_of_the_prior(prior: float) -> None:
    x, y = sample(60, slope=3)

    def target(slope: float, intercept: float) -> float:
        odds = slope * x + intercept
        return float(np.sum(y * odds - np.logaddexp(0, odds)) - prior * (slope - 1) ** 2)

    found = Calibration.fit(x, y, prior=prior)
    best = target(found.slope, found.intercept)
    for step in (1e-3, 1e-2, 0.3):
        for move in ((step, 0), (-step, 0), (0, step), (0, -step), (step, -step), (-step, step)):
            assert target(found.slope + move[0], found.intercept + move[1]) < best


def test_a_stronger_prior_brings_the_slope_closer_to_1() -> None:
    x, y = sample(60, slope=3)
    slopes = [Calibration.fit(x, y, prior=prior).slope for prior in (0.0, 1.0, 10.0, 1e6)]
    assert slopes == sorted(slopes, reverse=True)
    assert slopes[0] > 1.5
    assert slopes[-1] == pytest.approx(1, abs=1e-3)


def test_true_log_odds_stay_as_they_are() -> None:
    x, y = sample(200_000)
    found = Calibration.fit(1.5 * x - 1, y)
    assert (found.slope, found.intercept) == (pytest.approx(1, abs=0.03), pytest.approx(0, abs=0.03))


@given(cases(), st.sampled_from([0.0, 1.0]))
def test_the_mean_probability_is_the_base_rate(case: Sample, prior: float) -> None:
    x, y = case
    assert Calibration.fit(x, y, prior=prior).apply(x).mean() == pytest.approx(y.mean(), abs=1e-4)


@given(cases(), st.sampled_from([0.0, 1.0]))
def test_a_higher_score_never_gets_a_lower_probability(case: Sample, prior: float) -> None:
    x, y = case
    found = Calibration.fit(x, y, prior=prior)
    assert found.slope >= LEAST_SLOPE
    assert np.all(np.diff(found.apply(np.sort(x))) >= 0)


@given(cases())
def test_probabilities_are_from_0_to_1_also_for_scores_never_seen(case: Sample) -> None:
    p = Calibration.fit(*case).apply(np.array([-1e300, -1e6, -800.0, 0.0, 800.0, 1e6, 1e300]))
    assert np.all((p >= 0) & (p <= 1))


def test_labels_of_one_class_give_that_class_and_keep_the_ranking() -> None:
    x, _ = sample()
    for label in (0.0, 1.0):
        for prior in (0.0, 1.0):
            found = Calibration.fit(x, np.full(x.size, label), prior=prior)
            np.testing.assert_allclose(found.apply(x), label, atol=1e-6)
            assert found.slope >= LEAST_SLOPE


def test_one_leaver_in_a_thousand_does_not_blow_up_the_slope() -> None:
    x = np.random.default_rng(0).normal(0, 4, 1000)
    y = (x == x.max()).astype(np.float64)
    found = Calibration.fit(x, y)
    assert 0.5 < found.slope < 3
    assert found.apply(x).mean() == pytest.approx(0.001, abs=1e-6)


def test_classes_apart_give_a_finite_map() -> None:
    x, _ = sample(100)
    y = (x > 0).astype(np.float64)
    assert Calibration.fit(x, y).slope < 20
    p = Calibration.fit(x, y, prior=0.0).apply(x)
    np.testing.assert_allclose(p, y, atol=1e-3)


@pytest.mark.parametrize("size", [1, 100, 1000])
@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_scores_the_wrong_way_round_keep_their_ranking_and_get_the_base_rate(size: float, prior: float) -> None:
    x, y = sample()
    found = Calibration.fit(-x * size, y, prior=prior)
    assert found.slope == LEAST_SLOPE
    assert found.apply(-x * size).mean() == pytest.approx(y.mean(), abs=1e-9)


@pytest.mark.parametrize("score", [0.0, 0.1, -200.0, 1e5])
@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_scores_that_are_all_the_same_give_the_base_rate(score: float, prior: float) -> None:
    found = Calibration.fit(np.full(100, score), (np.arange(100) < 7).astype(np.float64), prior=prior)
    np.testing.assert_allclose(found.apply(np.full(3, score)), 0.07, rtol=1e-6)
    assert LEAST_SLOPE <= found.slope <= 1


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_huge_scores_give_a_finite_map_with_the_right_mean(prior: float) -> None:
    x, y = sample()
    found = Calibration.fit(x * 1e6, y, prior=prior)
    assert found.slope == LEAST_SLOPE
    assert np.isfinite(found.intercept)
    assert found.apply(x * 1e6).mean() == pytest.approx(y.mean(), abs=1 / 800)


def test_labels_and_scores_of_other_types_are_taken_as_numbers() -> None:
    x, y = sample(100)
    assert Calibration.fit(x.astype(np.float32), y.astype(np.int64)) == Calibration.fit(
        x.astype(np.float32).astype(np.float64), y
    )


def test_sigmoid_against_its_definition_and_without_overflow() -> None:
    x = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(sigmoid(x), 1 / (1 + np.exp(-x)), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(sigmoid(np.array([-np.inf, -1e308, 0, 1e308, np.inf])), [0, 0, 0.5, 1, 1])


def test_scores_so_wide_that_nothing_can_be_fitted_still_have_the_base_rate_as_their_mean() -> None:
    x = np.array([0.0, 544e3, 288e3, 601e3, *[0.0] * 8, -84e3])
    y = np.zeros(13)
    y[2] = 1
    assert Calibration.fit(x, y, prior=1.0).apply(x).mean() == pytest.approx(1 / 13, abs=1e-4)


def test_newer_rows_move_the_level_and_nothing_else_where_no_neighbour_is_more_likely() -> None:
    x, y = sample(300)
    before = Calibration(1.3, 0.4)
    found = before.moved(x, y)
    assert found.slope == before.slope

    def target(intercept: float) -> float:
        odds = found.slope * x + intercept
        unlikely = (intercept - before.intercept) ** 2 / (2 * DRIFT**2)
        return float(np.sum(y * odds - np.logaddexp(0, odds))) - unlikely

    for step in (1e-4, 0.01, 1.0):
        assert target(found.intercept) > max(target(found.intercept + step), target(found.intercept - step))


@given(cases(), st.floats(0.01, 2), st.floats(-3, 3))
def test_newer_rows_bring_the_mean_closer_and_never_past_the_rate(case: Sample, slope: float, intercept: float) -> None:
    x, y = case
    before = Calibration(slope, intercept)
    found = before.moved(x, y)
    past, now, rate = before.apply(x).mean(), found.apply(x).mean(), y.mean()
    assert min(past, rate) - 1e-9 <= now <= max(past, rate) + 1e-9


def test_the_more_newer_rows_there_are_the_more_they_count() -> None:
    x, y = sample(100_000)
    before = Calibration.fit(x, y, prior=0.0)
    fewer = y * (np.arange(y.size) % 2)  # half of them stay
    gaps = [before.moved(x[:n], fewer[:n]).apply(x[:n]).mean() - fewer[:n].mean() for n in (20, 500, 100_000)]
    assert gaps[0] > 0.1 > gaps[1] > 0.01 > 5e-4 > gaps[2] > 0


def test_newer_rows_of_one_kind_move_it_some_way_and_rows_by_the_thousand_no_further_than_is_finite() -> None:
    before = Calibration(1.0, -1.0)
    for n, most in ((50, 1.0), (100_000, 20 * DRIFT)):
        for label, way in ((0, -1), (1, 1)):
            moved = before.moved(np.zeros(n), np.full(n, label)).intercept - before.intercept
            assert 0.3 < way * moved <= most
