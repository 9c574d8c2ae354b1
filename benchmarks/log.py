"""The log of each size, simulated; and the same with a giant user, who is given lines of all others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

USER: Final = b'"userId": "'
GIANT: Final = b"999999999"
"""The giant's id; no simulated user has one like it."""

MAKER: Final = "churn simulate"
"""Who makes the logs, for people."""


def simulation(size: str, target: Path) -> list[str]:
    """The command that simulates a log of a size."""
    options = ["--size", size, "--seed", "0", "--format", "json"]
    return [sys.executable, "-m", "churn", "simulate", str(target), *options]


def log_of(size: str, work: Path) -> Path:
    """The log of a size, made in a folder if it is not there yet."""
    target = work / f"simulated_{size}.json"
    if not target.exists():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(simulation(size, target), check=True)
    return target


def giant_of(size: str, work: Path, lines: int) -> Path:
    """The log of a size in which about so many lines are those of one single user."""
    return with_giant(log_of(size, work), work / f"simulated_{size}_giant_{lines}.json", lines)


def with_giant(log: Path, target: Path, lines: int) -> Path:
    """Write a log in which every so many lines of users, in order of time, are given to one of them.

    Args:
        log: lines as `churn simulate` writes them.
        target: file to write; kept if it is there already.
        lines: about how many lines the giant gets; all lines of users if there are not so many.
    """
    if target.exists():
        return target
    with log.open("rb") as old:
        whole = sum(_owner(line) is not None for line in old)
    aside = target.with_suffix(".new")
    number = given = 0
    with log.open("rb") as old, aside.open("wb", buffering=1 << 24) as new:
        for line in old:
            at = _owner(line)
            if at is not None:
                number += 1
                if given * whole < number * lines:
                    given += 1
                    line = line[:at] + GIANT + line[line.index(b'"', at) :]
            new.write(line)
    aside.rename(target)
    return target


def _owner(line: bytes) -> int | None:
    """Where the id of a user stands in a line; None where it is nobody's."""
    at = line.find(USER) + len(USER)
    return None if at < len(USER) or line[at : at + 1] == b'"' or b'"firstName"' not in line else at
