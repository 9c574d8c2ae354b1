"""A copy of a file that any line reader gets through: for bz2, and for bytes that break a reader.

Such bytes are no JSON either: invalid UTF-8, control characters, a carriage return inside a line. They are
written as a backslash sequence that no JSON string may hold, so their lines are refused like any other
malformed one, with the bytes still to be seen in `quarantine/`.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Final, NoReturn, cast

import pyarrow as pa

from churn.errors import SourceError
from churn.sources import MAX_LINE, Packing, Source

LONGEST: Final = 1_000_000
"""Bytes that are kept of a line too long for the reader (it is refused anyway)."""

_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f]")

_OPENERS: Final[dict[Packing, Callable[[Path], IO[bytes]]]] = {
    "none": lambda path: path.open("rb"),
    "gzip": lambda path: cast(IO[bytes], gzip.GzipFile(path)),
    "bz2": lambda path: cast(IO[bytes], bz2.BZ2File(path)),
    "zstd": lambda path: cast(IO[bytes], io.BufferedReader(pa.input_stream(str(path), compression="zstd"))),
}
_BLOCK: Final = 1_000_000


def sanitise(source: Source, target: Path) -> Source:
    """Copy a file line by line into `target`, plain and readable; line numbers stay the same.

    Raises:
        SourceError: if the file is cut short or damaged.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 0
    with target.open("wb") as new:
        try:
            with _OPENERS[source.packing](source.path) as old:
                for number, line in enumerate(old, 1):
                    new.write(_readable(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line) + b"\n")
        except (EOFError, zlib.error, OSError) as error:
            _refuse_damaged(source, f"after line {number}", error)
    return replace(source, path=target, packing="none")


def sanitised_here(source: Source, target: Path) -> Source:
    """`sanitise` for a file that may lie in S3: it is copied to this machine first.

    Raises:
        SourceError: if the file cannot be fetched, is cut short or damaged.
    """
    if not source.here:
        from churn.s3.stage import stage  # only there is boto3 needed

        (source,) = stage([source], target.with_name(f"{target.name}-staged"))
    return sanitise(source, target)


def refuse_cut_short(source: Source) -> None:
    """Read a file to its end: for zstd, as DuckDB takes one that was cut short for a whole one.

    Raises:
        SourceError: if the file is cut short or damaged.
    """
    done = 0
    try:
        with _OPENERS[source.packing](source.path) as file:
            while block := file.read(_BLOCK):
                done += len(block)
    except (EOFError, zlib.error, OSError) as error:
        _refuse_damaged(source, f"after {done:,} bytes", error)


def _refuse_damaged(source: Source, where: str, error: Exception) -> NoReturn:
    if isinstance(error, OSError) and error.errno is not None:
        raise error  # the disk, not the file
    raise SourceError(f"{source.address}: cut short or damaged {where} ({error})", "fetch or pack it again") from error


def _readable(line: bytes) -> bytes:
    text = line.rstrip(b"\r\n")
    if not text.strip():
        return b""
    readable = _escaped(text) if len(text) <= MAX_LINE else b""
    # An escaped byte takes four times the room.
    return readable if 0 < len(readable) <= MAX_LINE else _escaped(text[:LONGEST]) + b"... cut, too long"


def _escaped(text: bytes) -> bytes:
    decoded = text.decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", decoded).encode()
