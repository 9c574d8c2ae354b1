"""Copies of objects on this machine, for an engine that reads files: in ranges, gone on with after a kill."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from churn.errors import OutputError, writing
from churn.s3.client import S3, S3Object, together
from churn.s3.find import object_of
from churn.s3.url import S3Url
from churn.sources import Source

RANGE: Final = 16 * 2**20
"""Bytes of one request."""


@dataclass(frozen=True)
class _Copy:
    """One copy under way; beside `target` a file with its bytes so far, and one with the numbers of its ranges."""

    thing: S3Object
    target: Path

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def finished(self) -> Path:
        return self.target.with_name(f"{self.target.name}.ranges")

    def is_whole(self) -> bool:
        return self.target.exists() and self.target.stat().st_size == self.thing.size

    def begin(self) -> list[int]:
        """Make room; the ranges that are still missing."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        done = set(self.finished.read_text().split()) if self.finished.exists() and self.part.exists() else set()
        if not done:
            self.finished.write_text("")
        with self.part.open("ab") as file:
            file.truncate(self.thing.size)
        return [i for i in range(-(-self.thing.size // RANGE)) if str(i) not in done]

    def write(self, i: int, content: bytes) -> None:
        """One range; only when it is on the disk is its number written down."""
        file = os.open(self.part, os.O_WRONLY)
        try:
            os.pwrite(file, content, i * RANGE)
            os.fdatasync(file)
        finally:
            os.close(file)
        with self.finished.open("a") as numbers:
            numbers.write(f"{i} ")

    def end(self) -> None:
        self.part.replace(self.target)
        self.finished.unlink()


def stage(sources: Sequence[Source], folder: Path) -> list[Source]:
    """Copy sources that lie in S3 into a folder; what an earlier try has copied of the same versions is kept.

    Raises:
        OutputError: if the disk is too small; nothing is copied then.
        SourceError: if an object is gone or was changed, or S3 does not answer.
    """
    copies = [_Copy(object_of(source), _place(folder, source)) for source in sources]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        missing = [copy for copy in copies if not copy.is_whole()]
        _check_room(missing, folder)
        s3 = S3()

        def fetch(task: tuple[_Copy, int]) -> None:
            copy, i = task
            copy.write(i, s3.read(copy.thing, i * RANGE, min(RANGE, copy.thing.size - i * RANGE)))

        together(fetch, [(copy, i) for copy in missing for i in copy.begin()])
        for copy in missing:
            copy.end()
    return [replace(source, path=copy.target, here=True) for source, copy in zip(sources, copies, strict=True)]


def download(s3: S3, objects: Iterable[tuple[S3Object, Path]]) -> None:
    """Small objects to files."""

    def fetch(task: tuple[S3Object, Path]) -> None:
        thing, path = task
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for start in range(0, thing.size, RANGE):
                    file.write(s3.read(thing, start, min(RANGE, thing.size - start)))

    together(fetch, objects)


def _place(folder: Path, source: Source) -> Path:
    """A folder for each version of each object, so that the file can keep its name and ending."""
    name = hashlib.sha256(f"{source.url} {source.etag} {source.size}".encode()).hexdigest()[:32]
    return folder / name / S3Url.of(source.url).name


def _check_room(copies: Sequence[_Copy], folder: Path) -> None:
    there = sum(copy.part.stat().st_blocks * 512 for copy in copies if copy.part.exists())
    needed, free = sum(copy.thing.size for copy in copies) - there, shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"{folder}: the log needs {needed / 1e9:.1f} GB here, and {free / 1e9:.1f} GB are free",
            "free some space, choose an --out on a larger disk (TMPDIR if it is in S3), or use --engine spark",
        )
