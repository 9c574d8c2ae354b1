"""A log of any size for measuring speed: the mini log repeated under shifted ids. Good for speed, not for accuracy."""

from __future__ import annotations

import gzip
from pathlib import Path

USER = b'"userId":"'
SESSION = b'"sessionId":'


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
