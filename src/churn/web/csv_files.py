"""Lists to take away as CSV: sent row by row, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from flask import Response

from churn.app_data import RISK
from churn.web.store import RiskList, Wanted

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""

PART: Final = 1 << 16
"""Bytes of a file that are read at once."""

ROWS: Final = 500
"""Rows that are sent at once."""


def attached(parts: Iterable[str] | Iterable[bytes], name: str, length: int | None = None) -> Response:
    """A CSV file to keep; of `length` bytes, where that is known."""
    response = Response(parts, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if length is not None:
        response.content_length = length
    return response


def file_of(path: Path, name: str) -> Response:
    """A file as it is."""

    def parts() -> Iterator[bytes]:
        with path.open("rb") as file:
            while part := file.read(PART):
                yield part

    return attached(parts(), name, path.stat().st_size)


def list_of(risks: RiskList, wanted: Wanted, contact: int | None) -> Response:
    """A part of a risk list in its order; only the first `contact` by risk, unless that is None.

    Texts that a spreadsheet would take for a formula have an apostrophe in front: ids come from a log, which
    anybody may have written.
    """
    if contact is not None:
        wanted = replace(wanted, last_rank=risks.reach(contact, wanted).last_rank)
    return attached(_lines(risks.rows(wanted)), "risk.csv")


def _lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(RISK)
    waiting = 0
    for row in rows:
        writer.writerow([harmless(row[name]) for name in RISK])
        waiting += 1
        if waiting == ROWS:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
            waiting = 0
    yield text.getvalue()


def harmless(cell: Any) -> Any:
    """A cell that no spreadsheet runs.

    >>> harmless("=1+1"), harmless("42"), harmless(-0.5)
    ("'=1+1", '42', -0.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell
