"""How many threads a fit is worth, and several fits side by side.

Waking threads for every node of every tree costs more than few rows gain, and even on many rows two threads for a fit
are slower than a thread for each of two fits.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Final, TypeVar

from threadpoolctl import ThreadpoolController

from churn.cores import usable_cores

T = TypeVar("T")
R = TypeVar("R")

FEW_ROWS: Final = 10_000
"""Below this, trees grow faster in one thread; with 700 rows of 219 features three times as fast.

Measured with OpenMP threads that sleep while they wait, as the command has them do, since threads that spin make a
fit many times slower wherever something else runs on the machine."""

_HERE: Final = threading.local()


def side_by_side(fit: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Call `fit` for all items, as many at a time as there are cores, of which each has its share; results in order.

    The first failure in order, or Ctrl-C, ends it once the fits that run by then are through.
    """
    waiting = list(items)
    mine = _mine()
    at_once = max(1, min(mine, len(waiting)))
    share = max(1, mine // at_once)

    def alone(item: T) -> R:
        _HERE.cores = share
        return fit(item)

    pool = ThreadPoolExecutor(at_once)
    algebra = ThreadpoolController().select(user_api="blas")  # looked for anew: more may be loaded by now
    with algebra.limit(limits=min([share, *(library["num_threads"] for library in algebra.info())])):
        try:
            return list(pool.map(alone, waiting))
        finally:
            pool.shutdown(cancel_futures=True)


def cores() -> int:
    """The cores for fits: those that this process may use, and no more than `OMP_NUM_THREADS`, if set."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return min(usable_cores(), int(asked)) if asked.isdigit() and int(asked) else usable_cores()


def threads(rows: int) -> int:
    """Threads for a fit of so many rows: its share of the cores beside other fits, else all of them."""
    return 1 if rows < FEW_ROWS else _mine()


def _mine() -> int:
    """The cores that are there for this thread."""
    return int(getattr(_HERE, "cores", 0)) or cores()


def limited(rows: int) -> AbstractContextManager[Any]:
    """OpenMP's threads inside, for libraries that take no number themselves."""
    limit: AbstractContextManager[Any] = _pools().limit(limits=threads(rows), user_api="openmp")
    return limit


@cache
def _pools() -> ThreadpoolController:
    """The loaded libraries with thread pools; to look for them takes longer than a small fit."""
    return ThreadpoolController()
