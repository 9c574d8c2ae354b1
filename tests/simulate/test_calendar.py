"""The clocks: there and back, and busier when the group is."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.simulate.calendar import DAY, HOUR, Calendar, weights
from churn.simulate.groups import RHYTHMS

CALENDAR = Calendar.of(date(2018, 10, 1), 14)  # a Monday


@given(st.lists(st.tuples(st.integers(0, len(RHYTHMS) - 1), st.integers(0, 14 * DAY - 1)), min_size=1, max_size=20))
def test_a_clock_read_at_a_time_shows_that_time(pairs: list[tuple[int, int]]) -> None:
    rhythm, seconds = (np.array(values) for values in zip(*pairs, strict=True))
    found = CALENDAR.when(rhythm, CALENDAR.at(rhythm, seconds))
    assert np.abs(found - seconds).max() <= 1  # a whole second is lost to rounding


@given(st.integers(0, len(RHYTHMS) - 1), st.integers(0, 20 * DAY), st.integers(0, 20 * DAY))
def test_clocks_never_run_backwards(rhythm: int, a: int, b: int) -> None:
    first, second = CALENDAR.at(np.array([rhythm, rhythm]), np.array(sorted((a, b))))
    assert first <= second


def test_more_than_a_clock_will_show_lies_past_the_end() -> None:
    rhythm = np.arange(len(RHYTHMS))
    assert (CALENDAR.when(rhythm, CALENDAR.end(rhythm)) > 14 * DAY).all()
    assert (CALENDAR.when(rhythm, CALENDAR.end(rhythm) - 1e-6) <= 14 * DAY).all()


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_a_week_has_five_busy_days_and_the_weekend_of_its_rhythm(rhythm: object) -> None:
    by_day = weights(rhythm, date(2018, 10, 1), 7).reshape(7, 24).sum(axis=1)
    np.testing.assert_allclose(by_day / 24, [1, 1, 1, 1, 1, rhythm.saturday, rhythm.sunday])
    assert abs(int(weights(rhythm, date(2018, 10, 1), 1).argmax()) + 0.5 - rhythm.peak) <= 0.5
    assert HOUR * 24 == DAY


def test_days_of_the_week_are_those_of_the_date() -> None:
    office = RHYTHMS[0]
    saturday = weights(office, date(2018, 10, 6), 1).mean()
    assert saturday == pytest.approx(office.saturday)
