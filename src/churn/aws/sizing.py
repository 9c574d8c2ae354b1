"""How much there is to read, and in how many pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from churn.aws.places import Place
from churn.errors import SettingsError, SourceError
from churn.s3.find import logs_below
from churn.sources import ENDINGS

UNPACKED: Final = {".gz": 16.0, ".zst": 16.0, ".bz2": 20.0, ".parquet": 20.0}
"""Bytes of JSON lines that one stored byte stands for, by ending.

The mini log: 8.0 MB of gzip are 127 MB of JSON lines. The full log: 11.7 GB of JSON lines are 0.6 GB of Parquet.
"""

WHOLE: Final = (".gz", ".zst", ".bz2")
"""Files that are read from front to end by one task."""

PIECE: Final = 128 * 2**20
"""Bytes that a task reads of a file that can be cut."""


@dataclass(frozen=True)
class InputSize:
    """A log as it lies there.

    Attributes:
        stored: its bytes.
        unpacked: bytes it would have as plain JSON lines; a guess where it is packed.
        files: how many files; 0 if nobody looked.
        pieces: how many tasks can read it at the same time.
        listed: whether it was looked at, or told by the user.
    """

    stored: int
    unpacked: int
    files: int
    pieces: int
    listed: bool


def given(stored: int) -> InputSize:
    """A log of plain JSON lines whose size the user tells.

    Raises:
        SettingsError: if there is nothing.
    """
    if stored < 1:
        raise SettingsError("--input-size is 0", "write it like 12GB")
    return InputSize(stored, stored, 0, -(-stored // PIECE), listed=False)


def listed(place: Place, objects: Iterable[tuple[str, int]]) -> InputSize:
    """A log by the keys and sizes below its address.

    Raises:
        SourceError: if no object there is a log, or all are empty.
    """
    there = dict(objects)  # by their beginning, so `log` also brings `log-2017/`
    alone = place.key in there and not place.key.endswith("/")
    found = [(key, there[key]) for key in ([place.key] if alone else logs_below(there, place.below))]
    stored = sum(size for _, size in found)
    if not stored:
        raise SourceError(f"{place}: no log is there", f"files are found by their ending: {', '.join(ENDINGS)}")
    unpacked = sum(size * _factor(key) for key, size in found)
    pieces = sum(1 if key.lower().endswith(WHOLE) else -(-size // PIECE) for key, size in found if size)
    return InputSize(stored, int(unpacked), len(found), pieces, listed=True)


def _factor(key: str) -> float:
    return next((factor for ending, factor in UNPACKED.items() if key.lower().endswith(ending)), 1.0)
