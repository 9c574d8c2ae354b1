"""All users of a block walk their chains side by side: one step of everybody is one row of everybody.

A block is a fixed range of users with random numbers of its own, so what comes out does not depend on how many
blocks are walked at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from churn.simulate.calendar import DAY, Calendar
from churn.simulate.catalogue import Catalogue
from churn.simulate.chain import CANCEL, DONE, END, SONG, STATES, Ints, State, chain
from churn.simulate.chain import REDIRECTS as REDIRECT_PAGES
from churn.simulate.people import People

DELAY = (np.log(33.0), 1.38)
"""Seconds until the next click, as mean and deviation of the logarithm: median 33 s, mean 86 s, as from Cancel to
its confirmation in the real log."""

LONGEST_DELAY = 3_720.0

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Events of some users, in order of time, then user, then as they happened.

    Attributes:
        t: seconds after the start of the window, [n].
        user: number of the user, -1 for visitors who never had an id, [n].
        state: index into `chain.STATES`; `visitors` have states of their own, [n].
        song: number of the song, -1 where none is played, [n].
        session: number of the session, counted by user from 0, [n].
        item: place in the session, from 0, [n].
    """

    t: NDArray[np.int32]
    user: NDArray[np.int32]
    state: NDArray[np.int8]
    song: NDArray[np.int32]
    session: NDArray[np.int16]
    item: NDArray[np.int16]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.t)

    def take(self, where: Ints | Bools | slice) -> Rows:
        """Some of the rows."""
        return Rows(**{field.name: getattr(self, field.name)[where] for field in fields(self)})

    @staticmethod
    def joined(parts: list[Rows]) -> Rows:
        """Rows of several parts, brought into order."""
        names = [field.name for field in fields(Rows)]
        rows = Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
        return rows.take(np.argsort(rows.t.astype(np.int64) * 2**31 + rows.user, kind="stable"))


_IS_REDIRECT = np.array([state.page in REDIRECT_PAGES for state in STATES] + [False])
_IS_SONG = np.array([i in SONG for i in range(END + 1)])
_IS_CANCEL = np.array([i in CANCEL for i in range(END + 1)])
_IS_DONE = np.array([i in DONE for i in range(END + 1)])
_IS_MEMBER = np.array([state.logged_in for state in STATES])
_HOME = np.array([STATES.index(State("Home", level, True)) for level in range(2)])
_LEVEL = np.array([state.level for state in STATES] + [0], dtype=np.int64)


class Walk:
    """The walk of one block of users; `run` gives its rows."""

    def __init__(self, who: People, numbers: Ints, songs: Catalogue, calendar: Calendar, warm_up: int, days: int,
                 seed: list[int]) -> None:  # fmt: skip
        """Place everybody before the first session.

        Args:
            who: all users.
            numbers: those of this block.
            songs: what they listen to.
            calendar: from `warm_up` seconds before the window on.
            warm_up: seconds that are simulated before the window and thrown away.
            days: length of the window.
            seed: of this block.
        """
        self._rng = np.random.default_rng(seed)
        self._sampler = chain().sampler()
        self._length = np.maximum(songs.length_e5 // 100_000, 1)
        self._songs, self._calendar, self._warm_up, self._stop = songs, calendar, warm_up, days * DAY
        n = len(numbers)
        self.user = numbers.astype(np.int32)
        self.group, self.rhythm, self.rate = who.group[numbers], who.rhythm[numbers], who.rate[numbers]
        self.level = who.level[numbers].copy()
        self.seen = np.zeros(n, dtype=bool)  # has a row of a member inside the window
        self.session, self.item = np.full(n, -1, dtype=np.int16), np.zeros(n, dtype=np.int16)
        self.state = np.full(n, END, dtype=np.int64)
        self.t = np.maximum(who.joined[numbers], -warm_up)
        self.song_end = np.full(n, -(2**40), dtype=np.int64)
        newcomer = who.joined[numbers] > 0
        self._rows: list[Rows] = []
        self._begin(np.flatnonzero(~newcomer))
        self._begin(np.flatnonzero(newcomer), soon=True)

    def run(self) -> Rows:
        """Walk until everybody has left or the window is over."""
        self._keep(self.t < self._stop)
        while len(self.t):
            self._record()
            self._step()
        return Rows.joined(self._rows)

    def _record(self) -> None:
        inside = self.t >= 0
        self.seen |= inside & _IS_MEMBER[self.state]
        song = np.full(len(self.t), -1, dtype=np.int32)
        plays = np.flatnonzero(_IS_SONG[self.state])
        song[plays] = self._songs.draw(self._rng.random(len(plays)))
        self.song_end[plays] = self.t[plays] + self._length[song[plays]]
        rows = Rows(self.t.astype(np.int32), self.user, self.state.astype(np.int8), song, self.session, self.item)
        self._rows.append(rows.take(inside))

    def _step(self) -> None:
        """Everybody does one more thing; who has done the last one is dropped."""
        self._keep(~_IS_DONE[self.state])
        following = self._sampler.next(self.group, self.state, self._rng.random(len(self.t))).astype(np.int64)
        # Nobody leaves before the window opens: there would be no trace of it.
        early = _IS_CANCEL[following] & (self.t < 0)
        following[early] = np.array(SONG)[self.level[early]]
        self.level = np.where(following == END, _LEVEL[self.state], _LEVEL[following])
        delay = np.exp(self._rng.normal(*DELAY, len(self.t)))
        later = self.t + np.clip(delay, 1, LONGEST_DELAY).astype(np.int64)
        later = np.where(_IS_REDIRECT[following], self.t + 1, later)
        waits = _IS_SONG[following] & (self.song_end > self.t)  # the song that plays is heard to its end
        before, self.t = self.t, np.where(waits, self.song_end, later)
        leaving = _IS_DONE[following]  # a Cancel inside the window has its confirmation inside
        self.t[leaving] = np.minimum(self.t[leaving], self._stop - 1)
        self.state, self.item = following, self.item + np.int16(1)
        over = np.flatnonzero(following == END)
        self.t[over] = np.maximum(before[over], self.song_end[over])
        self._begin(over)
        self._keep(self.t < self._stop)

    def _begin(self, at: Ints, *, soon: bool = False) -> None:
        """Send some to their next session: a wait on their own clock, or minutes for who has just registered."""
        rhythm, now = self.rhythm[at], self.t[at]
        if soon:
            self.t[at] = now + self._rng.integers(60, 1_800, len(at))
        else:
            reading = self._calendar.at(rhythm, now + self._warm_up)
            left = self._calendar.end(rhythm) - reading
            # Everybody is seen at least once: the wait of who has not been seen yet ends inside the window.
            certain = np.where(self.seen[at], 1.0, -np.expm1(-self.rate[at] * left))
            wait = -np.log1p(-self._rng.random(len(at)) * certain) / self.rate[at]
            then = np.maximum(self._calendar.when(rhythm, reading + wait) - self._warm_up, now + 1)
            self.t[at] = np.where(self.seen[at], then, np.minimum(then, self._stop - 1))
        self.session[at] += np.int16(1)
        self.item[at] = 0
        first = self._sampler.next(self.group[at], END + self.level[at], self._rng.random(len(at)))
        hidden = ~self.seen[at] & ~_IS_MEMBER[first]  # a first session that starts logged out might show nobody
        self.state[at] = np.where(hidden, _HOME[self.level[at]], first)

    def _keep(self, where: Bools) -> None:
        if where.all():
            return
        for name in ("user", "group", "rhythm", "rate", "level", "seen", "session", "item", "state", "t", "song_end"):
            setattr(self, name, getattr(self, name)[where])
