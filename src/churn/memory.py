"""Amounts of memory in words, and the peak of this process, by step where the system can tell."""

from __future__ import annotations

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from churn.errors import SettingsError

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak_memory() -> None:
    """Start counting anew; on systems without /proc the peak stays that of the whole process."""
    with suppress(OSError):  # absent, or not allowed in some containers
        if _CLEAR.exists():
            _CLEAR.write_text("5")


def peak_memory() -> int:
    """Largest resident memory since the last reset, in bytes."""
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def parse_memory(text: str) -> int:
    """Bytes from words like `6GB`, `500MB`, `6G` or a plain number.

    >>> parse_memory("6GB")
    6000000000

    Raises:
        SettingsError: if the text is no amount of memory.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    if not found:
        raise SettingsError(f"{text!r} is no amount of memory", "write it like 6GB or 500MB")
    return int(float(found[1]) * _UNITS[found[2].upper()])
