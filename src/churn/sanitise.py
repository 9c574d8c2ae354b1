"""A copy of a file that any line reader gets through: for bz2, and for bytes that break a reader.

Such bytes are no JSON either: invalid UTF-8, control characters, a carriage return inside a line. They are
written as a backslash sequence that no JSON string may hold, so their lines are refused like any other
malformed one, with the bytes still to be seen in `quarantine/`.
"""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Final, cast

from churn.errors import SourceError
from churn.sources import Packing, Source

LONGEST: Final = 1_000_000
"""Bytes that are kept of a line too long for the reader (it is refused anyway)."""

READER_LIMIT: Final = 8_000_000
"""Bytes from which a line is taken to be too long."""

_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f]")

_OPENERS: Final[dict[Packing, Callable[[Path], IO[bytes]]]] = {
    "none": lambda path: path.open("rb"),
    "gzip": lambda path: cast(IO[bytes], gzip.open(path, "rb")),
    "bz2": lambda path: cast(IO[bytes], bz2.open(path, "rb")),
}


def sanitise(source: Source, target: Path) -> Source:
    """Copy a file line by line into `target`, plain and readable; line numbers stay the same.

    Raises:
        SourceError: if the file is cut short or damaged.
    """
    if source.packing not in _OPENERS:
        raise SourceError(f"{source.path}: damaged, or not readable as lines", "unpack it and give the plain file")
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 0
    try:
        with _OPENERS[source.packing](source.path) as old, target.open("w", encoding="utf-8", newline="") as new:
            for number, line in enumerate(old, 1):
                new.write(_readable(line) + "\n")
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise SourceError(
            f"{source.path}: cut short or damaged after line {number} ({error})", "fetch or pack it again"
        ) from error
    return replace(source, path=target, packing="none")


def _readable(line: bytes) -> str:
    text = line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf")
    if len(text) > READER_LIMIT:
        text = text[:LONGEST] + b"... cut, too long"
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.decode("utf-8", "backslashreplace"))
