"""Guests: people without an account who look around, and sometimes register. Their lines are nobody's."""

from __future__ import annotations

from typing import Final

import numpy as np

from churn.simulate.calendar import DAY
from churn.simulate.chain import END, Floats
from churn.simulate.walk import DELAY, LONGEST_DELAY, Rows

PER_USER: Final = 0.067
"""Visits for each user of the log: 1,500 at the full size."""

GUEST_PAGES: Final = ("Home", "Register", "Submit Registration", "About", "Help", "Error")
FIRST_GUEST: Final = END + 1
"""The first of the guests' states, which come after all others, one a page."""

PAST: Final = 60
"""Within so many seconds past the end of the window the last visitor comes: the real log has two such lines."""

_LEAVE: Final = len(GUEST_PAGES)
_STEP: Final = np.array([
    # Home  Regist Submit About  Help   Error  leave
    [0.200, 0.250, 0.000, 0.090, 0.110, 0.010, 0.340],  # after Home
    [0.100, 0.000, 0.500, 0.020, 0.050, 0.005, 0.325],  # after Register
    [0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 1.000],  # after Submit Registration
    [0.500, 0.050, 0.000, 0.000, 0.050, 0.000, 0.400],  # after About
    [0.500, 0.060, 0.000, 0.050, 0.060, 0.000, 0.330],  # after Help
    [0.600, 0.000, 0.000, 0.000, 0.000, 0.000, 0.400],  # after Error
])  # fmt: skip


def visits(users: int, busy: Floats, days: int, seed: int) -> Rows:
    """The events of all visits, each a session of its own; the last comes when the window is over.

    Args:
        users: of the log.
        busy: how busy each hour of the window is.
        days: length of the window.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng([seed, 4])
    n = max(1, rng.poisson(PER_USER * users * days / 61))
    t = rng.choice(len(busy), n, p=busy / busy.sum()) * 3_600 + rng.integers(0, 3_600, n)
    page, session, item = np.zeros(n, dtype=np.int64), np.arange(n), np.zeros(n, dtype=np.int64)
    upper = np.cumsum(_STEP, axis=1)
    parts = []
    while len(t):
        parts.append(_rows(t, page, session, item))
        page = np.minimum((rng.random(len(t))[:, None] >= upper[page]).sum(axis=1), _LEAVE)
        wait = np.clip(np.exp(rng.normal(*DELAY, len(t))), 1, LONGEST_DELAY).astype(np.int64)
        t, item = t + np.where(page == GUEST_PAGES.index("Submit Registration"), 1, wait), item + 1
        stays = (page != _LEAVE) & (t < days * DAY)
        t, page, session, item = t[stays], page[stays], session[stays], item[stays]
    return Rows.joined([*parts, _last_visit(n, days * DAY, seed)])


def _last_visit(session: int, end: int, seed: int) -> Rows:
    """Two lines past the end of the window, of nobody, so they move no date that the log is judged by."""
    t = end + np.sort(np.random.default_rng([seed, 7]).choice(PAST, 2, replace=False))
    return _rows(t, np.array([0, GUEST_PAGES.index("Help")]), np.full(2, session), np.arange(2))


def _rows(t: np.ndarray, page: np.ndarray, session: np.ndarray, item: np.ndarray) -> Rows:
    n = len(t)
    return Rows(
        t=t.astype(np.int32),
        user=np.full(n, -1, dtype=np.int32),
        state=(FIRST_GUEST + page).astype(np.int8),
        song=np.full(n, -1, dtype=np.int32),
        session=session.astype(np.int32),
        item=item.astype(np.int16),
    )
