"""The chain: every page is in it, chances add up, and draws follow them."""

from __future__ import annotations

import numpy as np
import pytest

from churn.schema import PAGES
from churn.simulate.chain import DONE, END, REDIRECTS, REST, STATES, USUAL, chain
from churn.simulate.groups import GROUPS, RHYTHMS, TEMPERAMENTS
from churn.simulate.visitors import _STEP, GUEST_PAGES


def place(page: str, level: int, logged_in: bool = True) -> int:
    return next(i for i, state in enumerate(STATES) if state == (page, level, logged_in))


def test_every_page_can_be_reached() -> None:
    assert {state.page for state in STATES} | set(GUEST_PAGES) == set(PAGES)


def test_groups_are_about_two_dozen_and_share_all_users() -> None:
    assert len(GROUPS) == len(TEMPERAMENTS) * len(RHYTHMS) == 24
    assert sum(group.share for group in GROUPS) == pytest.approx(1)
    assert len({group.name for group in GROUPS}) == 24


def test_chances_after_every_state_of_every_group_add_up() -> None:
    found = chain()
    for rows in (found.step, found.start):
        assert rows.min() >= 0
        np.testing.assert_allclose(rows.sum(axis=-1), 1, atol=1e-12)
    assert (_STEP >= 0).all()
    np.testing.assert_allclose(_STEP.sum(axis=1), 1)


def test_the_table_names_only_pages_that_exist() -> None:
    known = {*USUAL, "END", "Cancellation Confirmation"}
    assert {page for row in USUAL.values() for page in row} | set(REST.values()) <= known
    assert set(REST) <= set(USUAL)


def test_the_level_changes_after_the_page_that_changes_it() -> None:
    step = chain().step
    assert step[:, place("Submit Upgrade", 0), place("Home", 1)].min() == 1
    assert step[:, place("Submit Downgrade", 1), place("Home", 0)].min() == 1
    steady = [i for i, state in enumerate(STATES) if not state.page.startswith("Submit")]
    for i in steady:
        other = [j for j, state in enumerate(STATES) if state.level != STATES[i].level]
        assert step[:, i, other].max() == 0


def test_cancel_is_confirmed_and_nothing_comes_after() -> None:
    step = chain().step
    for level in range(2):
        assert step[:, place("Cancel", level), place("Cancellation Confirmation", level)].min() == 1
    assert step[:, list(DONE), END].min() == 1


def test_logged_out_users_only_see_what_they_may() -> None:
    out = {state.page for state in STATES if not state.logged_in}
    assert out == {"Home", "About", "Help", "Error", "Login"}
    assert {"Login", "Logout", "Cancel"} <= set(REDIRECTS)


@pytest.mark.parametrize("group", [0, 13, 23])
def test_draws_follow_the_chances(group: int) -> None:
    found, n = chain(), 200_000
    u = np.random.default_rng(0).random(n)
    for row, chances in ((place("NextSong", 1), found.step[group, place("NextSong", 1)]), (END, found.start[group, 0])):
        drawn = found.sampler().next(np.full(n, group), np.full(n, row), u)
        share = np.bincount(drawn, minlength=END + 1) / n
        np.testing.assert_allclose(share, chances, atol=5 * np.sqrt(0.25 / n))
        assert share[chances == 0].sum() == 0


def test_the_ends_of_the_range_of_a_draw_stay_inside_the_row() -> None:
    sampler = chain().sampler()
    rows = np.arange(END + 2)
    for group in (0, 23):
        for u in (0.0, np.nextafter(1.0, 0.0)):
            found = sampler.next(np.full(END + 2, group), rows, np.full(END + 2, u))
            chances = np.concatenate([chain().step[group], chain().start[group]])
            assert (chances[rows, found] > 0).all()
