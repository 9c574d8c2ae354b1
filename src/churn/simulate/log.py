"""A whole simulated log: people, catalogue, and all events in order of time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from churn.errors import SettingsError
from churn.simulate.calendar import DAY, Calendar, weights
from churn.simulate.catalogue import Catalogue, catalogue
from churn.simulate.chain import Ints
from churn.simulate.groups import RHYTHMS
from churn.simulate.people import People, people
from churn.simulate.visitors import visits
from churn.simulate.walk import Rows, Walk

SIZES = {"mini": 225, "medium": 448, "full": 22_277}
"""Users of the three sizes in which the real log is known."""

WARM_UP = DAY
"""Seconds simulated before the window and thrown away, so that sessions are under way when it opens."""

BLOCK = 4_096
"""Users of a block, each with random numbers of its own; part of what a seed stands for."""

SLICE_ROWS = 100_000
"""Rows that are put into order and written at once."""

MOST_USERS, MOST_DAYS = 10_000_000, 366

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Simulation:
    """What to simulate.

    Attributes:
        users: how many.
        days: length of the window.
        start: its first day, UTC.
        seed: the same seed gives the same log.
    """

    users: int = SIZES["mini"]
    days: int = 61
    start: date = date(2018, 10, 1)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse nonsense.

        Raises:
            SettingsError: for a value that makes no log.
        """
        if not 1 <= self.users <= MOST_USERS:
            raise SettingsError(f"--users {self.users}: not between 1 and {MOST_USERS:,}", "give a number in between")
        if not 1 <= self.days <= MOST_DAYS:
            raise SettingsError(f"--days {self.days}: not between 1 and {MOST_DAYS}", "give a number in between")
        if not date(2001, 1, 1) <= self.start <= date(2060, 1, 1):
            raise SettingsError(f"--start {self.start}: not between 2001 and 2060", "give a date in between")
        if self.seed < 0:
            raise SettingsError(f"--seed {self.seed}: below 0", "give 0 or more")

    @property
    def calendar(self) -> Calendar:
        """The clocks, from the start of the warm-up on."""
        return Calendar.of(self.start - timedelta(days=WARM_UP // DAY), self.days + WARM_UP // DAY)

    def people(self) -> People:
        """All users."""
        return people(self.users, self.days, self.seed)

    def catalogue(self) -> Catalogue:
        """All songs."""
        return catalogue(self.seed)


@dataclass(frozen=True)
class Events:
    """All events of a log, block by block, each in order of time.

    Attributes:
        blocks: rows of members, then one block of guests.
        session_ids: the id of each session: of user u, number k, at `offset[u] + k`; guests' last.
        offset: where the sessions of each user begin, [users + 1]; the last is where the guests' do.
    """

    blocks: list[Rows]
    session_ids: Ints
    offset: Ints

    def __len__(self) -> int:
        """Number of events."""
        return sum(len(block) for block in self.blocks)

    def slices(self) -> Iterator[Rows]:
        """All rows in order of time, then user, some 100,000 at a time."""
        if not len(self):
            return
        merged = np.sort(np.concatenate([block.t[:: max(1, len(self.blocks))] for block in self.blocks]))
        edges = np.unique(merged[:: max(1, SLICE_ROWS // len(self.blocks))])
        bounds = [np.append(np.searchsorted(block.t, edges), len(block)) for block in self.blocks]
        for i in range(len(edges)):
            parts = [block.take(slice(b[i], b[i + 1])) for block, b in zip(self.blocks, bounds, strict=True)]
            yield Rows.joined(parts)

    def session_of(self, rows: Rows) -> Ints:
        """Index into `session_ids`, one a row."""
        return np.asarray(self.offset[rows.user] + rows.session)


def events(simulation: Simulation, who: People, songs: Catalogue, cores: int, progress: Progress) -> Events:
    """Simulate everybody.

    Args:
        simulation: what.
        who: its people.
        songs: its catalogue.
        cores: processes to use; they change nothing but the time.
        progress: is told the share that is done.
    """
    ranges = [range(start, min(start + BLOCK, simulation.users)) for start in range(0, simulation.users, BLOCK)]
    if cores == 1 or len(ranges) == 1:
        blocks = []
        for i, numbers in enumerate(ranges):
            blocks.append(_walk(simulation, who, songs, numbers))
            progress((i + 1) / len(ranges))
    else:
        blocks = _walk_in_processes(simulation, ranges, min(cores, len(ranges)), progress)
    busy = np.mean([weights(rhythm, simulation.start, simulation.days) for rhythm in RHYTHMS], axis=0)
    blocks.append(visits(simulation.users, busy, simulation.days, simulation.seed))
    return _with_session_ids(blocks, simulation)


def _walk(simulation: Simulation, who: People, songs: Catalogue, numbers: range) -> Rows:
    seed = [simulation.seed, 3, numbers.start]
    return Walk(who, np.array(numbers), songs, simulation.calendar, WARM_UP, simulation.days, seed).run()


def _walk_in_processes(simulation: Simulation, ranges: list[range], processes: int, progress: Progress) -> list[Rows]:
    """The same in several processes, which leave their rows in files: they are too many to be sent."""
    # A fork of a process with threads may hang, so children start anew.
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="churn-") as folder, ProcessPoolExecutor(processes, context) as pool:
        jobs = {pool.submit(_walk_to_file, simulation, numbers, Path(folder)): numbers for numbers in ranges}
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                job.result()
                progress(done / len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [_from_file(Path(folder) / f"{numbers.start}.npz") for numbers in ranges]


_made: dict[Simulation, tuple[People, Catalogue]] = {}


def _walk_to_file(simulation: Simulation, numbers: range, folder: Path) -> None:
    if simulation not in _made:  # once a process
        _made[simulation] = (simulation.people(), simulation.catalogue())
    rows = _walk(simulation, *_made[simulation], numbers)
    np.savez(folder / f"{numbers.start}.npz", **vars(rows))


def _from_file(path: Path) -> Rows:
    with np.load(path) as found:
        return Rows(**found)


SHARDS = (0.77, 0.23)
"""Shares of the services that hand out session ids, each from 1 on: so an id may belong to two users."""


def _with_session_ids(blocks: list[Rows], simulation: Simulation) -> Events:
    """Number all sessions in order of their first row."""
    counts = np.zeros(simulation.users + 1, dtype=np.int64)  # the last is the guests'
    for block in blocks:
        np.maximum.at(counts, block.user, block.session.astype(np.int64) + 1)
    offset = np.concatenate([[0], np.cumsum(counts)[:-1]])
    first = np.full(int(counts.sum()), np.iinfo(np.int32).max, dtype=np.int64)
    for block in blocks:
        np.minimum.at(first, offset[block.user] + block.session, block.t)
    shard = np.random.default_rng([simulation.seed, 5]).choice(len(SHARDS), simulation.users + 1, p=SHARDS)
    shard[-1] = 0
    of_session = np.repeat(shard, counts)
    ids = np.zeros(len(first), dtype=np.int64)
    order = np.argsort(first, kind="stable")
    for s in range(len(SHARDS)):
        mine = order[(of_session[order] == s) & (first[order] < np.iinfo(np.int32).max)]
        ids[mine] = np.arange(1, len(mine) + 1)
    return Events(blocks, ids, offset)
