"""The model card: that it says what people must know."""

from __future__ import annotations

import pytest

from churn.bundle.card import LIMITS, SHOWN, card
from tests.bundle.test_manifest import SONGS, manifest


def test_says_what_the_model_answers_and_what_it_was_trained_on() -> None:
    text = card(manifest())
    assert text.startswith("# Churn model: logistic_regression, task forecast\n")
    assert "leave in the 14 days after the cut-off?" in text
    assert "1,500 rows of 400 users, 52 of whom left" in text
    assert "cut-offs: 2018-10-15, 2018-10-22" in text
    assert "churn pages: Cancellation Confirmation" in text
    assert "2026-11-21T03:00:00+00:00" in text
    assert "f00d" in text


def test_a_gap_is_part_of_the_question() -> None:
    problem = dict(manifest().problem) | {"gap": 3, "horizon": 21}
    assert "in the 21 days after the cut-off, starting 3 days later?" in card(manifest(problem=problem))


def test_what_is_no_forecast_is_not_called_one() -> None:
    assert "This is not a forecast." in card(manifest(task="history"))


def test_shows_the_metrics_on_the_test_with_their_rows() -> None:
    text = card(manifest())
    assert "On all users eligible at the cut-off 2018-11-17, which it has not seen:" in text
    assert "- roc_auc: 0.7519\n" in text
    assert "- lift_10: not defined\n" in text
    assert all(f"- {name}: " in text for name in SHOWN)


def test_a_metric_that_was_not_measured_is_not_made_up() -> None:
    assert "- brier: not defined\n" in card(manifest(metrics={}))


def test_says_where_the_bands_begin_and_how_exact_the_onnx_is() -> None:
    text = card(manifest())
    assert "threshold for high risk is 0.4100" in text
    assert "base rate, 0.1000" in text
    assert "to 1.5e-08 on 300 rows" in text


@pytest.mark.parametrize("words", ["not about this person", "not what causes", "Do not use it to decide"])
def test_says_what_it_must_not_be_used_for(words: str) -> None:
    assert words in LIMITS
    assert f"## Limits\n\n{LIMITS}\n" in card(manifest())


def test_lists_every_input() -> None:
    text = card(manifest())
    assert f"- `{SONGS.name}`: {SONGS.sentence} (usual 31)\n" in text
    assert text.endswith("- `paid_now`: is on the paid level (usual 1)\n")
