"""Dirt: what is wrong with real files, put into a clean log, with an account of it under the names of `ingest.json`."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

SHARES: Final = {
    # Of all lines; the whole stays below the 5 % at which an ingest gives up.
    "malformed": 0.0008, "truncated": 0.0008, "two objects": 0.0002, "no json": 0.0002,
    "ts missing": 0.0004, "ts wrong": 0.0004, "page missing": 0.0004, "page wrong": 0.0002,
    "number wrong": 0.001, "text wrong": 0.001, "field missing": 0.001, "null": 0.0005,
    "mojibake": 0.0005, "as float": 0.001, "id as number": 0.001, "windows newline": 0.001,
    "duplicate": 0.001, "blank": 0.0005, "late": 0.0005,
}  # fmt: skip
"""How often each kind of dirt comes."""

REFUSED: Final = {
    "malformed": "unparseable", "truncated": "unparseable", "two objects": "unparseable", "no json": "unparseable",
    "ts missing": "no_ts", "ts wrong": "no_ts", "page missing": "no_page", "page wrong": "no_page",
}  # fmt: skip
"""Kinds for which a line is refused, and the reason."""

LATE_LINES: Final = 50_000
"""Lines that are late are held back until about so many others have been written."""

DAYS_LATE: Final = 10
"""One in so many of them is held back until lines of a later day have been written."""

MS_DAY: Final = 86_400_000

BOM: Final = b"\xef\xbb\xbf"


@dataclass
class Dirt:
    """Dirties lines as they pass, and keeps the account.

    Attributes:
        seed: of what is drawn.
        counts: lines by kind of dirt; `lines`, `kept` and `nobody` too.
        coerced: values of a wrong type by column, on lines that are not refused.
    """

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    coerced: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Start drawing."""
        self._rng = np.random.default_rng([self.seed, 6])
        self._late: list[bytes] = []
        self._days_late: list[bytes] = []
        self._kinds = [*SHARES, "clean"]
        self._chances = np.array([*SHARES.values(), 1 - sum(SHARES.values())])

    def pass_on(self, lines: bytes, *, last: bool = False) -> bytes:
        """Dirty some lines; of the last ones, all that was held back is given out."""
        clean = lines.splitlines(keepends=True) if lines else []
        kinds = self._rng.choice(len(self._kinds), len(clean), p=self._chances)
        found: list[bytes] = [] if self.counts["lines"] else [BOM]
        for line, kind in zip(clean, kinds.tolist(), strict=True):
            if self._kinds[kind] == "clean":
                self._count("clean", line)
                found.append(line)
            else:
                found += self._dirtied(self._kinds[kind], line)
        if last or len(self._late) > LATE_LINES * SHARES["late"]:
            found += self._late
            self._late = []
        today = _day(clean[-1]) if clean else 0
        found += [line for line in self._days_late if last or _day(line) < today]
        self._days_late = [line for line in self._days_late if not last and _day(line) >= today]
        return b"".join(found)

    def account(self) -> dict[str, Any]:
        """What an ingest must find; `kinds` says what was done."""
        reasons = {
            reason: sum(self.counts[kind] for kind, why in REFUSED.items() if why == reason)
            for reason in ("unparseable", "no_ts", "no_page")
        }
        return {
            "lines": self.counts["lines"],
            "blank": self.counts["blank"],
            "kept": self.counts["kept"],
            "nobody": self.counts["nobody"],
            "duplicate": self.counts["duplicate"],
            "quarantined": {"total": sum(reasons.values()), **reasons},
            "coerced": dict(sorted(self.coerced.items())),
            "kinds": {kind: self.counts[kind] for kind in SHARES},
        }

    def _count(self, kind: str, line: bytes) -> None:
        self.counts[kind] += 1
        self.counts["lines"] += 1
        if kind not in REFUSED:
            self.counts["kept" if b'"firstName"' in line else "nobody"] += 1

    def _dirtied(self, kind: str, line: bytes) -> list[bytes]:
        self._count(kind, line)
        if kind == "duplicate":
            self.counts["lines"] += 1
            return [line, line]
        if kind == "blank":
            self.counts["lines"] += 1
            return [line, [b"\n", b"  \n", b"\t\r\n"][self._rng.integers(3)]]
        if kind == "late":
            (self._days_late if self.counts["late"] % DAYS_LATE == 1 else self._late).append(line)
            return []
        return [self._spoilt(kind, line.removesuffix(b"\n")) + b"\n"]

    def _spoilt(self, kind: str, line: bytes) -> bytes:
        if kind == "malformed":
            return line.replace(b": ", b" = ", 1)
        if kind == "truncated":
            return line[: self._rng.integers(1, len(line))]
        if kind == "two objects":
            return line + b" " + line
        if kind == "no json":
            return [b"-- log rotated --", b"42", b"null", b"[1, 2]"][self._rng.integers(4)]
        if kind == "windows newline":
            return line + b"\r"
        return json.dumps(self._changed(kind, json.loads(line)), ensure_ascii=False).encode()

    def _changed(self, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        if kind in ("ts missing", "page missing"):
            del row[kind.split()[0]]
        elif kind == "ts wrong":
            row["ts"] = ["soon", None, {"ms": row["ts"]}, row["ts"] // 10_000_000][self._rng.integers(4)]
        elif kind == "page wrong":
            row["page"] = [None, "", 7][self._rng.integers(3)]
        elif kind == "number wrong":
            self._put(row, ["itemInSession", "sessionId", "status"], ["many", True, [1]])
        elif kind == "text wrong":
            self._put(row, ["gender", "level", "method"], [1, False, {"is": "free"}])
        elif kind == "field missing":
            del row[["itemInSession", "level", "method", "status"][self._rng.integers(4)]]
        elif kind == "null":
            row["status"], row["song"] = None, row.get("song")
        elif kind == "mojibake":
            row |= {name: _broken(row[name]) for name in ("artist", "song", "location") if name in row}
        elif kind == "as float":
            row["ts"], row["status"] = float(row["ts"]), float(row["status"])
        elif kind == "id as number" and re.fullmatch("[0-9]+", row["userId"]):
            row["userId"] = int(row["userId"])
        return row

    def _put(self, row: dict[str, Any], names: list[str], values: list[Any]) -> None:
        """Give one column a value of a wrong type."""
        name = names[self._rng.integers(len(names))]
        row[name] = values[self._rng.integers(len(values))]
        self.coerced[name] += 1


def _day(line: bytes) -> int:
    """The day of a clean line, counted from 1970."""
    found = re.search(rb'"ts": ?([0-9]+)', line)
    return int(found[1]) // MS_DAY if found else 0


def _broken(text: str) -> str:
    """UTF-8 taken for Latin-1 and encoded once more, after an accent that makes it show."""
    return (text + "é").encode().decode("latin-1")
