"""Peak memory of this process, by step where the system can tell."""

from __future__ import annotations

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

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
