"""How many threads a fit is worth: waking them for every node of every tree costs more than few rows gain."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Final

from threadpoolctl import ThreadpoolController

FEW_ROWS: Final = 10_000
"""Below this, trees grow faster in one thread; with 700 rows of 219 features three times as fast.

Measured with OpenMP threads that sleep while they wait, as the command has them do, since threads that spin make a
fit many times slower wherever something else runs on the machine."""


def threads(rows: int) -> int:
    """Threads for a fit of so many rows; 0 stands for all cores."""
    return 1 if rows < FEW_ROWS else 0


def limited(rows: int) -> AbstractContextManager[Any]:
    """OpenMP's threads inside, for libraries that take no number themselves; as they are for many rows."""
    limit: AbstractContextManager[Any] = _pools().limit(limits=threads(rows) or None, user_api="openmp")
    return limit


@cache
def _pools() -> ThreadpoolController:
    """The loaded libraries with thread pools; to look for them takes longer than a small fit."""
    return ThreadpoolController()
