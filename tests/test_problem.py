"""Problem and cut-offs: what is refused and why, and where the cut-offs of a log lie."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.errors import NotEnoughData, SettingsError
from churn.problem import Cutoffs, Problem, check_cutoff, utc_day
from tests.tiny import DAY, day, ms


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"churn_pages": ()}, "no churn page is given"),
        ({"churn_pages": ("Cancel", " ")}, "no churn page is given"),
        ({"horizon": 0}, "the horizon is 0 days; give a whole number from 1 to 3650"),
        ({"horizon": -14}, "the horizon is -14 days"),
        ({"horizon": 3651}, "the horizon is 3651 days"),
        ({"horizon": 1.5}, "the horizon is 1.5 days; give a whole number from 1 to 3650"),
        ({"horizon": True}, "the horizon is True days"),
        ({"gap": -1}, "the gap is -1 days; give a whole number from 0 to 3650"),
        ({"gap": 3651}, "the gap is 3651 days"),
        ({"every": 0}, "the spacing of cut-offs is 0 days"),
        ({"every": 3651}, "the spacing of cut-offs is 3651 days"),
        ({"windows": ()}, "no look-back window is given"),
        ({"windows": (0, 7)}, "a look-back window is 0 days"),
        ({"windows": (7, 3651)}, "a look-back window is 3651 days"),
        ({"windows": (14, 7)}, "look-back windows (14, 7) are not ascending"),
        ({"windows": (7, 7)}, "look-back windows (7, 7) are not ascending"),
    ],
)
def test_a_problem_that_makes_no_sense_is_refused_with_the_reason(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Problem(**settings)
    assert str(refused.value).startswith(reason)
    assert refused.value.exit_status == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"horizon": 1},
        {"horizon": 3650},
        {"gap": 0},
        {"gap": 3650},
        {"every": 1},
        {"windows": (1,)},
        {"windows": (1, 3650)},
        {"churn_pages": ("Submit Downgrade",)},
    ],
)
def test_the_ends_of_every_range_are_allowed(settings: dict[str, Any]) -> None:
    problem = Problem(**settings)
    assert {name: getattr(problem, name) for name in settings} == settings


def test_the_default_problem_is_the_one_of_the_contract() -> None:
    assert Problem() == Problem(("Cancellation Confirmation",), horizon=14, gap=0, windows=(7, 14, 30), every=7)


def test_the_pages_of_cancelling_are_hidden_whatever_churn_is() -> None:
    assert Problem().hidden_pages == ("Cancel", "Cancellation Confirmation")
    downgrade = Problem(churn_pages=("Submit Downgrade", "Cancel"))
    assert downgrade.hidden_pages == ("Cancel", "Cancellation Confirmation", "Submit Downgrade")


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        (ms("10-01 00:00"), day("10-01")),
        (ms("10-01 00:00") - 1, day("09-30")),
        (ms("10-01 23:59:59.999"), day("10-01")),
        (946_684_800_000, date(2000, 1, 1)),
        (946_684_800_000 + 2**41 - 1, date(2069, 9, 6)),
    ],
)
def test_a_day_is_a_utc_day(ts: int, expected: date) -> None:
    assert utc_day(ts) == expected


def test_cutoffs_of_a_log_of_64_days() -> None:
    cutoffs = Cutoffs.of_log(Problem(), ms("10-01 00:00:04"), ms("12-04 07:44:40"))
    assert cutoffs == Cutoffs(
        first_day=day("10-01"),
        as_of=day("12-04"),
        test=day("11-20"),
        train=(day("10-09"), day("10-16"), day("10-23"), day("10-30"), day("11-06")),
    )
    assert cutoffs.all == (*cutoffs.train, day("11-20"), day("12-04"))


def test_cutoffs_with_a_gap_and_another_spacing() -> None:
    cutoffs = Cutoffs.of_log(Problem(horizon=10, gap=3, every=5), ms("10-01 12:00"), ms("11-10 00:00"))
    assert (cutoffs.train, cutoffs.test, cutoffs.as_of) == ((day("10-10"), day("10-15")), day("10-28"), day("11-10"))


def test_the_shortest_log_has_one_training_cutoff_seven_days_after_its_first_day() -> None:
    problem = Problem()
    assert problem.days_needed == 35
    cutoffs = Cutoffs.of_log(problem, ms("10-01 00:00"), ms("11-05 00:00"))
    assert cutoffs.train == (day("10-08"),)
    assert (cutoffs.test, cutoffs.as_of) == (day("10-22"), day("11-05"))


def test_a_log_one_millisecond_shorter_is_too_short_and_says_how_much_is_needed() -> None:
    with pytest.raises(NotEnoughData) as refused:
        Cutoffs.of_log(Problem(), ms("10-01 00:00"), ms("11-05 00:00") - 1)
    assert refused.value.what == (
        "the log covers 34 whole days (2018-10-01 to 2018-11-04), too few for a forecast 14 days ahead"
    )
    assert refused.value.remedy == "give a log of at least 35 days, or ask for a shorter --horizon or --gap"


def test_days_needed_grow_with_horizon_and_gap() -> None:
    with pytest.raises(NotEnoughData, match="at least 69 days"):
        Cutoffs.of_log(Problem(horizon=30, gap=1), ms("10-01 00:00"), ms("12-08 23:59"))


def test_a_log_of_one_event_is_too_short() -> None:
    with pytest.raises(NotEnoughData, match="covers 0 whole days"):
        Cutoffs.of_log(Problem(), ms("10-01 12:00"), ms("10-01 12:00"))


@pytest.mark.parametrize(
    ("train", "test", "as_of"),
    [
        ((), "10-20", "10-30"),
        (("10-09", "10-08"), "10-20", "10-30"),
        (("10-08", "10-08"), "10-20", "10-30"),
        (("10-01",), "10-20", "10-30"),
        (("10-08", "10-21"), "10-20", "10-30"),
        (("10-08",), "10-30", "10-30"),
        (("10-08",), "10-31", "10-30"),
    ],
)
def test_cutoffs_in_another_order_than_time_are_refused(train: tuple[str, ...], test: str, as_of: str) -> None:
    with pytest.raises(SettingsError, match="not ascending, or none is left to train on"):
        Cutoffs(day("10-01"), day(as_of), day(test), tuple(map(day, train)))


@pytest.mark.parametrize(("cutoff", "allowed"), [("10-01", False), ("10-02", True), ("10-11", True), ("10-12", False)])
def test_a_cutoff_lies_after_the_first_day_and_not_after_the_end_of_the_last(cutoff: str, allowed: bool) -> None:
    first, last = ms("10-01 23:59"), ms("10-10 00:00")
    if allowed:
        check_cutoff(day(cutoff), first, last)
        return
    with pytest.raises(SettingsError, match=r"lies outside the log; give a date from 2018-10-02 to 2018-10-11"):
        check_cutoff(day(cutoff), first, last)


problems = st.builds(
    Problem,
    horizon=st.integers(1, 40),
    gap=st.integers(0, 20),
    every=st.integers(1, 30),
)


@given(problem=problems, first=st.integers(ms("01-01 00:00"), ms("12-31 00:00")), length=st.integers(0, 300 * DAY))
def test_no_label_of_training_meets_the_test_and_no_cutoff_comes_too_early(
    problem: Problem, first: int, length: int
) -> None:
    last = first + length
    whole_days = (utc_day(last) - utc_day(first)).days
    if whole_days < problem.days_needed:
        with pytest.raises(NotEnoughData, match=f"at least {problem.days_needed} days"):
            Cutoffs.of_log(problem, first, last)
        return
    cutoffs = Cutoffs.of_log(problem, first, last)
    reach = timedelta(days=problem.gap + problem.horizon)
    assert max(cutoffs.train) + reach == cutoffs.test
    assert cutoffs.test + reach == cutoffs.as_of == utc_day(last)
    assert min(cutoffs.train) - utc_day(first) >= timedelta(days=7)
    steps = {b - a for a, b in zip(cutoffs.train, cutoffs.train[1:], strict=False)}
    assert steps <= {timedelta(days=problem.every)}
    one_more = min(cutoffs.train) - timedelta(days=problem.every)
    assert one_more - utc_day(first) < timedelta(days=7), "another training cut-off was possible"
