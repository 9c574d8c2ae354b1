"""Who the users are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from churn.simulate.calendar import DAY
from churn.simulate.groups import GROUPS, RHYTHMS
from churn.simulate.people import MANY_USERS, people

MANY = people(MANY_USERS, 61, seed=0)
FEW = people(448, 61, seed=0)


def test_ids_are_different_and_never_the_one_of_nobody() -> None:
    for who in (MANY, FEW):
        assert len(set(who.ids)) == len(who) and all(name.isdigit() for name in who.ids)
        assert who.guest_id not in set(who.ids)
    assert (MANY.guest_id, FEW.guest_id) == ("1261737", "")
    assert {len(name) for name in MANY.ids} == {7}


def test_the_same_seed_makes_the_same_people() -> None:
    again, other = people(448, 61, seed=0), people(448, 61, seed=1)
    assert (again.first_names == FEW.first_names).all() and (again.rate == FEW.rate).all()
    assert (other.rate != FEW.rate).any()


def test_user_agents_of_webkit_are_quoted_and_others_are_not() -> None:
    agents = set(MANY.agents)
    assert 40 <= len(agents) <= 110
    for agent in agents:
        assert agent.startswith('"') == agent.endswith('"') == ("AppleWebKit" in agent)
        assert json.loads(json.dumps(agent)) == agent


def test_places_look_like_metropolitan_areas() -> None:
    found, counts = np.unique(MANY.locations.astype(str), return_counts=True)
    assert 800 < len(found) <= 900
    for place in found:
        head, tail = place.rsplit(", ", 1)
        assert head and all(len(state) == 2 and state.isupper() for state in tail.split("-"))
    top = found[counts.argmax()]
    assert top.startswith("New York") and counts.max() / counts.sum() == pytest.approx(0.068, abs=0.01)


def test_most_registered_before_the_window_and_some_after_their_first_event() -> None:
    before = MANY.joined < 0
    assert 0.87 < before.mean() < 0.95
    late = MANY.registration > MANY.joined
    assert 0.003 < late.mean() < 0.012
    assert (MANY.registration[~late] == MANY.joined[~late]).all()
    assert MANY.registration.max() < 61 * DAY + 23 * DAY


def test_groups_come_in_their_shares() -> None:
    share = np.bincount(MANY.group, minlength=len(GROUPS)) / len(MANY)
    np.testing.assert_allclose(share, [group.share for group in GROUPS], atol=0.015)
    assert all(RHYTHMS[r] is GROUPS[g].rhythm for g, r in zip(MANY.group[:50], MANY.rhythm[:50], strict=True))
    assert 0.46 < np.mean(MANY.genders == "F") < 0.50
