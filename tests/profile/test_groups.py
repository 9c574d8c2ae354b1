from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.profile.groups import QUANTILES, decile_rows, rate_row, rates_by, spread

NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=60)

KNOWN = {
    "page_thumbs_down_hourly": (0.194, 0.182, 0.191, 0.177, 0.211, 0.197, 0.219, 0.223, 0.296, 0.355),
    "page_roll_advert_hourly": (0.205, 0.190, 0.204, 0.223, 0.224, 0.248, 0.222, 0.178, 0.171, 0.381),
    "page_thumbs_up_hourly": (0.297, 0.275, 0.256, 0.226, 0.241, 0.219, 0.237, 0.228, 0.163, 0.103),
    "session_interval": (0.522, 0.445, 0.328, 0.271, 0.187, 0.143, 0.126, 0.094, 0.077, 0.053),
}
"""Churn rate by tenth of 22,277 real users, as published analyses of the full log give it."""


@pytest.mark.parametrize("column", KNOWN)
def test_tenths_of_real_users_have_the_known_churn_rates(data: Callable[[str], Path], column: str) -> None:
    with gzip.open(data("real/user_table_full.csv.gz"), "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    left = np.array([row["churn"] == "1" for row in rows])
    found = decile_rows(np.array([float(row[column]) for row in rows]), left)
    assert sum(int(row["users"]) for row in found) == 22_277
    assert [row["churn_rate"] for row in found] == pytest.approx(KNOWN[column], abs=0.0012)


def test_a_rate_has_the_interval_of_wilson() -> None:
    # The worked example of Newcombe, 1998: 81 of 263.
    row = rate_row(81, 263)
    assert (row["low"], row["high"]) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert np.isnan(rate_row(0, 0)["churn_rate"])


@given(NUMBERS)
def test_equal_values_are_in_one_tenth_and_nobody_is_lost(values: list[float]) -> None:
    x = np.round(np.array(values), -5)  # many ties
    rows = decile_rows(x, np.zeros(x.size, dtype=bool))
    assert sum(int(row["users"]) for row in rows) == x.size
    ends = [(row["from"], row["to"]) for row in rows]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_users_without_a_value_are_in_no_tenth() -> None:
    rows = decile_rows(np.array([np.nan, 1.0, 2.0]), np.array([True, False, True]))
    assert [(row["users"], row["leavers"]) for row in rows] == [(1, 0), (1, 1)]
    assert decile_rows(np.array([np.nan]), np.array([True])) == []


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 5)), min_size=1, max_size=30))
def test_counted_values_spread_like_the_values_themselves(pairs: list[tuple[int, int]]) -> None:
    values, counts = (np.array(part) for part in zip(*pairs, strict=True))
    whole = np.repeat(values, counts).astype(float)
    row = spread(values.astype(float), counts)
    assert row["n"] == whole.size
    assert row["mean"] == pytest.approx(whole.mean())
    if whole.size > 1:
        assert row["sd"] == pytest.approx(whole.std(ddof=1), abs=1e-9)
    for q in QUANTILES:
        assert row[f"p{q}"] == pytest.approx(np.percentile(whole, q))


def test_the_spread_of_nothing_is_unknown() -> None:
    row = spread(np.array([np.nan]))
    assert row.pop("n") == 0
    assert all(np.isnan(value) for value in row.values())


def test_segments_come_by_size_or_in_an_order_given() -> None:
    values, left = ["b", "a", "b", "c"], np.array([True, False, False, False])
    assert [row["value"] for row in rates_by(values, left)] == ["b", "a", "c"]
    assert [row["value"] for row in rates_by(values, left, ("c", "a"))] == ["c", "a", "b"]
