"""Whether a log teaches anything: refusals name what was found, what is needed and the smallest next step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from churn.errors import NotEnoughData
from churn.learnable import LEAVERS_NEEDED, check_divided, check_learnable
from churn.pipeline import run
from churn.problem import Problem
from churn.settings import Settings
from churn.tables import Split, Table
from tests.conftest import Row, event, write_log
from tests.tiny import DAY, ms


def table(leavers: Sequence[str], stayers: Sequence[str] = ()) -> Table:
    """Rows with one feature each; a user may have several rows."""
    users = np.array([*leavers, *stayers], dtype=object)
    labels = np.array([1] * len(leavers) + [0] * len(stayers), dtype=np.int64)
    dates = np.full(len(users), np.datetime64("2018-11-01"))
    return Table(("f",), np.zeros((len(users), 1), np.float32), labels, users, dates, np.zeros(len(users), np.int64))


def ids(count: int) -> list[str]:
    return [str(user) for user in range(count)]


def days_of(user: str, *days: int, page: str = "NextSong") -> list[Row]:
    return [event(user, ms("10-01") + day * DAY, page, sessionId=day) for day in days]


def settings(tmp_path: Path, rows: list[Row], *, force: bool = False, problem: Problem | None = None) -> Settings:
    log = write_log(tmp_path / "log.json", rows)
    problem = problem or Problem()
    return Settings((str(log),), tmp_path / "out", problem, families=("logistic_regression",), force=force)


def test_twenty_different_leavers_are_enough() -> None:
    assert LEAVERS_NEEDED == 20
    check_learnable(Split("forecast", table(ids(20), ["a"]), table([]), ""), Problem())


def test_nineteen_are_refused_with_the_number_needed_and_three_ways_out() -> None:
    split = Split("forecast", table(ids(19), ["a"]), table(ids(30)), "")
    words = r"within 21 days.*\b19\b.* at least 20 are needed.*longer log.*--horizon.*--force"
    with pytest.raises(NotEnoughData, match=words):
        check_learnable(split, Problem(horizon=21))


def test_a_leaver_seen_at_several_cutoffs_is_one_leaver() -> None:
    with pytest.raises(NotEnoughData, match=r"\b5\b.* at least 20"):
        check_learnable(Split("forecast", table(ids(5) * 10), table([]), ""), Problem())


@pytest.mark.parametrize(("train", "test", "purpose"), [([], ["1"], "learn from"), (["1"], [], "test on")])
def test_a_division_with_an_empty_side_is_refused(train: list[str], test: list[str], purpose: str) -> None:
    fine = Split("forecast", table(["1"]), table(["2"]), "")
    with pytest.raises(NotEnoughData, match=rf"the task history has no user to {purpose}.*give a log of more users"):
        check_divided([fine, Split("history", table(train), table(test), "")])


def test_a_division_with_users_on_both_sides_passes() -> None:
    check_divided([Split("forecast", table(["1"]), table([], ["2"]), "")])


def test_where_nobody_left_other_pages_of_the_log_are_offered_clearest_first(tmp_path: Path) -> None:
    rows = days_of("1", *range(60)) + days_of("1", 5, 6, page="Submit Downgrade") + days_of("2", 9, page="Cancel")
    with pytest.raises(NotEnoughData) as refusal:
        run(settings(tmp_path, rows))
    assert "nobody in this log reached Cancellation Confirmation" in refusal.value.what
    assert f"63 events were read and are in {tmp_path / 'out' / 'events'}" in refusal.value.what
    assert "the smallest next steps: add a part of the log in which users leave" in refusal.value.remedy
    places = [refusal.value.remedy.index(f'--churn-page "{page}"') for page in ("Cancel", "Submit Downgrade")]
    assert places == sorted(places)


def test_where_no_page_could_mean_leaving_the_pages_found_are_listed_most_frequent_first(tmp_path: Path) -> None:
    rows = days_of("1", *range(60)) + days_of("1", 5, 6, page="Help") + days_of("2", 9, page="About")
    with pytest.raises(NotEnoughData, match=r"--churn-page \(pages found: NextSong, Help, About\)"):
        run(settings(tmp_path, rows))


def test_every_churn_page_asked_for_is_named(tmp_path: Path) -> None:
    problem = Problem(churn_pages=("Farewell", "Goodbye"))
    with pytest.raises(NotEnoughData, match="nobody in this log reached Farewell or Goodbye"):
        run(settings(tmp_path, days_of("1", *range(60)), problem=problem))


@pytest.mark.parametrize("pages", [("Cancellation Confirmation",), ("Cancel", "Cancellation Confirmation")])
def test_a_log_of_nothing_but_cancellations_is_refused(tmp_path: Path, pages: tuple[str, ...]) -> None:
    rows = [row for user in range(30) for page in pages for row in days_of(str(user), 2 * user, page=page)]
    with pytest.raises(NotEnoughData, match=r"nothing but cancellations.*give the whole log"):
        run(settings(tmp_path, rows, force=True))


def test_a_log_of_one_user_is_refused_even_if_forced(tmp_path: Path) -> None:
    rows = days_of("1", *range(63)) + days_of("1", 63, page="Cancellation Confirmation")
    with pytest.raises(NotEnoughData, match="holds too few users"):
        run(settings(tmp_path, rows, force=True))
