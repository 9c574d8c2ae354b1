"""What nobody can know of a real log: each user's group and true probability of cancelling from a date on.

Sessions start at a constant rate on the user's own clock, and what a session of a group comes to (stay free, stay
paid, change level, cancel) follows from the chain by linear algebra. So level and leaving are a Markov process in
time, whose probabilities are a matrix exponential. The time spent inside sessions slows the process by what an
average session lasts; this is the only approximation.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from churn.simulate.calendar import DAY
from churn.simulate.catalogue import MEAN_LENGTH
from churn.simulate.chain import CANCEL, DONE, END, SONG, STATES, Floats, Ints, chain
from churn.simulate.groups import GROUPS
from churn.simulate.log import WARM_UP, Events, Simulation
from churn.simulate.people import People
from churn.simulate.walk import DELAY

EVERY, HORIZON = 7, 14
"""Days between two dates of the truth, and days over which it looks ahead."""

SCHEMA = pa.schema(
    [
        ("userId", pa.string()), ("group", pa.string()), ("date", pa.date32()), ("horizon", pa.int32()),
        ("level", pa.string()), ("probability", pa.float64()),
    ]
)  # fmt: skip


@cache
def sessions() -> tuple[Floats, Floats]:
    """What a session comes to, and how long it lasts.

    Returns:
        Chances by group and level at its start of ending free, ending paid, cancelling: [groups, 2, 3]; and mean
        durations in seconds: [groups, 2].
    """
    c = chain()
    gone = np.array(CANCEL + DONE)
    ends = np.zeros((END, 3))
    for i, state in enumerate(STATES):
        ends[i, state.level] = 1
    wait = np.exp(DELAY[0] + DELAY[1] ** 2 / 2)
    spent = np.full(END, 0.0)
    spent[list(SONG)] = MEAN_LENGTH  # what is done during a song takes no time of its own
    outcome, seconds = np.zeros((len(GROUPS), 2, 3)), np.zeros((len(GROUPS), 2))
    for g in range(len(GROUPS)):
        inside = c.step[g, :, :END].copy()
        inside[gone] = 0
        over = c.step[g, :, END:] * ends
        over[gone] = [0, 0, 1]
        after = np.linalg.inv(np.eye(END) - inside)
        first = c.start[g, :, :END]
        outcome[g] = first @ after @ over
        seconds[g] = first @ after @ spent + wait
    return outcome, seconds


def leaving(group: Ints, level: Ints, rate: Floats, busy_days: Floats, busy_share: Floats) -> Floats:
    """True probabilities of cancelling.

    Args:
        group: of each user.
        level: now, 0 free, 1 paid.
        rate: sessions per busy day.
        busy_days: that the user's clock will show from now to the end of the horizon.
        busy_share: busy days for each day of the horizon.
    """
    outcome, seconds = sessions()
    busy_seconds = rate[:, None] * busy_share[:, None] * seconds[group] / DAY
    flow = np.zeros((len(group), 3, 3))
    flow[:, :2] = outcome[group] - np.eye(3)[:2]
    flow[:, :2] *= (rate[:, None] / (1 + busy_seconds))[:, :, None]
    return np.asarray(_exponential(flow * busy_days[:, None, None])[np.arange(len(group)), level, 2])


def _exponential(m: Floats) -> Floats:
    """Matrix exponentials [n, 3, 3] by scaling and squaring."""
    halvings = 8 + int(np.ceil(np.log2(max(1.0, float(np.abs(m).max())))))
    small = m / 2**halvings
    total, term = np.broadcast_to(np.eye(3), m.shape).copy(), np.broadcast_to(np.eye(3), m.shape).copy()
    for k in range(1, 9):
        term = term @ small / k
        total += term
    for _ in range(halvings):
        total = total @ total
    return total


def truth(simulation: Simulation, who: People, events: Events) -> pa.Table:
    """One row a user and date, for users who were seen before it and have not cancelled.

    Returns:
        A table of `SCHEMA`; dates are the UTC midnights of `days_of`.
    """
    calendar, tables = simulation.calendar, []
    days = days_of(simulation.days)
    levels, present = _at_dates(simulation, events, days)
    for i, day in enumerate(days):
        users = np.flatnonzero(present[i])
        rhythm, group, level = who.rhythm[users], who.group[users], levels[i][users]
        now = np.full(len(users), day * DAY + WARM_UP)
        ahead = calendar.at(rhythm, now + HORIZON * DAY) - calendar.at(rhythm, now)
        p = leaving(group, level, who.rate[users], ahead, ahead / HORIZON)
        columns = [
            pa.array(who.ids[users].tolist(), pa.string()),
            pa.array([GROUPS[g].name for g in group], pa.string()),
            pa.array([simulation.start + timedelta(days=day)] * len(users), pa.date32()),
            pa.array([HORIZON] * len(users), pa.int32()),
            pa.array(np.where(level == 1, "paid", "free").tolist(), pa.string()),
            pa.array(p),
        ]
        tables.append(pa.Table.from_arrays(columns, schema=SCHEMA))
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def days_of(days: int) -> range:
    """The dates of the truth as days since the start of a log of so many days.

    They go back from the last one by `EVERY`; it is the cut-off on which a run with the usual settings tests its
    models, `HORIZON` days before the start of the log's last day.
    """
    last = days - 1 - HORIZON
    return range(EVERY + (last - EVERY) % EVERY, last + 1, EVERY)


def _at_dates(simulation: Simulation, events: Events, days: range) -> tuple[Ints, np.ndarray]:
    """By date and user: the level of the last event before it, and whether the user is there to be asked about."""
    n = simulation.users
    level, present = np.zeros((len(days), n), dtype=np.int64), np.zeros((len(days), n), dtype=bool)
    of_state = np.array([state.level for state in STATES])
    for block in events.blocks[:-1]:
        now, seen, left = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        start = 0
        for i, day in enumerate(days):
            end = int(np.searchsorted(block.t, day * DAY))
            user, state = block.user[start:end], block.state[start:end].astype(np.int64)
            now[user] = of_state[state]  # of several, numpy keeps the last
            seen[user] = True
            left[user[np.isin(state, DONE)]] = True
            level[i] += now * seen
            present[i] |= seen & ~left
            start = end
    return level, present
