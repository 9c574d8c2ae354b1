"""A small simulated log, made once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from churn.simulate import Simulation, simulate
from churn.simulate.catalogue import Catalogue
from churn.simulate.log import Events, events
from churn.simulate.people import People

SMALL = Simulation(users=150, days=40, seed=7)


class World(NamedTuple):
    """Everything of one simulation."""

    what: Simulation
    who: People
    songs: Catalogue
    found: Events


@pytest.fixture(scope="session")
def world() -> World:
    who, songs = SMALL.people(), SMALL.catalogue()
    return World(SMALL, who, songs, events(SMALL, who, songs, 1, lambda _: None))


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The rows of the same log, as Parquet has them."""
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    simulate(path, SMALL, form="parquet", processes=1)
    return pq.read_table(path).to_pylist()


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same log as lines."""
    path = tmp_path_factory.mktemp("log") / "log.json"
    simulate(path, SMALL, processes=1)
    return path
