"""The account of an ingest: what became of every line of every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from churn.events import REFUSED, STATUSES


@dataclass(frozen=True)
class FileAccount:
    """What became of the lines of one file.

    Attributes:
        path: the file as it was given.
        counts: number of lines by status (see `churn.events.STATUSES`) and `duplicate`.
    """

    path: str
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """All lines of the file."""
        return sum(self.counts.values())

    @property
    def refused(self) -> int:
        """Lines that went to `quarantine/`."""
        return sum(self.counts.get(reason, 0) for reason in REFUSED)


@dataclass(frozen=True)
class Account:
    """The sum over all files; lines = blank + kept + nobody + duplicate + quarantined.

    Attributes:
        files: one entry a file, in order.
        coerced: by column, values of a wrong type that became null, on lines that were not refused.
        first_ts: time of the first kept event, ms; 0 without one.
        last_ts: time of the last kept event, ms; 0 without one.
        fingerprint: of what was kept: the same for the same events, however files and rows are arranged.
    """

    files: Sequence[FileAccount]
    coerced: Mapping[str, int] = field(default_factory=dict)
    first_ts: int = 0
    last_ts: int = 0
    fingerprint: str = ""

    def count(self, status: str) -> int:
        """Lines with this status, over all files."""
        return sum(file.counts.get(status, 0) for file in self.files)

    @property
    def lines(self) -> int:
        """All lines."""
        return sum(file.lines for file in self.files)

    @property
    def refused(self) -> int:
        """Lines that went to `quarantine/`."""
        return sum(file.refused for file in self.files)

    def to_json(self) -> str:
        """The content of `ingest.json`."""
        return json.dumps(
            {
                "lines": self.lines,
                **{status: self.count(status) for status in ("blank", "kept", "nobody", "duplicate")},
                "quarantined": {"total": self.refused, **{reason: self.count(reason) for reason in REFUSED}},
                "coerced": dict(self.coerced),
                "first_ts": self.first_ts,
                "last_ts": self.last_ts,
                "fingerprint": self.fingerprint,
                "files": [{"path": f.path, "lines": f.lines, **_full(f.counts)} for f in self.files],
            },
            indent=2,
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Account:
        """Read `ingest.json`."""
        found: dict[str, Any] = json.loads(text)
        statuses = (*STATUSES, "duplicate")
        files = [FileAccount(f["path"], {s: f[s] for s in statuses}) for f in found["files"]]
        return cls(files, found["coerced"], found["first_ts"], found["last_ts"], found["fingerprint"])


def _full(counts: Mapping[str, int]) -> dict[str, int]:
    return {status: counts.get(status, 0) for status in (*STATUSES, "duplicate")}


def fingerprint(days: Sequence[Mapping[str, object]]) -> str:
    """A SHA-256 over per-day counts and sums, which do not depend on the order of rows."""
    return hashlib.sha256(json.dumps(list(days), sort_keys=True, default=str).encode()).hexdigest()
