"""What users do inside a session: a Markov chain over (page, level, login state).

`USUAL` is the whole parametrisation; a group only bends a few of its numbers (see `churn.simulate.groups`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from churn.simulate.groups import GROUPS, Temperament

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

LEVELS: Final = ("free", "paid")

PUT: Final = (
    "NextSong", "Add to Playlist", "Thumbs Up", "Thumbs Down", "Add Friend", "Logout", "Login", "Save Settings",
    "Submit Upgrade", "Submit Downgrade", "Cancel", "Submit Registration",
)  # fmt: skip
"""Pages asked for by PUT; all others by GET."""

REDIRECTS: Final = tuple(page for page in PUT if page not in ("NextSong", "Add to Playlist"))
"""Pages that answer with status 307; they come one second after what was before."""

Chances: TypeAlias = dict[str, float | tuple[float, float]]

USUAL: Final[dict[str, Chances]] = {
    # After each page: the chance of the next one; (free, paid) where the level makes a difference.
    # What is left over goes to the page named in REST.
    "START": {"out Home": 0.146, "NextSong": 0.26},
    "NextSong": {
        "Thumbs Up": 0.0522, "Thumbs Down": 0.0122, "Add to Playlist": 0.0246, "Add Friend": 0.0104,
        "Roll Advert": (0.0800, 0.0010), "Home": 0.0195, "Logout": (0.0160, 0.0121), "Downgrade": (0.0, 0.0105),
        "Upgrade": (0.0080, 0.0), "Settings": 0.0053, "Help": 0.0048, "About": 0.0020, "Error": 0.00112,
        "END": (0.0200, 0.0066),
    },
    "Thumbs Up": {"Add to Playlist": 0.068, "END": 0.006},
    "Thumbs Down": {"Help": 0.02, "Downgrade": (0.0, 0.02), "Cancel": 0.0, "END": 0.008},
    "Add to Playlist": {"Thumbs Up": 0.012, "END": 0.006},
    "Add Friend": {"Add Friend": 0.33, "Home": 0.038, "Logout": 0.010, "END": 0.010},
    "Roll Advert": {"Roll Advert": 0.028, "Upgrade": (0.017, 0.0), "Logout": 0.020, "Cancel": 0.0, "END": 0.030},
    "Home": {
        "Add Friend": 0.045, "Home": 0.02, "Settings": 0.018, "Logout": 0.009, "Help": 0.004, "About": 0.002,
        "Upgrade": (0.010, 0.0), "END": 0.012,
    },
    "Downgrade": {
        "Submit Downgrade": 0.0, "Cancel": 0.0, "Downgrade": 0.065, "Home": 0.10, "Logout": 0.09, "END": 0.01,
    },
    "Upgrade": {"Submit Upgrade": 0.0, "Home": 0.10, "Add Friend": 0.02, "END": 0.01},
    "Settings": {
        "Save Settings": 0.20, "Home": 0.065, "Settings": 0.057, "Help": 0.05, "Add Friend": 0.025,
        "Downgrade": (0.0, 0.02), "Upgrade": (0.02, 0.0), "END": 0.008,
    },
    "Save Settings": {"END": 0.03},
    "Submit Upgrade": {},
    "Submit Downgrade": {},
    "Help": {"Home": 0.125, "Add Friend": 0.04, "Help": 0.04, "Settings": 0.028, "END": 0.01},
    "About": {"Home": 0.32, "Help": 0.03, "END": 0.02},
    "Error": {"Home": 0.19, "Cancel": 0.0, "END": 0.02},
    "Logout": {"END": 0.03},
    "out Home": {"out Home": 0.13, "out About": 0.107, "out Help": 0.06, "out Error": 0.002, "END": 0.067},
    "out About": {"out Home": 0.33, "END": 0.17},
    "out Help": {"out Home": 0.38, "END": 0.05},
    "out Error": {"out Home": 0.2},
    "out Login": {"NextSong": 0.04},
    "Cancel": {},
}  # fmt: skip

REST: Final = {
    "START": "Home", "Save Settings": "Home", "Submit Upgrade": "Home", "Submit Downgrade": "Home",
    "Logout": "out Home", "out Home": "out Login", "out About": "out Login", "out Help": "out Login",
    "out Error": "out Login", "out Login": "Home", "Cancel": "Cancellation Confirmation",
}  # fmt: skip
"""Where the remaining chance goes; NextSong for pages that are not named."""

SWITCHES: Final = {"Submit Upgrade": 1, "Submit Downgrade": 0}
"""Pages after which the level is another; the row itself still carries the old one."""


class State(NamedTuple):
    """Where a user is: page, level (index of `LEVELS`), whether logged in."""

    page: str
    level: int
    logged_in: bool


_PAGES: Final = (*(name for name in USUAL if name != "START"), "Cancellation Confirmation")
STATES: Final = tuple(
    State(name.removeprefix("out "), level, not name.startswith("out ")) for level in range(2) for name in _PAGES
)
"""All states; those of level 0 first."""

END: Final = len(STATES)
"""Stands for the end of a session."""

DONE: Final = tuple(i for i, state in enumerate(STATES) if state.page == "Cancellation Confirmation")
CANCEL: Final = tuple(i for i, state in enumerate(STATES) if state.page == "Cancel")
SONG: Final = tuple(i for i, state in enumerate(STATES) if state.page == "NextSong")


def _chances(name: str, temperament: Temperament) -> Chances:
    """A row of `USUAL`, bent by a temperament."""
    t, row = temperament, dict(USUAL[name])
    times = {"Thumbs Up": t.thumbs_up, "Thumbs Down": t.thumbs_down, "Roll Advert": t.adverts, "Error": t.errors}
    if name == "NextSong":
        for page, factor in {**times, "Downgrade": t.views}.items():
            chance = row[page]
            row[page] = (chance[0] * factor, chance[1] * factor) if isinstance(chance, tuple) else chance * factor
    given: dict[tuple[str, str], float] = {
        ("Upgrade", "Submit Upgrade"): t.upgrade,
        ("Downgrade", "Submit Downgrade"): t.downgrade,
        ("Downgrade", "Cancel"): t.cancel_view,
        ("Roll Advert", "Cancel"): t.cancel_advert,
        ("Thumbs Down", "Cancel"): t.cancel_down,
        ("Error", "Cancel"): t.cancel_error,
    }
    row |= {page: chance for (here, page), chance in given.items() if here == name}
    return row


def _place(name: str, level: int) -> int:
    return END if name == "END" else _PAGES.index(name) + level * len(_PAGES)


def _row(name: str, level: int, temperament: Temperament) -> Floats:
    """Chances of every state, and of `END`, after a page at a level."""
    row = np.zeros(END + 1)
    after = SWITCHES.get(name, level)
    for page, chance in _chances(name, temperament).items():
        row[_place(page, after)] += chance[level] if isinstance(chance, tuple) else chance
    row[_place(REST.get(name, "NextSong"), after)] += 1 - row.sum()
    return row


@dataclass(frozen=True)
class Chain:
    """The chain of every group, ready for drawing.

    Attributes:
        step: chances of the next state, shape [groups, states, states + 1]; the last column is the end of the
            session. Rows of Cancellation Confirmation, after which nothing comes, go to the end.
        start: chances of the first state of a session by level, shape [groups, 2, states + 1].
    """

    step: Floats
    start: Floats

    def sampler(self) -> Sampler:
        """For drawing next states of many users at once."""
        rows = np.concatenate([self.step, self.start], axis=1).reshape(-1, END + 1)
        row, target = np.nonzero(rows)
        upper = row + np.cumsum(rows, axis=1)[row, target]
        last = np.append(row[1:] != row[:-1], True)
        upper[last] = row[last] + 1  # whatever the rounding
        return Sampler(upper, target.astype(np.int8))


class Sampler(NamedTuple):
    """Draws next states: all rows of all groups, as pieces of one long line.

    Attributes:
        upper: the row's number plus the cumulated chance, ascending.
        target: the state of each piece.
    """

    upper: Floats
    target: NDArray[np.int8]

    def next(self, group: Ints, state: Ints, u: Floats) -> NDArray[np.int8]:
        """The states after `state`, for uniform random numbers below 1; `END + level` asks for a session's first."""
        below = u * (1 - 2.0**-40)  # so that the sum is never rounded up to the next row
        return self.target[np.searchsorted(self.upper, group * (END + 2) + state + below, side="right")]


@cache
def chain() -> Chain:
    """The chain of every group in `GROUPS`."""
    step = np.zeros((len(GROUPS), END, END + 1))
    start = np.zeros((len(GROUPS), 2, END + 1))
    for g, group in enumerate(GROUPS):
        for i, state in enumerate(STATES):
            name = _PAGES[i % len(_PAGES)]
            step[g, i] = np.eye(END + 1)[END] if i in DONE else _row(name, state.level, group.temperament)
        for level in range(2):
            start[g, level] = _row("START", level, group.temperament)
    return Chain(step, start)
