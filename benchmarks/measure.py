"""Run a command and say what it cost, with all processes that it starts."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
EVERY: Final = 0.05
"""Seconds between two looks at the processes."""

SEARCH: Final = 10
"""Looks between two searches for new processes: a Java machine has dozens of threads to ask for children."""


@dataclass(frozen=True)
class Cost:
    """Wall and processor seconds, and peak memory in bytes, of one command with all its processes."""

    wall: float
    cpu: float
    memory: int


@dataclass
class Tree:
    """What a process and all that it started use, seen by looking often: a Java machine is a child of Python's.

    Attributes:
        root: the process.
        peak: largest sum of resident memory seen, in bytes; what processes share counts for each.
        ticks: processor time by process when last seen, in clock ticks.
        members: the processes that were found last.
    """

    root: int
    peak: int = 0
    members: Sequence[int] = ()
    ticks: dict[int, int] = field(default_factory=dict)

    def look(self, *, search: bool) -> None:
        """Look once, and `search` for new processes before; on systems without /proc nothing is seen."""
        if search:
            self.members = members(self.root, PROC)
        seen = {pid: use for pid in self.members if (use := usage(pid, PROC))}
        self.peak = max(self.peak, sum(memory for __, memory in seen.values()), high_water(self.root, PROC))
        self.ticks |= {pid: ticks for pid, (ticks, __) in seen.items()}

    @property
    def cpu(self) -> float:
        """Processor seconds of all processes seen, up to when each was last seen."""
        return sum(self.ticks.values()) / os.sysconf("SC_CLK_TCK")


def members(root: int, proc: Path) -> list[int]:
    """A process and all below it."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        with suppress(OSError):  # the process has ended meanwhile
            for task in (proc / str(pid) / "task").iterdir():
                with suppress(OSError):  # this thread of it has
                    waiting += map(int, (task / "children").read_text().split())
    return found


def usage(pid: int, proc: Path) -> tuple[int, int] | None:
    """Processor time of a process in clock ticks, and its resident memory in bytes; nothing if it has ended."""
    try:
        own = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # Fields 14, 15 and 24 of proc(5); what follows the name in brackets starts with field 3.
    return int(own[11]) + int(own[12]), int(own[21]) * os.sysconf("SC_PAGE_SIZE")


def high_water(pid: int, proc: Path) -> int:
    """The most that a process has held in memory since its program started, in bytes; 0 if it has ended."""
    try:
        status = (proc / str(pid) / "status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def cost_of(command: Sequence[str], *, folder: Path) -> Cost:
    """Run a command in a folder to its end; its output goes nowhere.

    Raises:
        SystemExit: if it fails, with the end of what it said.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        tree, ended = Tree(child.pid), threading.Event()
        watcher = threading.Thread(target=_watch, args=(tree, ended))
        watcher.start()
        errors = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        ended.set()
        watcher.join()
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors.decode(errors='replace')[-2000:]}")
    # The system knows exactly of the process itself and of children that it waited for, the watcher of all others.
    # Its peak, though, starts with what was in memory before the program began, which is ours.
    return Cost(wall, max(used.ru_utime + used.ru_stime, tree.cpu), tree.peak or used.ru_maxrss * 1024)


def _watch(tree: Tree, ended: threading.Event) -> None:
    for look in itertools.count():
        if ended.wait(EVERY):
            return
        tree.look(search=look % SEARCH == 0)
