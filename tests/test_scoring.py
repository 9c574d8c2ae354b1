"""Bundle and features to probabilities, bands and reasons; reasons on models whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn import scoring
from churn.bundle import Bundle, FeatureEntry, save
from churn.bundle.graph import calibrated
from churn.calibration import Calibration, sigmoid
from churn.errors import BundleError
from churn.learners import Model
from churn.learners.families import FAMILIES
from churn.learners.linear import LinearModel, Scaling, signed_log
from churn.scoring import REASONS, Reason, Scorer, words
from tests.bundle.test_manifest import manifest

Entry = tuple[str, str, float]
"""Feature, group and coefficient."""

USUAL = 10.0


def entry(name: str, group: str = "activity", **changes: Any) -> FeatureEntry:
    """A feature that is usually 10, and from 8 to 12 for most."""
    fields = {"sentence": f"number of {name}", "usual": USUAL, "spread": 4.0, "flag": False, "trait": False} | changes
    return FeatureEntry(name, group=group, **fields)


def linear(coefficients: Sequence[float], intercept: float = 0.0) -> LinearModel:
    """Log-odds that are a plain sum over the logarithms of the features."""
    f = len(coefficients)
    return LinearModel(Scaling(np.zeros(f), np.ones(f)), np.array(coefficients, dtype=np.float64), intercept)


def scorer(
    model: Model, entries: Sequence[FeatureEntry], calibration: Calibration | None = None, **fields: Any
) -> Scorer:
    """A scorer for a model, without a folder."""
    used = calibration or Calibration()
    content = calibrated(model.to_onnx(), used.slope, used.intercept).SerializeToString()
    return Scorer(Bundle(manifest(features=tuple(entries), **fields), content), threads=1)


def constructed(*features: Entry) -> Scorer:
    """A scorer whose log-odds are a sum of coefficient · ln(1 + feature), -5 to begin with."""
    model = linear([coefficient for *_, coefficient in features], -5.0)
    return scorer(model, [entry(name, group) for name, group, _ in features])


def rows(*lines: Sequence[float]) -> np.ndarray:
    return np.array(lines, dtype=np.float32)


@cache
def trained(name: str) -> tuple[Model, np.ndarray]:
    """A model of a family, and features that it was not trained on."""
    generator = np.random.default_rng(0)
    x = generator.lognormal(1, 1.5, (700, 4)).astype(np.float32)
    x[generator.random(x.shape) < 0.05] = np.nan
    y = (np.nan_to_num(x[:, 0]) > generator.lognormal(2, 1, 700)).astype(np.int64)
    params = FAMILIES[name].params | ({"num_boost_round": 40, "nthread": 1} if name == "xgboost" else {})
    return FAMILIES[name].learner().fit(x[:400], y[:400], params, 0), x[400:]


FOUR = tuple(entry(name) for name in "abcd")


@pytest.mark.parametrize("name", FAMILIES)
def test_probabilities_are_those_of_the_trained_model(name: str) -> None:
    model, x = trained(name)
    calibration = Calibration(1.3, -0.4)
    found = scorer(model, FOUR, calibration).probabilities(x)
    assert found.dtype == np.float64
    assert np.abs(found - calibration.apply(model.logit(x))).max() <= 1e-5


def test_a_bundle_on_disk_scores_like_one_in_memory(tmp_path: Path) -> None:
    model, x = trained("logistic_regression")
    content = calibrated(model.to_onnx(), 1.0, 0.0).SerializeToString()
    save(tmp_path / "bundle", manifest(features=FOUR), content, b"")
    np.testing.assert_array_equal(Scorer.of(tmp_path / "bundle").probabilities(x), scorer(model, FOUR).probabilities(x))


@pytest.mark.parametrize("entries", [FOUR[:3], (*FOUR, entry("e")), ()], ids=len)
def test_a_manifest_with_a_feature_too_few_or_too_many_is_refused(entries: tuple[FeatureEntry, ...]) -> None:
    model, _ = trained("logistic_regression")
    with pytest.raises(BundleError, match=rf"model takes 4 features, and its manifest lists {len(entries)}; fetch or"):
        scorer(model, entries)


@pytest.mark.parametrize("chunk", [1, 7, 299, 300, 301])
def test_rows_in_chunks_give_the_same_as_all_at_once(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = trained("xgboost")
    made = scorer(model, [entry("a", "1"), entry("b", "2"), entry("c", "1"), entry("d", "3")])
    whole, reasons = made.probabilities(x), made.reasons(x)
    monkeypatch.setattr(scoring, "CHUNK", chunk)
    np.testing.assert_allclose(made.probabilities(x), whole, rtol=0, atol=1e-15)
    assert [[r.text for r in found] for found in made.reasons(x)] == [[r.text for r in found] for found in reasons]


def test_more_rows_than_a_chunk_are_all_scored() -> None:
    made = constructed(("a", "A", 1.0))
    x = np.linspace(0, 50, scoring.CHUNK + 3, dtype=np.float32)[:, None]
    expected = sigmoid(signed_log(x.astype(np.float64))[:, 0] - 5)
    np.testing.assert_allclose(made.probabilities(x), expected, rtol=0, atol=1e-12)


def test_no_rows_give_no_answers() -> None:
    made, nothing = constructed(("a", "A", 1.0)), np.empty((0, 1), dtype=np.float32)
    assert made.probabilities(nothing).shape == (0,)
    assert made.reasons(nothing) == []
    assert made.bands(made.probabilities(nothing)) == []


def test_features_may_have_64_bits_or_lie_column_by_column() -> None:
    model, x = trained("logistic_regression")
    made = scorer(model, FOUR)
    expected = made.probabilities(x)
    np.testing.assert_array_equal(made.probabilities(x.astype(np.float64)), expected)
    np.testing.assert_array_equal(made.probabilities(np.asfortranarray(x)), expected)


def test_columns_are_found_by_name_in_any_order() -> None:
    made = scorer(linear([1, 2, 3, 4]), FOUR)
    names = ["userId", "d", "b", "x", "a", "c"]
    assert made.columns(names) == [4, 2, 5, 1]
    assert made.columns("abcd") == [0, 1, 2, 3]


def test_features_that_a_table_lacks_are_all_named() -> None:
    with pytest.raises(BundleError, match=r"the table lacks features of the bundle: b, d; "):
        scorer(linear([1, 2, 3, 4]), FOUR).columns(["c", "a"])


def test_bands_begin_exactly_at_the_threshold_and_at_the_base_rate() -> None:
    made = scorer(linear([1.0]), [entry("a")], threshold=0.4, base_rate=0.1)
    p = np.array([1, 0.4, np.nextafter(0.4, 0), 0.1, np.nextafter(0.1, 0), 0])
    assert made.bands(p) == ["high", "high", "medium", "medium", "low", "low"]


def test_a_threshold_below_the_base_rate_leaves_no_medium() -> None:
    made = scorer(linear([1.0]), [entry("a")], threshold=0.1, base_rate=0.2)
    assert made.bands(np.array([0.3, 0.15, 0.05])) == ["high", "high", "low"]


def test_the_group_that_matters_is_the_only_reason() -> None:
    made = constructed(("noise", "B", 0.0), ("idle", "A", 2.0), ("more_noise", "C", 0.0))
    x = rows([50, 40, 60], [10, 40, 10], [99, 11, 0])
    for row, (reason,) in zip(x, made.reasons(x), strict=True):
        assert (reason.group, reason.feature, reason.usual) == ("A", "idle", USUAL)
        assert reason.value == row[1]
        usual = rows([row[0], USUAL, row[2]])
        expected = made.probabilities(row[None])[0] - made.probabilities(usual)[0]
        assert reason.effect == pytest.approx(expected, abs=1e-9)
        assert reason.effect > 0
        assert reason.text == f"number of idle: {row[1]:g} (usual 10)"


def test_a_low_value_is_the_reason_where_low_values_are_risky() -> None:
    made = constructed(("songs", "A", -2.0), ("noise", "B", 0.0))
    ((reason,),) = made.reasons(rows([1, 99]))
    assert (reason.feature, reason.value) == ("songs", 1.0)
    assert reason.effect == pytest.approx(sigmoid(-5 - 2 * np.log(2)) - sigmoid(-5 - 2 * np.log(11)), abs=2e-9)


def test_what_lowers_the_risk_is_no_reason() -> None:
    made = constructed(("idle", "A", 2.0), ("songs", "B", -2.0))
    assert made.reasons(rows([1, 99])) == [[]]
    assert [[r.group for r in found] for found in made.reasons(rows([40, 99], [1, 1]))] == [["A"], ["B"]]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_user_who_is_usual_throughout_gets_no_reason_however_many_rows_there_are(name: str) -> None:
    model, _ = trained(name)
    entries = [entry(letter, letter, usual=0.1 + i / 3) for i, letter in enumerate("abcd")]
    made = scorer(model, entries)
    usual = np.array([e.usual for e in entries], dtype=np.float32)
    for n in (1, 2, 3, 17, 1000):
        assert made.reasons(np.repeat(usual[None], n, axis=0)) == [[]] * n


@pytest.mark.parametrize("name", FAMILIES)
def test_what_every_family_learned_is_the_reason_with_its_effect(name: str) -> None:
    model, x = trained(name)  # leavers have much of `a`, and nothing else matters
    made = scorer(model, [entry(letter, letter.upper(), usual=2.0) for letter in "abcd"])
    x = np.nan_to_num(x[:50], nan=2.0)
    x[:, 0] = 60
    swapped = x.copy()
    swapped[:, 0] = 2
    effects = made.probabilities(x) - made.probabilities(swapped)
    assert effects.min() > 0.05
    for (first, *_), effect in zip(made.reasons(x), effects, strict=True):
        assert (first.group, first.feature, first.value, first.usual) == ("A", "a", 60, 2)
        assert first.effect == pytest.approx(effect, abs=1e-6)
    few = np.where([True, False, False, False], np.float32(0), x)
    assert "A" not in {reason.group for found in made.reasons(few) for reason in found}


def test_rounding_is_no_reason() -> None:
    # The last bit of a probability depends on the place of the row in its batch.
    model, x = trained("xgboost")
    made = scorer(model, [entry("a", "A"), entry("b", "B"), entry("c", "C"), entry("d", "D", usual=0.1)])
    x = np.where([False, False, False, True], np.float32(0.1), x)
    found = [made.reasons(row[None])[0] for row in x]
    assert any(found)
    assert not [reason for reasons in found for reason in reasons if reason.group == "D"]


def test_the_strongest_reasons_come_first_and_no_more_than_three() -> None:
    made = constructed(("a", "A", 0.5), ("b", "B", 2.0), ("c", "C", 1.0), ("d", "D", 1.5), ("e", "E", 0.1))
    (found,) = made.reasons(rows([40] * 5))
    assert [reason.group for reason in found] == ["B", "D", "C"]
    assert len(found) == REASONS
    effects = [reason.effect for reason in found]
    assert effects == sorted(effects, reverse=True)


def test_equal_reasons_come_in_the_order_of_their_groups() -> None:
    made = constructed(("z", "Z", 1.0), ("a", "A", 1.0), ("m", "M", 1.0), ("b", "B", 1.0))
    (found,) = made.reasons(rows([40] * 4))
    assert [reason.group for reason in found] == ["Z", "A", "M"]
    assert len({reason.effect for reason in found}) == 1


def test_a_group_is_swapped_as_a_whole_and_named_by_its_most_unusual_feature() -> None:
    # 20 is 2.5 spreads from the usual 10; 100 is 0.9 spreads where values lie 100 apart.
    entries = [entry("wide", "A", spread=100.0), entry("other", "B"), entry("narrow", "A")]
    made = scorer(linear([2.0, 0.0, 0.5], -5.0), entries)
    x = rows([100, 10, 20])
    ((reason,),) = made.reasons(x)
    assert (reason.group, reason.feature, reason.value) == ("A", "narrow", 20.0)
    expected = made.probabilities(x)[0] - made.probabilities(rows([10, 10, 10]))[0]
    assert reason.effect == pytest.approx(expected, abs=1e-9)


def test_reasons_of_many_rows_are_those_that_a_plain_loop_finds() -> None:
    generator = np.random.default_rng(7)
    entries = [entry(f"f{i}", "ABCDE"[i % 5], spread=1.0 + i, trait=i == 7) for i in range(16)]
    made = scorer(linear(generator.normal(0, 0.8, 16).tolist(), -2.0), entries)
    x = generator.lognormal(2, 1, (300, 16)).astype(np.float32).round()  # round: ties
    x[generator.random(x.shape) < 0.1] = np.nan
    for row, found in zip(x, made.reasons(x), strict=True):
        effects, named = {}, {}
        for group in "ABCDE":
            swapped, furthest = row.copy(), -1.0
            for i, one in enumerate(entries):
                if one.group == group and not one.trait:
                    swapped[i] = USUAL
                    away = 1.0 if np.isnan(row[i]) else abs(float(row[i]) - USUAL) / one.spread
                    if away > furthest:
                        furthest, named[group] = away, one.name
            before, after = made.probabilities(np.stack([row, swapped]))
            effects[group] = before - after
        expected = [group for group in sorted(effects, key=lambda group: -effects[group]) if effects[group] > 1e-8][:3]
        assert [(reason.group, reason.feature) for reason in found] == [(group, named[group]) for group in expected]
        assert [reason.effect for reason in found] == pytest.approx([effects[group] for group in expected], abs=1e-8)


def test_an_unknown_value_can_be_a_reason() -> None:
    # Unknown counts as a scaled 0, which is more than a usual 10 where the coefficient is negative.
    made = constructed(("calm", "A", 0.0), ("songs", "A", -2.0))
    ((reason,),) = made.reasons(rows([10, np.nan]))
    assert (reason.feature, reason.text) == ("songs", "number of songs: unknown (usual 10)")
    assert np.isnan(reason.value)


def test_a_known_and_very_unusual_value_goes_before_an_unknown_one() -> None:
    made = constructed(("idle", "A", 2.0), ("songs", "A", -2.0))
    ((reason,),) = made.reasons(rows([90, np.nan]))
    assert reason.feature == "idle"


def test_reasons_survive_the_largest_numbers() -> None:
    largest = float(np.finfo(np.float32).max)
    made = scorer(linear([0.02, 0.0]), [entry("a", usual=-largest), entry("b", "B", spread=1e-9)])
    ((reason,),) = made.reasons(rows([largest, -largest]))
    assert (reason.group, reason.feature) == ("activity", "a")
    assert np.isfinite(reason.effect)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "is on the paid level"), (0.0, "not: is on the paid level"), (0.5, "is on the paid level")],
)
def test_a_flag_is_worded_without_numbers(value: float, text: str) -> None:
    assert words(entry("paid", sentence="is on the paid level", flag=True), value) == text


def test_a_flag_is_a_reason_in_both_directions() -> None:
    flag = entry("paid", "level", sentence="is on the paid level", flag=True, spread=1.0)
    made = scorer(linear([-2.0]), [FeatureEntry(**{**vars(flag), "usual": 1.0})])
    assert [[r.text for r in found] for found in made.reasons(rows([0], [1]))] == [["not: is on the paid level"], []]
    made = scorer(linear([2.0]), [FeatureEntry(**{**vars(flag), "usual": 0.0})])
    assert [[r.text for r in found] for found in made.reasons(rows([0], [1]))] == [[], ["is on the paid level"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (31.0, "31"), (0.0, "0"), (-4.5, "-4.5"), (0.12345, "0.123"), (5.678, "5.68"), (99.96, "100"),
        (999.4, "999"), (999.6, "1,000"), (1000.0, "1,000"), (-1234567.8, "-1,234,568"), (float("nan"), "unknown"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_read_them(value: float, text: str) -> None:
    assert words(entry("songs", sentence="songs"), value) == f"songs: {text} (usual 10)"


def test_effects_are_measured_after_calibration() -> None:
    entries, model = [entry("idle", "A"), entry("noise", "B")], linear([2.0, 0.0], -5.0)
    x = rows([40, 10])
    flat, steep = (scorer(model, entries, Calibration(slope)).reasons(x)[0][0] for slope in (0.01, 1.0))
    assert isinstance(flat, Reason)
    assert 0 < flat.effect < 0.01 < steep.effect


def test_a_trait_is_in_the_model_but_never_a_reason() -> None:
    female = entry("female", "gender", usual=0.0, flag=True, trait=True)
    made = scorer(linear([5.0, 1.0]), [female, entry("songs", "songs")])
    row = np.array([[1.0, 30.0]], dtype=np.float32)
    assert made.probabilities(row)[0] > made.probabilities(np.array([[0.0, 30.0]], dtype=np.float32))[0]
    assert [reason.feature for reason in made.reasons(row)[0]] == ["songs"]
