from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.profile.survival import AT_RISK, survival_rows

LIVES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 20), st.booleans()), min_size=AT_RISK, max_size=120)


def curve(lives: list[tuple[int, int, bool]]) -> list[dict[str, float]]:
    entry, stay, left = (np.array(part) for part in zip(*lives, strict=True))
    return survival_rows(entry.astype(float), (entry + stay).astype(float), left.astype(bool))


def test_nobody_censored_and_all_there_from_the_start_is_the_share_that_is_left() -> None:
    days = np.repeat(np.arange(10), 40)
    rows = survival_rows(np.zeros(400), days.astype(float), np.ones(400, dtype=bool))
    assert [row["survival"] for row in rows] == pytest.approx([1 - (day + 1) / 10 for day in range(10)], abs=1e-12)
    assert [row["at_risk"] for row in rows] == [400 - 40 * day for day in range(10)]


def test_a_textbook_example_with_censoring() -> None:
    # 40 users; 4 leave on day 1, 6 are censored on day 2, 3 leave on day 3: 0.9, then 0.9 * 27 / 30.
    exits = np.array([1.0] * 4 + [2.0] * 6 + [3.0] * 3 + [5.0] * 27)
    left = np.array([True] * 4 + [False] * 6 + [True] * 3 + [False] * 27)
    rows = survival_rows(np.zeros(40), exits, left)
    assert [row["survival"] for row in rows] == pytest.approx([1, 0.9, 0.9, 0.81])
    variance = 4 / (40 * 36) + 3 / (30 * 27)  # Greenwood
    half = 1.959963984540054 * np.sqrt(variance) / abs(np.log(0.81))
    assert (rows[3]["low"], rows[3]["high"]) == pytest.approx((0.81 ** np.exp(half), 0.81 ** np.exp(-half)))


@given(LIVES)
def test_those_who_enter_late_count_only_from_then_on(lives: list[tuple[int, int, bool]]) -> None:
    share = 1.0
    for row in curve(lives):
        day = row["day"]
        watched = [life for life in lives if life[0] <= day <= life[0] + life[1]]
        gone = [life for life in watched if life[2] and life[0] + life[1] == day]
        share *= 1 - len(gone) / len(watched)
        assert (row["at_risk"], row["leavers"]) == (len(watched), len(gone))
        assert row["survival"] == pytest.approx(share)
        assert row["low"] <= row["survival"] + 1e-12
        assert row["survival"] <= row["high"] + 1e-12


def test_too_few_users_make_no_curve() -> None:
    assert survival_rows(np.zeros(3), np.ones(3), np.ones(3, dtype=bool)) == []
    assert survival_rows(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool)) == []
