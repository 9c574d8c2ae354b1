"""Whether there is anything to learn from, and if not, what the smallest next step is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ibis import _

from churn.account import Account
from churn.engines import Engine
from churn.errors import NotEnoughData
from churn.problem import Problem
from churn.tables import Split

LEAVERS_NEEDED: Final = 20
"""Fewest different leavers among the training rows from which anything is learned unless forced."""

CANDIDATES: Final = ("Cancellation Confirmation", "Cancel", "Submit Downgrade")
"""Pages that could stand for leaving, the clearest first."""


def check_somebody_left(engine: Engine, out: Path, problem: Problem, account: Account) -> None:
    """Refuse a log in which nobody left, or in which there is nothing but leaving.

    Raises:
        NotEnoughData: with the pages of the log that could stand for leaving.
    """
    if engine.fetch(engine.read(out / "rollups" / "leavers").count().as_table())[0][0].as_py() == 0:
        events = engine.read(out / "events")
        found = engine.fetch(events.group_by("page").aggregate(n=_.count()).order_by(_.n.desc(), "page")).to_pylist()
        raise NotEnoughData(
            f"nobody in this log reached {' or '.join(problem.churn_pages)}, so there is nothing to learn from "
            f"({account.count('kept'):,} events were read and are in {out / 'events'})",
            _next_step({row["page"]: row["n"] for row in found}),
        )
    if engine.fetch(engine.read(out / "rollups" / "user_days").count().as_table())[0][0].as_py() == 0:
        raise NotEnoughData(
            "this log holds nothing but cancellations, so no user has a past to learn from",
            "give the whole log: songs, ratings, visits to pages",
        )


def _next_step(pages: dict[str, int]) -> str:
    more = "add a part of the log in which users leave"
    possible = [f'--churn-page "{page}" (events: {pages[page]:,})' for page in CANDIDATES if page in pages]
    if possible:
        return f"the smallest next steps: {more}; or take another page for leaving: {' or '.join(possible)}"
    names = ", ".join(sorted(pages, key=lambda page: (-pages[page], page))[:12])
    return (
        f"the smallest next steps: {more}; or name the page that means leaving with --churn-page (pages found: {names})"
    )


def check_learnable(split: Split, problem: Problem) -> None:
    """Refuse to learn from too few leavers.

    Raises:
        NotEnoughData: with the number found and the number needed.
    """
    found = split.train.leavers
    if found < LEAVERS_NEEDED:
        raise NotEnoughData(
            f"too few users left within {problem.horizon} days of a training cut-off: {found}, and "
            f"at least {LEAVERS_NEEDED} are needed to learn anything that lasts",
            "give a longer log, ask for a longer --horizon, or insist with --force (the results will say so)",
        )


def check_divided(splits: Sequence[Split]) -> None:
    """Refuse so few users that one side of a division into training and test is empty; nothing can overrule that.

    Raises:
        NotEnoughData: with the task and the side.
    """
    for split in splits:
        for rows, purpose in ((split.train, "learn from"), (split.test, "test on")):
            if not len(rows):
                raise NotEnoughData(
                    f"the task {split.task} has no user to {purpose}: the log holds too few users",
                    "give a log of more users; 50 are enough to divide",
                )
