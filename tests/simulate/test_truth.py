"""The truth: its probabilities are those with which users leave."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest

from churn.problem import Cutoffs, Problem
from churn.simulate import Simulation
from churn.simulate.calendar import DAY
from churn.simulate.chain import DONE
from churn.simulate.groups import GROUPS
from churn.simulate.log import events
from churn.simulate.truth import EVERY, HORIZON, SCHEMA, days_of, leaving, sessions, truth
from tests.simulate.conftest import World


def test_what_a_session_comes_to_adds_up() -> None:
    outcome, seconds = sessions()
    np.testing.assert_allclose(outcome.sum(axis=-1), 1, atol=1e-9)
    assert outcome.min() >= 0 and (outcome[..., 2] < 0.2).all()
    assert (seconds > 600).all() and (seconds < DAY).all()
    assert (seconds[:, 1] > seconds[:, 0]).all()  # who pays listens longer


def test_nobody_leaves_in_no_time_and_everybody_in_the_end() -> None:
    group, level = np.arange(len(GROUPS)), np.zeros(len(GROUPS), dtype=np.int64)
    rate, share = np.ones(len(GROUPS)), np.ones(len(GROUPS))
    assert leaving(group, level, rate, np.zeros(len(GROUPS)), share).max() == 0
    later = [leaving(group, level, rate, np.full(len(GROUPS), days), share) for days in (7.0, 14.0, 60.0)]
    assert (later[0] < later[1]).all() and (later[1] < later[2]).all() and later[2].max() < 1
    assert leaving(group, level, rate, np.full(len(GROUPS), 1e6), share).min() > 0.99


def test_rows_are_those_who_can_be_asked_about(world: World) -> None:
    found = truth(world.what, world.who, world.found)
    assert found.schema == SCHEMA
    days = [(day - world.what.start).days for day in found["date"].to_pylist()]
    assert set(days) == set(days_of(world.what.days))
    assert len(found) == len({*zip(found["userId"].to_pylist(), days, strict=True)})
    rows = world.found.blocks[0]
    left = {world.who.ids[u]: t for u, t, s in zip(rows.user, rows.t, rows.state, strict=True) if s in DONE}
    first = {}
    for u, t in zip(rows.user, rows.t, strict=True):
        first.setdefault(world.who.ids[u], t)
    for user, day in zip(found["userId"].to_pylist(), days, strict=True):
        assert first[user] < day * DAY <= left.get(user, 2**40)


@pytest.mark.parametrize("days", [36, 42, 61, 75])
def test_dates_are_the_cutoffs_of_a_run(days: int) -> None:
    start = Simulation(users=1).start
    first = int(datetime.combine(start, time(), UTC).timestamp() * 1000)
    cutoffs = Cutoffs.of_log(Problem(), first, first + days * DAY * 1000 - 1)
    dates = [start + timedelta(days=day) for day in days_of(days)]
    assert dates[-1] == cutoffs.test and set(cutoffs.train) <= set(dates)
    assert all(day >= start + timedelta(days=EVERY) for day in dates)


def test_a_short_log_has_no_dates() -> None:
    assert len(days_of(EVERY + HORIZON)) == 0 and list(days_of(EVERY + HORIZON + 1)) == [EVERY]


@pytest.mark.slow
def test_users_leave_as_often_as_the_truth_says() -> None:
    what = Simulation(users=4_000, seed=11)
    who = what.people()
    found = events(what, who, what.catalogue(), 1, lambda _: None)
    table = truth(what, who, found)
    rows = found.blocks[0]
    number = {name: i for i, name in enumerate(who.ids)}
    left = np.full(len(who), 2**40)
    gone = np.isin(rows.state, DONE)
    left[rows.user[gone]] = rows.t[gone]
    user = np.array([number[name] for name in table["userId"].to_pylist()])
    day = np.array([(d - what.start).days for d in table["date"].to_pylist()]) * DAY
    leaves = (left[user] >= day) & (left[user] < day + HORIZON * DAY)
    p = table["probability"].to_numpy()
    assert leaves.mean() == pytest.approx(p.mean(), rel=0.08)
    for part in np.array_split(np.argsort(p), 5):
        # Rows of a user at different dates hang together, so the deviation is wider than of independent ones.
        deviation = 2.5 * np.sqrt(p[part].mean() / len(part))
        assert abs(leaves[part].mean() - p[part].mean()) < 3 * deviation + 0.15 * p[part].mean()
