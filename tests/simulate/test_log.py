"""The rows of a log: the rules that every log keeps, and the quirks of the real one."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from churn.errors import SettingsError
from churn.schema import PAGES
from churn.simulate import Simulation
from churn.simulate import log as module
from churn.simulate.calendar import DAY
from churn.simulate.log import Events, events
from churn.simulate.visitors import PAST
from churn.simulate.walk import Rows
from tests.simulate.conftest import World

Log = list[dict[str, object]]


def by_user(log: Log) -> dict[str, Log]:
    found: dict[str, Log] = defaultdict(list)
    for row in log:
        if row["userId"]:
            found[str(row["userId"])].append(row)
    return found


def whole(found: Events) -> Rows:
    return Rows.joined(found.blocks)


def test_rows_come_in_order_of_time_inside_the_window(world: World) -> None:
    slices = list(world.found.slices())
    t = np.concatenate([rows.t for rows in slices])
    assert len(t) == len(world.found) == sum(len(rows) for rows in slices)
    end = world.what.days * DAY
    assert (np.diff(t) >= 0).all() and t.min() >= 0
    past = np.concatenate([rows.user for rows in slices])[t >= end]
    assert past.tolist() == [-1, -1] and t.max() < end + PAST  # a visitor's two lines, and no member's
    joined = whole(world.found)
    assert (t == joined.t).all() and (np.concatenate([rows.user for rows in slices]) == joined.user).all()


def test_every_user_is_seen(log: Log, world: World) -> None:
    assert set(by_user(log)) == set(world.who.ids)


def test_nothing_comes_after_the_confirmation_and_cancel_comes_right_before(log: Log) -> None:
    leavers = 0
    for rows in by_user(log).values():
        pages = [row["page"] for row in rows]
        assert pages.count("Cancel") == pages.count("Cancellation Confirmation") <= 1
        if "Cancel" in pages:
            leavers += 1
            assert pages[-2:] == ["Cancel", "Cancellation Confirmation"]
            assert [row["auth"] for row in rows[-2:]] == ["Logged In", "Cancelled"]
    assert leavers >= 5


def test_songs_do_not_overlap_within_a_user(log: Log) -> None:
    for rows in by_user(log).values():
        plays = [row for row in rows if row["page"] == "NextSong"]
        for before, after in itertools.pairwise(plays):
            assert after["ts"] >= before["ts"] + 1000 * int(before["length"])


def test_items_count_up_inside_a_session_over_lines_of_nobody_too(world: World) -> None:
    rows = whole(world.found)
    session = world.found.session_of(rows)
    order = np.lexsort((rows.item, session))
    same = np.diff(session[order]) == 0
    assert (np.diff(rows.item[order])[same] == 1).all()
    assert (np.diff(rows.t[order])[same] >= 0).all()
    first = np.append(True, ~same)
    started = rows.t[order][first] > 0
    assert (rows.item[order][first][started] == 0).mean() > 0.95  # others were under way when the window opened
    assert (rows.item[order][first] > 0).any()


def test_session_ids_belong_to_several_users(log: Log) -> None:
    owners = defaultdict(set)
    for row in log:
        if row["userId"]:
            owners[row["sessionId"]].add(row["userId"])
    shared = sum(len(users) > 1 for users in owners.values())
    assert 0.1 < shared / len(owners) < 0.5
    assert max(len(users) for users in owners.values()) <= 2


def test_lines_of_nobody_continue_the_session_of_a_member(log: Log) -> None:
    sessions = {(row["sessionId"], row["itemInSession"]) for row in log if row["userId"]}
    logged_out = [row for row in log if row["auth"] == "Logged Out"]
    assert logged_out
    continued = sum((row["sessionId"], row["itemInSession"] - 1) in sessions for row in logged_out)
    assert continued / len(logged_out) > 0.3
    logins = [row for row in log if row["page"] == "Login"]
    nexts = {(row["sessionId"], row["itemInSession"]) for row in log}
    assert sum((row["sessionId"], row["itemInSession"] + 1) in nexts for row in logins) / len(logins) > 0.95


def test_fields_follow_from_the_page(log: Log) -> None:
    assert {row["page"] for row in log} <= set(PAGES)
    for row in log:
        member = row["auth"] in ("Logged In", "Cancelled")
        assert (row["userId"] != "") == member
        for name in ("firstName", "lastName", "gender", "location", "userAgent", "registration"):
            assert (row[name] is not None) == member
        plays = row["page"] == "NextSong"
        assert (row["song"] is not None) == (row["artist"] is not None) == (row["length"] is not None) == plays
        assert row["status"] == (404 if row["page"] == "Error" else 200 if _stays(row) else 307)
        assert row["ts"] % 1000 == 0


def _stays(row: dict[str, object]) -> bool:
    return row["method"] == "GET" or row["page"] in ("NextSong", "Add to Playlist")


def test_the_row_that_changes_the_level_still_carries_the_old_one(log: Log) -> None:
    switches = 0
    for rows in by_user(log).values():
        for before, after in itertools.pairwise(rows):
            if str(before["page"]).startswith("Submit"):
                switches += 1
                assert before["level"] == ("free" if before["page"] == "Submit Upgrade" else "paid")
                assert after["level"] != before["level"]
            elif before["auth"] == after["auth"] and before["sessionId"] == after["sessionId"]:
                assert after["level"] == before["level"]
    assert switches > 10


def test_a_user_has_one_of_everything(log: Log) -> None:
    for rows in by_user(log).values():
        for name in ("firstName", "lastName", "gender", "location", "userAgent", "registration"):
            assert len({row[name] for row in rows}) == 1


def test_there_are_guests_of_all_kinds(log: Log) -> None:
    guests = {row["page"] for row in log if row["auth"] == "Guest"}
    assert {"Home", "Register"} <= guests
    share = sum(row["userId"] == "" for row in log) / len(log)
    assert 0.02 < share < 0.04


def test_the_number_of_processes_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 16)
    what = Simulation(users=40, days=12, seed=3)
    who, songs = what.people(), what.catalogue()
    told: list[float] = []
    one, two = (events(what, who, songs, cores, told.append) for cores in (1, 2))
    for name in vars(whole(one)):
        assert (getattr(whole(one), name) == getattr(whole(two), name)).all()
    assert (one.session_ids == two.session_ids).all()
    assert told.count(1.0) == 2 and len(told) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"users": 0}, "--users 0: not between 1 and"),
        ({"users": -5}, "--users -5: not between 1 and"),
        ({"days": 0}, "--days 0: not between 1 and 366"),
        ({"days": 367}, "--days 367: not between 1 and 366"),
        ({"seed": -1}, "--seed -1: below 0"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Simulation(**changes)


@pytest.mark.parametrize("users", [1, 2])
def test_the_smallest_logs_work(users: int) -> None:
    what = Simulation(users=users, days=1, seed=0)
    found = events(what, what.people(), what.catalogue(), 1, lambda _: None)
    assert set(range(users)) <= set(whole(found).user.tolist())
