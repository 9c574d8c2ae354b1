"""Watching a run to its end, through lost connections and closed lids."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from churn.aws.client import Clients
from churn.aws.places import Place
from churn.aws.record import Record
from churn.aws.state import State, look
from churn.errors import UnavailableError

PATIENCE: Final = 24 * 3600
"""Seconds without an answer after which watching makes no sense any more."""


def watch(clients: Clients, out: Place, every: float, trouble: Callable[[str], None]) -> Iterator[tuple[Record, State]]:
    """The states of a run, each time that it has moved on, until nothing more will happen.

    Args:
        clients: of the run's region.
        out: its output folder.
        every: seconds between two looks.
        trouble: is told once when AWS cannot be reached, and again after it could.

    Raises:
        UserError: if the run cannot be looked at for a reason that waiting does not mend.
    """
    shown: object = None
    silent_since: float | None = None
    while True:
        try:
            there, state = look(clients, out)
        except UnavailableError as error:
            now = time.time()  # of the clock: a sleeping laptop counts
            if silent_since is None:
                silent_since = now
                trouble(f"{error.what}; trying again every {every:g} s, the run goes on")
            elif now - silent_since > PATIENCE:
                raise
        else:
            silent_since = None
            moved = (state.phase, state.words, state.steps)
            if moved != shown:
                shown = moved
                yield there, state
            if state.over:
                return
        time.sleep(every)
