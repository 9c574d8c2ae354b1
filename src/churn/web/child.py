"""`churn score` as a child process: its progress, its end, its limits."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

logger = logging.getLogger("churn.web")

PARTS: Final = {"ingest": (0.02, 0.60), "rollups": (0.60, 0.85), "snapshots": (0.85, 0.97)}
"""From which to which share of a job each step takes it."""

LOOK: Final = 0.25
"""Seconds between two looks at the time, the disk and the memory."""

POLITE: Final = 5.0
"""Seconds that a child gets to end by itself."""

SECRETS: Final = ("CHURN_TOKEN",)

NICE: Final = 10
"""Requests go first: they are answered in milliseconds."""

ENGINE: Final = 0.7
"""Share of a child's memory that its engine may use; the rest is for the program around it."""

LONGEST_KIND: Final = 80

LONGEST: Final = 20
"""Lines of what a child says that are kept."""


class ChildFailed(Exception):
    """The child did not make a risk list; says why in words for whoever sent the log."""


@dataclass(frozen=True)
class Limits:
    """What a child may use: seconds of time, bytes of disk in its folder, bytes of memory."""

    seconds: float
    space: int
    memory: int


class Child:
    """One `churn score`, in a process group of its own."""

    def __init__(self, bundle: Path, log: Path, as_of: date | None, out: Path, limits: Limits) -> None:
        self._command = [sys.executable, "-m", "churn", "score", str(bundle.absolute()), str(log), "--out", str(out)]
        self._command += ["--memory", str(int(ENGINE * limits.memory)), "--progress", "json", "--end-with-input"]
        self._command += ["--as-of", as_of.isoformat()] if as_of else []
        self._folder, self._limits = out.parent, limits
        self._process: subprocess.Popen[str] | None = None
        self._broken = ""
        self._said: list[str] = []

    def start(self) -> None:
        """Start it."""
        # Its input stays open for as long as this process lives, however that ends; then the child ends, too.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment(self._folder),
            start_new_session=True,
        )
        with suppress(OSError):  # it may be over already
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE)

    def follow(self, told: Callable[[str, float], None]) -> list[str]:
        """Wait for its end.

        Args:
            told: is told what is being done, and the share of all that is done.

        Returns:
            What it had to say beside its progress.

        Raises:
            ChildFailed: if it failed, was ended, or went beyond a limit.
        """
        process = self._running()
        watch = threading.Thread(target=self._watch, name="limits", daemon=True)
        watch.start()
        assert process.stderr is not None
        for line in process.stderr:
            self._read(line.rstrip("\n"), told)
        status = process.wait()
        watch.join()
        self._close()
        if self._broken:
            raise ChildFailed(self._broken)
        if status:
            raise ChildFailed(self._complaint(status))
        return self._said

    def end(self) -> None:
        """End it and all that it started."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        timer = threading.Timer(POLITE, self._kill)
        timer.daemon = True  # the process may end meanwhile; the child then ends with its input
        timer.start()

    def _kill(self) -> None:
        process = self._running()
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "it has not been started"
        return self._process

    def _close(self) -> None:
        process = self._running()
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, line: str, told: Callable[[str, float], None]) -> None:
        try:
            found = json.loads(line)
            first, last = PARTS.get(found["step"], (0.0, 0.0))
            told(str(found["title"]), first + (last - first) * float(found["share"]))
        except (ValueError, KeyError, TypeError):
            self._said = [*self._said[-LONGEST:], line]

    def _watch(self) -> None:
        process, limits, started = self._running(), self._limits, time.monotonic()
        while process.poll() is None:
            time.sleep(LOOK)
            if time.monotonic() - started > limits.seconds:
                self._broken = f"it took longer than {limits.seconds:,.0f} seconds, so it was ended"
            elif size_of(self._folder) > limits.space:
                self._broken = (
                    f"it needed more than {limits.space / 1e6:,.0f} MB of disk, so it was ended; "
                    "does the file unpack to something huge?"
                )
            elif memory_of(process.pid) > limits.memory:
                self._broken = f"it needed more than {limits.memory / 1e6:,.0f} MB of memory, so it was ended"
            if self._broken:
                self._kill()
                return

    def _complaint(self, status: int) -> str:
        """The child's last words, without the names of this server's folders."""
        lines = [line for line in self._said if line.startswith("churn: ")]
        if not lines:
            # Of a crash only its kind is noted: the rest may hold what stands in the log.
            kind = self._said[-1].partition(":")[0][:LONGEST_KIND] if self._said else ""
            logger.error("child failed", extra={"fields": {"status": status, "kind": kind}})
            return f"scoring ended with status {status} and gave no reason"
        words = lines[-1].removeprefix("churn: ").replace(f"{self._folder}/log", "the log")
        return words.replace(str(self._folder), "its folder")


def memory_of(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where that cannot be seen, as on other systems than Linux."""
    with suppress(OSError):
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def environment(folder: Path) -> dict[str, str]:
    """What a child finds in its environment: what this process does, but for its secret."""
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return {**kept, "TMPDIR": str(folder), "OMP_WAIT_POLICY": "PASSIVE"}


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; those that vanish meanwhile do not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_blocks * 512
    return total
