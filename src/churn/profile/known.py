"""The two statistics tables that people of this field know, in their columns, with their meaning put right.

Where they have been published before, `count_songs` held the number of events, `session interval (minutes)`
held hours, and `count_unique_artists` counted a missing artist as one. Here each column holds what it says.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from churn.evaluation import Row
from churn.profile.collected import Collected
from churn.profile.frame import UNKNOWN, browser_of
from churn.profile.groups import rates_by, spread

_LABELS: Final = {"q1": "p25", "median": "p50", "mean": "mean", "q3": "p75", "std": "sd"}


def stats_num(c: Collected, dataset: str) -> list[Row]:
    """Quartiles, mean and standard deviation over users; suffix 0 stayed, 1 left.

    Session interval and length are means of each user's own sessions; users with one session have no interval.
    """
    users, quantities = c.users, c.users.quantities()
    metrics = {
        "num_sessions": users["sessions"],
        "session interval (minutes)": quantities["break between sessions (hours)"] * 60,
        "avg_session_length (minutes)": quantities["session length (minutes)"],
        "count_songs": users["songs"],
        "count_unique_artists": users["new_artists"],
    }
    rows: list[Row] = []
    for name, values in metrics.items():
        stayed, gone = spread(values[~users.left]), spread(values[users.left])
        both = {f"{label}_{i}": part[ours] for label, ours in _LABELS.items() for i, part in enumerate((stayed, gone))}
        rows.append({"metric": name, **both, "dataset": dataset})
    return rows


def stats_cat(c: Collected, dataset: str) -> list[Row]:
    """Churn rate by category. A user has one gender, level (the last) and browser, but any number of statuses."""
    users = c.users
    one_each = {
        "gender": [value or UNKNOWN for value in users.texts["gender"]],
        "level": [value or UNKNOWN for value in users.texts["level"]],
        "browser": [browser_of(agent) for agent in users.texts["userAgent"]],
    }
    rows: list[Row] = []
    for feature, values in one_each.items():
        rows += [_category(feature, row, dataset) for row in rates_by(values, users.left)]
    ever = _statuses(c)
    left = dict(zip(users.ids, users.left, strict=True))
    for status in sorted(ever):
        known = np.array([left[user] for user in sorted(ever[status]) if user in left], dtype=bool)
        rows += [_category("status", row, dataset) for row in rates_by([status] * known.size, known)]
    return rows


def _statuses(c: Collected) -> dict[str, set[str]]:
    """By status, the users who ever got it on a page other than those of leaving."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in c.people.select(["userId", "status", "hidden"]).to_pylist():
        if row["status"] is not None and not row["hidden"]:
            found[str(row["status"])].add(row["userId"])
    return found


def _category(feature: str, row: Row, dataset: str) -> Row:
    return {"feature": feature, "category": row["value"], "churn rate": row["churn_rate"], "dataset": dataset}
