"""Tables about users: who leaves, and how those who left and those who stayed behave."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np

from churn.account import Account
from churn.evaluation import Row
from churn.profile.collected import Collected
from churn.profile.frame import MS_DAY, PAGE_COLUMNS, Users
from churn.profile.groups import both, decile_rows, rate_row, rates_by, spread
from churn.profile.survival import survival_rows
from churn.profile.users import TRIGGERS

WAITS: Final = ((0, 0), (1, 1), (2, 3), (4, 7), (8, 14), (15, 30), (31, None))
"""Days between something and the leaving, from and to."""

USED_RATES: Final = {"per hour": "per_hour", "per 1,000 songs": "per_1000_songs"}


def segments(users: Users) -> list[Row]:
    """Churn rate by segment: `segment`, `value`, `users`, `leavers`, `churn_rate`, `low`, `high`."""
    rows: list[Row] = []
    for name, (values, order) in users.segments().items():
        rows += [{"segment": name, **row} for row in rates_by(values, users.left, order)]
    return rows


def deciles(users: Users) -> list[Row]:
    """Churn rate by tenth of every page rate and every quantity: see `decile_rows`."""
    rows: list[Row] = []
    for column, page in PAGE_COLUMNS.items():
        for unit, rate in USED_RATES.items():
            values = getattr(users, rate)(column)
            rows += [{"measure": page, "unit": unit, **row} for row in decile_rows(values, users.left)]
    for name, values in users.quantities().items():
        rows += [{"measure": name, "unit": "", **row} for row in decile_rows(values, users.left)]
    return rows


def quantities(users: Users) -> list[Row]:
    """Spread over users of every quantity, by group: `quantity`, `group`, and the columns of `spread`."""
    return [
        {"quantity": name, "group": group, **spread(values[here])}
        for name, values in users.quantities().items()
        for group, here in both(users.left).items()
    ]


def sessions(c: Collected) -> list[Row]:
    """Spread over sessions of their length and their songs, by group of users."""
    rows: list[Row] = []
    for name, column in (("length (whole minutes)", "minutes"), ("songs", "songs")):
        for group, parts in {"all": (0, 1), "stayed": (0,), "left": (1,)}.items():
            counted: Counter[int] = Counter()
            for row in c.sessions:
                counted[row[column]] += row["n"] if row["left"] in parts else 0
            values = np.array(list(counted.keys()), dtype=np.float64)
            found = spread(values, np.array(list(counted.values()), dtype=np.int64))
            rows.append({"quantity": name, "group": group, **found})
    return rows


def page_rates(c: Collected) -> list[Row]:
    """Each page a member sees, by group: pooled rates, users who saw it, and the spread of their rates per hour.

    `per_1000_songs` and `per_hour` divide sums over all users of the group; `user_mean_per_hour` and
    `user_median_per_hour` are over the users' own rates.
    """
    users = c.users
    with_any = {row["left"]: row for row in c.page_users}
    rows: list[Row] = []
    for column, page in PAGE_COLUMNS.items():
        per_hour = users.per_hour(column)
        for group, here in both(users.left).items():
            parts = {"all": (0, 1), "stayed": (0,), "left": (1,)}[group]
            seen = sum(with_any[left][column] for left in parts if left in with_any)
            total, n = float(users[column][here].sum()), int(here.sum())
            own = spread(per_hour[here])
            rows.append({
                "page": page, "group": group, "events": int(total),
                "per_1000_songs": _over(total * 1000, float(users["songs"][here].sum())),
                "per_hour": _over(total, float(users.hours[here].sum())),
                "users_with_any": seen, "share_with_any": _over(seen, n),
                "user_mean_per_hour": own["mean"], "user_median_per_hour": own["p50"],
            })  # fmt: skip
    return rows


def survival(users: Users, account: Account) -> list[Row]:
    """How many are still there, since registration and since the first event: `origin` and `survival_rows`."""
    end = np.where(users.left, users["left_ts"], account.last_ts)
    known = users["registration"] > 0
    origins = {
        "registration": (users.origin, known),
        "first event in the log": (users["first_ts"], np.ones(len(users), dtype=bool)),
    }
    rows: list[Row] = []
    for name, (origin, here) in origins.items():
        entry, exit_ = ((when - origin)[here] / MS_DAY for when in (users["first_ts"], end))
        rows += [{"origin": name, **row} for row in survival_rows(entry, exit_, users.left[here])]
    return rows


def waits(c: Collected) -> list[Row]:
    """For those who left: whole days from the last upgrade, downgrade or advert burst to leaving.

    `trigger`, `from_days`, `to_days` (nan: open), `leavers`, `share` of all who left; one row a trigger for
    those to whom it never happened, with nan days.
    """
    rows: list[Row] = []
    total = int(c.users.left.sum())
    for trigger in TRIGGERS:
        counted: Counter[int] = Counter()
        for row in c.occasions:
            if row["trigger"] == trigger and row["latest"] and row["days"] is not None:
                counted[row["days"]] += row["n"]
        for start, end in WAITS:
            n = sum(k for days, k in counted.items() if start <= days and (end is None or days <= end))
            rows.append(_wait(trigger, start, float("nan") if end is None else end, n, total))
        never = max(total - sum(counted.values()), 0)
        rows.append(_wait(trigger, float("nan"), float("nan"), never, total))
    return rows


def _wait(trigger: str, start: float, end: float, n: int, total: int) -> Row:
    return {"trigger": trigger, "from_days": start, "to_days": end, "leavers": n, "share": _over(n, total)}


def after(c: Collected, account: Account, horizon: int) -> list[Row]:
    """How often users left within `horizon` days of a day with an upgrade, a downgrade or an advert burst.

    Only days with as many days of log after them; beside them `any day`, any day on which a user was seen.
    The interval takes days for independent, which those of one user are not: it is too narrow.
    """
    last = account.last_ts // MS_DAY
    rows: list[Row] = []
    for trigger in (*TRIGGERS, "any day"):
        here = [row for row in c.occasions if row["trigger"] == trigger and _day_number(row) + horizon < last]
        n = sum(row["n"] for row in here)
        gone = sum(row["n"] for row in here if row["days"] is not None and row["days"] <= horizon)
        found = rate_row(gone, n)
        rows.append({"trigger": trigger, "meaning": TRIGGERS.get(trigger, "any day on which a user was seen"),
                     "horizon": horizon, "days": found["users"], "left_within": gone,
                     **{name: found[name] for name in ("churn_rate", "low", "high")}})  # fmt: skip
    return rows


def _day_number(row: dict[str, Any]) -> int:
    return int(row["day"].toordinal() - 719_163)  # days since 1970


def _over(above: float, below: float) -> float:
    return above / below if below else float("nan")
