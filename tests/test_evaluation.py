"""Metrics against scikit-learn, against cases worked out by hand, and against their own laws."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from churn.evaluation import (
    METRICS,
    Ranking,
    Tally,
    best_f1_threshold,
    calibration_table,
    curve_table,
    lift_table,
    measure,
    measure_weighted,
    threshold_table,
)

RANKING = (
    "roc_auc",
    "average_precision",
    *(f"{what}_{k}" for what in ("lift", "recall") for k in (5, 10, 20)),
)

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def cases(draw: st.DrawFn, most: int = 40) -> Case:
    """Labels, probabilities (many ties, 0 and 1 among them) and whole weights, not all 0."""
    n = draw(st.integers(1, most))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    p = draw(st.lists(st.integers(0, 16), min_size=n, max_size=n))
    w = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n).filter(any))
    return np.array(y), np.array(p) / 16, np.array(w, dtype=float)


def sample(n: int = 1000, ties: bool = False, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    y = (generator.random(n) < 0.3).astype(int)
    p = np.clip(generator.beta(2, 4, n) + 0.15 * y, 0, 1)
    return y, np.round(p, 1) if ties else p


def naive_ece(y: np.ndarray, p: np.ndarray) -> float:
    bins = np.array_split(np.argsort(p, kind="stable"), 10)
    return sum(b.size / y.size * abs(p[b].mean() - y[b].mean()) for b in bins if b.size)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [17, 1000])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.999])
def test_agrees_with_scikit_learn(n: int, ties: bool, threshold: float) -> None:
    y, p = sample(n, ties)
    flagged, half = p >= threshold, p >= 0.5
    weighted: dict[str, Any] = {"average": "weighted", "zero_division": 0}
    expected = {
        "roc_auc": oracle.roc_auc_score(y, p),
        "average_precision": oracle.average_precision_score(y, p),
        "log_loss": oracle.log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)),
        "brier": oracle.brier_score_loss(y, p),
        "brier_skill": 1 - oracle.brier_score_loss(y, p) / oracle.brier_score_loss(y, np.full(n, y.mean())),
        "ece": naive_ece(y, p),
        "f1_churn": oracle.f1_score(y, flagged, zero_division=0),
        "precision_churn": oracle.precision_score(y, flagged, zero_division=0),
        "recall_churn": oracle.recall_score(y, flagged),
        "f1_weighted": oracle.f1_score(y, half, **weighted),
        "precision_weighted": oracle.precision_score(y, half, **weighted),
        "recall_weighted": oracle.recall_score(y, half, **weighted),
        "accuracy": oracle.accuracy_score(y, half),
    }
    found = measure(y, p, threshold)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    counts = oracle.confusion_matrix(y, flagged).ravel().tolist()
    assert [found[name] for name in ("tn", "fp", "fn", "tp")] == counts


def test_result_has_every_name_in_order_and_plain_numbers() -> None:
    found = measure([0, 1], [0.2, 0.7], 0.5)
    assert tuple(found) == (*METRICS, "threshold", "tn", "fp", "fn", "tp")
    assert {type(value) for value in found.values()} == {float, int}


def test_case_by_hand() -> None:
    # p from the top: .9 (1), .8 (0), .6 (1), .4 (0), .1 (0). Pairs: .9 beats 3 others, .6 beats 2: 5 of 6.
    # Precision at the churners: 1/1 and 2/3; flagged at .7: .9 and .8, so tp 1, fp 1, fn 1, tn 2.
    # At .5: tp 2, fp 1, tn 2; F1 of churners 4/5, of the others 4/5.
    found = measure([1, 0, 1, 0, 0], [0.9, 0.8, 0.6, 0.4, 0.1], 0.7)
    assert found["roc_auc"] == pytest.approx(5 / 6)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert [found[name] for name in ("tn", "fp", "fn", "tp")] == [2, 1, 1, 1]
    assert found["f1_churn"] == found["precision_churn"] == found["recall_churn"] == 0.5
    assert found["f1_weighted"] == pytest.approx(0.8)
    assert found["precision_weighted"] == pytest.approx(2 / 5 * 2 / 3 + 3 / 5)
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.16 + 0.16 + 0.01) / 5)
    assert found["brier_skill"] == pytest.approx(1 - (0.98 / 5) / (0.4 * 0.6))
    # 20 % of 5 rows is 1, as are 5 % and 10 %, rounded up; it is a churner, against 2 in 5.
    assert found["lift_5"] == found["lift_10"] == found["lift_20"] == pytest.approx(2.5)
    assert found["recall_20"] == 0.5
    # With fewer rows than bins each row is a bin: |.9-1| + .8 + |.6-1| + .4 + .1, over 5.
    assert found["ece"] == pytest.approx(1.8 / 5)


def test_saying_the_rate_of_everybody_has_no_skill_and_knowing_has_all() -> None:
    y = [1, 0, 0, 0]
    assert measure(y, [0.25] * 4, 0.5)["brier_skill"] == pytest.approx(0)
    assert measure(y, y, 0.5)["brier_skill"] == 1
    assert measure(y, [0, 1, 1, 1], 0.5)["brier_skill"] < 0


def test_ties_at_the_end_of_a_top_count_in_part() -> None:
    # Top 20 % of 10 is 2 rows: the one at .9 (a churner) and one of the four at .5, of which two left.
    y = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    found = measure(y, [0.9, *[0.5] * 4, *[0.1] * 5], 0.5)
    assert found["recall_20"] == pytest.approx((1 + 0.5) / 3)
    assert found["lift_20"] == pytest.approx((1.5 / 2) / 0.3)


def test_top_is_rounded_up_without_the_slips_of_floats() -> None:
    rows = lift_table(*sample(100))
    assert [row["users"] for row in rows] == [row["top"] for row in rows]
    assert [row["users"] for row in lift_table(*sample(7))][:6] == [1, 1, 1, 1, 2, 2]


@given(st.lists(st.integers(0, 1), min_size=1, max_size=200).filter(any), st.floats(0, 1))
def test_constant_score_has_no_lift(y: list[int], p: float) -> None:
    found = measure(y, [p] * len(y), 0.5)
    assert [found[f"lift_{k}"] for k in (5, 10, 20)] == [1.0, 1.0, 1.0]
    assert math.isnan(found["roc_auc"]) if all(y) else found["roc_auc"] == 0.5
    assert found["average_precision"] == pytest.approx(sum(y) / len(y))


def test_no_churner() -> None:
    found = measure([0, 0, 0], [0.1, 0.6, 0.3], 0.5)
    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert undefined == {*RANKING, "f1_churn", "recall_churn", "brier_skill"}
    assert found["precision_churn"] == 0
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["f1_weighted"] == pytest.approx(0.8)  # the others alone: 2 · 2 / (2 · 2 + 1)
    assert best_f1_threshold([0, 0, 0], [0.1, 0.6, 0.3]) == 1.0


def test_nobody_but_churners() -> None:
    found = measure([1, 1], [0.1, 0.6], 0.5)
    assert {name for name, value in found.items() if math.isnan(value)} == {"roc_auc", "brier_skill"}
    assert found["average_precision"] == found["lift_5"] == found["precision_churn"] == 1.0
    assert found["recall_churn"] == found["recall_5"] == 0.5


def test_sure_mistake_costs_the_logarithm_of_the_clip() -> None:
    assert measure([1, 0], [0.0, 1.0], 0.5)["log_loss"] == pytest.approx(-math.log(1e-15), rel=1e-3)
    assert measure([0, 1], [0.0, 1.0], 0.5)["log_loss"] == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([], []),
        ([0, 1], [0.5]),
        ([[0, 1]], [[0.5, 0.5]]),
        ([0, 2], [0.1, 0.2]),
        ([0, 1], [0.1, 1.5]),
        ([0, 1], [0.1, math.nan]),
    ],
)
def test_refuses_what_is_no_label_or_probability(y: list[Any], p: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"^(y|p) "):
        measure(y, p, 0.5)


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_weights_are_repetitions(case: Case, threshold: float) -> None:
    y, p, w = case
    lines = np.stack([w, np.ones_like(w), w[::-1]])
    found = measure_weighted(Tally.of(Ranking.of(y, p), lines), threshold)
    for i, line in enumerate(lines):
        copies = line.astype(int)
        expected = measure(np.repeat(y, copies), np.repeat(p, copies), threshold)
        assert {name: found[name][i] for name in METRICS} == pytest.approx(
            {name: expected[name] for name in METRICS}, nan_ok=True, abs=1e-12
        )


@given(cases())
def test_order_and_not_size_makes_a_ranking(case: Case) -> None:
    y, p, _ = case
    before, after = measure(y, p, 0.5), measure(y, (p**2 + p) / 3, 0.5)
    assert [before[name] for name in RANKING] == pytest.approx([after[name] for name in RANKING], nan_ok=True)


@given(cases(), st.randoms())
def test_order_of_rows_is_nothing_but_for_ece(case: Case, random: Random) -> None:
    y, p, _ = case
    shuffled = random.sample(range(y.size), y.size)
    before, after = measure(y, p, 0.5), measure(y[shuffled], p[shuffled], 0.5)
    names = [name for name in before if name != "ece" or np.unique(p).size == p.size]
    assert [before[name] for name in names] == pytest.approx([after[name] for name in names], nan_ok=True)


@given(cases())
def test_best_threshold_is_the_highest_of_the_best(case: Case) -> None:
    y, p, _ = case
    if y.any():
        scores = {t: oracle.f1_score(y, p >= t, zero_division=0) for t in p.tolist()}
        best = max(scores.values())
        assert best_f1_threshold(y, p) == max(t for t, f1 in scores.items() if math.isclose(f1, best))


def test_of_equal_thresholds_the_highest() -> None:
    # Flagging one: 1 of 1, F1 2/3; flagging all four: 2 of 4, F1 2·2/(4+2) = 2/3.
    assert best_f1_threshold([1, 0, 0, 1], [0.9, 0.7, 0.6, 0.2]) == 0.9


def test_threshold_table_is_measure_at_each_threshold() -> None:
    y, p = sample(300)
    p = np.round(p, 2)  # as many rows as may be lie on a threshold
    rows = threshold_table(y, p)
    assert [row["threshold"] for row in rows] == [i / 100 for i in range(1, 100)]
    names = ("precision_churn", "recall_churn", "f1_churn", "tn", "fp", "fn", "tp")
    assert tuple(rows[0]) == ("threshold", "flagged", *names[:3], "f1_weighted", *names[3:])
    for row in rows:
        expected = measure(y, p, float(row["threshold"]))
        assert [row[name] for name in names] == [expected[name] for name in names]
        assert row["flagged"] == expected["fp"] + expected["tp"]
    assert rows[49]["f1_weighted"] == measure(y, p, 0.5)["f1_weighted"]


def test_lift_table() -> None:
    y, p = sample(200, ties=True)
    rows, found = lift_table(y, p), measure(y, p, 0.5)
    assert tuple(rows[0]) == ("top", "users", "churners", "churn_rate", "lift", "recall")
    assert [row["top"] for row in rows] == [1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100]
    by_top = {row["top"]: row for row in rows}
    for k in (5, 10, 20):
        assert (by_top[k]["lift"], by_top[k]["recall"]) == (found[f"lift_{k}"], found[f"recall_{k}"])
    all_ = {"top": 100, "users": 200, "churners": y.sum(), "churn_rate": y.mean(), "lift": 1.0, "recall": 1.0}
    assert rows[-1] == pytest.approx(all_)
    nobody = lift_table([0, 0], [0.1, 0.2])[0]
    assert nobody["churners"] == 0 and math.isnan(float(nobody["lift"]))


def test_calibration_table() -> None:
    y, p = sample(1003)
    rows = calibration_table(y, p)
    assert [row["bin"] for row in rows] == list(range(1, 11))
    assert [row["n"] for row in rows] == [101] * 3 + [100] * 7
    ece = sum(r["n"] * abs(r["mean_probability"] - r["churn_rate"]) for r in rows) / 1003  # type: ignore[operator, arg-type]
    assert ece == pytest.approx(measure(y, p, 0.5)["ece"])
    assert all(0 <= row["low"] <= row["churn_rate"] <= row["high"] <= 1 for row in rows)  # type: ignore[operator]


def test_wilson_interval_by_hand() -> None:
    # No churner in 10: from 0 to z² / (n + z²) = 3.8415 / 13.8415.
    row = calibration_table([0] * 10, [0.1] * 10, bins=1)[0]
    expected = {"bin": 1, "n": 10, "mean_probability": 0.1, "churn_rate": 0, "low": 0, "high": 0.277533}
    assert row == pytest.approx(expected, abs=1e-6)


def test_fewer_rows_than_bins_are_a_bin_each() -> None:
    rows = calibration_table([1, 0, 1], [0.9, 0.2, 0.5])
    assert [(row["n"], row["mean_probability"]) for row in rows] == [(1, 0.2), (1, 0.5), (1, 0.9)]


@pytest.mark.parametrize("ties", [False, True])
def test_curves_agree_with_scikit_learn(ties: bool) -> None:
    y, p = sample(150, ties)
    rows = curve_table(y, p)
    assert tuple(rows[0]) == ("curve", "x", "y", "threshold")
    fpr, tpr, thresholds = oracle.roc_curve(y, p, drop_intermediate=False)
    roc = np.array([[r["x"], r["y"], r["threshold"]] for r in rows if r["curve"] == "roc"])
    np.testing.assert_allclose(roc[:, :2], np.column_stack([fpr, tpr]))
    np.testing.assert_array_equal(roc[1:, 2], thresholds[1:])
    precision, recall, _ = oracle.precision_recall_curve(y, p)
    found = np.array([[r["x"], r["y"]] for r in rows if r["curve"] == "precision_recall"])
    np.testing.assert_allclose(found, np.column_stack([recall, precision])[::-1])


@pytest.mark.parametrize("points", [2, 3, 50, 200])
def test_curves_are_thinned_between_their_ends(points: int) -> None:
    y, p = sample(5000)
    for name, end in (("roc", 1.0), ("precision_recall", y.mean())):
        rows = [row for row in curve_table(y, p, points) if row["curve"] == name]
        assert len(rows) == points
        assert (rows[0]["x"], rows[-1]["x"], rows[-1]["y"]) == pytest.approx((0.0, 1.0, end))
        assert p.max() < float(rows[0]["threshold"]) < math.inf
        assert rows[-1]["threshold"] == p.min()


def test_curves_without_a_value_are_left_out() -> None:
    assert curve_table([0, 0], [0.1, 0.2]) == []
    assert {row["curve"] for row in curve_table([1, 1], [0.1, 0.2])} == {"precision_recall"}
