"""The log of each size, simulated; and one with a giant user: the mini log repeated under shifted ids."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.machine import ROOT

USER: Final = b'"userId":"'
SESSION: Final = b'"sessionId":'

DATA: Final = Path(os.environ.get("SPARKIFY_DATA", ROOT.parent / "shared" / "data"))
COPIES: Final = {"mini": 1, "medium": 8, "full": 89}

MAKER: Final = "churn simulate"
"""Who makes the logs, for people."""


def simulation(size: str, target: Path) -> list[str]:
    """The command that simulates a log of a size."""
    options = ["--size", size, "--seed", "0", "--format", "json"]
    return [sys.executable, "-m", "churn", "simulate", str(target), *options]


def giant_of(size: str, work: Path, lines: int) -> Path:
    """The mini log repeated, with about so many lines of one single user."""
    return repeated(_mini(), COPIES[size], work / f"repeated_{size}_giant_{lines}.json", giant_lines=lines)


def log_of(size: str, work: Path) -> Path:
    """The log of a size, made in a folder if it is not there yet."""
    target = work / f"simulated_{size}.json"
    if not target.exists():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(simulation(size, target), check=True)
    return target


def _mini() -> Path:
    mini = DATA / "eventsim_mini.json.gz"
    if not mini.exists():
        raise SystemExit(f"bench: {mini} is absent; set SPARKIFY_DATA to the folder that holds it")
    return mini


def repeated(mini: Path, copies: int, target: Path, *, giant_lines: int = 0) -> Path:
    """Write `copies` of every line of the mini log, each under user ids of its own, in order of time.

    Args:
        mini: `eventsim_mini.json.gz`.
        copies: how many; 89 make 25.6 million lines.
        target: file to write; kept if it is there already.
        giant_lines: give about so many lines to one single user, in place of others.
    """
    if target.exists():
        return target
    marks = [str(10 + k).encode() for k in range(copies)]
    every = 25_600_000 * copies // 89 // giant_lines if giant_lines else 0
    aside = target.with_suffix(".new")
    number = 0
    with gzip.open(mini, "rb") as old, aside.open("wb", buffering=1 << 24) as new:
        for line in old:
            at = line.find(USER) + len(USER)
            if at < len(USER) or line[at : at + 1] == b'"':  # nobody's line: another session instead
                new.write(b"".join(line.replace(SESSION, SESSION + mark) for mark in marks))
                continue
            before, after = line[:at], line[at:]
            number += 1
            if every and number % every == 0:  # all copies of this line go to the giant, each a session of its own
                own = after[after.find(b'"') :]
                new.write(b"".join(before + b"9" + own.replace(SESSION, SESSION + mark) for mark in marks))
                continue
            new.write(before + (after + before).join(marks) + after)
    aside.rename(target)
    return target
