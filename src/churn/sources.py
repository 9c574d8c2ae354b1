"""Which files a log is made of, and what kind of file each is, by its first bytes."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from churn.errors import SourceError
from churn.s3.url import is_s3

SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".parquet")
PACKINGS: Final = ("", ".gz", ".bz2", ".zst")
ENDINGS: Final = (*(s + p for s in SUFFIXES[:3] for p in PACKINGS), ".parquet")
"""Endings of the files that a folder is searched for."""

MAX_LINE: Final = 10_000_000
"""Longest line in bytes, without its newline; a longer one is refused."""

RUN_MARK: Final = ".churn"
"""Folder inside every folder that this program writes; what lies beside it is a result, not a log."""

ASIDE: Final = f"{RUN_MARK}/aside"
"""Folder inside a run folder for what a step is making, until it is whole."""

STAGED: Final = f"{RUN_MARK}/staged"
"""Folder inside a run folder for copies of a log in S3, until they are read; a later try goes on with them."""

Packing = Literal["none", "gzip", "zstd", "bz2"]
Kind = Literal["json", "parquet"]

_MAGIC: Final[tuple[tuple[bytes, Packing], ...]] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bz2"),
)
HEAD: Final = 4096
"""Bytes by which a file is known."""


@dataclass(frozen=True)
class Source:
    """One file of a log.

    Attributes:
        path: where it is.
        size: in bytes, as stored.
        modified: time of the last change, ns since 1970.
        kind: JSON lines or Parquet.
        packing: how it is compressed (`none` for Parquet, which compresses inside).
        url: where it lies, if that is S3; `path` is then a copy, or only its name.
        etag: S3's mark of this version of it.
        here: whether `path` can be read.
    """

    path: Path
    size: int
    modified: int
    kind: Kind = "json"
    packing: Packing = "none"
    url: str = ""
    etag: str = ""
    here: bool = True

    @property
    def address(self) -> str:
        """Where people find it."""
        return self.url or str(self.path)


def find_sources(logs: Iterable[str | os.PathLike[str]]) -> tuple[Source, ...]:
    """The files behind paths, folders and globs, on disk and in S3, sorted by path, each once.

    Raises:
        SourceError: for a path that does not exist, a folder without a log, a file that cannot be read,
            is no log, or if all files are empty.
    """
    names = [os.fspath(log) for log in logs]
    paths = sorted({path.resolve(): path for log in names if not is_s3(log) for path in _expand(log)}.values())
    sources = (*(_look(path) for path in paths), *_in_s3([log for log in names if is_s3(log)]))
    if all(source.size == 0 for source in sources):
        shown = ", ".join(source.address for source in sources[:3]) or "nothing"
        raise SourceError(f"the log is empty: {shown}", "give a file with one JSON object a line")
    return sources


def _in_s3(logs: list[str]) -> list[Source]:
    if not logs:
        return []
    from churn.s3.find import find_objects  # only there is boto3 needed

    return find_objects(logs)


def _expand(log: str) -> list[Path]:
    if not log.strip():
        raise SourceError("the name of the log is empty", "name a file, a folder or a glob")
    path = Path(log)
    if path.is_dir():
        found = [p for p in sorted(path.rglob("*")) if p.is_file() and _is_log(p, path)]
        ours = [mark.parent for mark in path.rglob(RUN_MARK)]
        found = [p for p in found if not any(run in p.parents for run in ours)]
        if not found:
            raise SourceError(f"{log}: no log in this folder", f"files are found by their ending: {', '.join(ENDINGS)}")
        return found
    if path.exists():
        return [path]
    found = [Path(name) for name in sorted(glob.glob(log, recursive=True)) if Path(name).is_file()]
    if not found:
        raise SourceError(f"{log}: no such file or folder", "check the path; a glob must match at least one file")
    return found


def _is_log(path: Path, root: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.relative_to(root).parts)
    return not hidden and path.name.lower().endswith(ENDINGS)


def _look(path: Path) -> Source:
    try:
        status = path.stat()
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})", "check the path and its permissions") from error
    return known_by_head(Source(path, status.st_size, status.st_mtime_ns), head)


def known_by_head(source: Source, head: bytes) -> Source:
    """What a file is, by its first bytes.

    Raises:
        SourceError: if it is no log.
    """
    if head.startswith(b"PAR1"):
        return replace(source, kind="parquet")
    for magic, packing in _MAGIC:
        if head.startswith(magic):
            return replace(source, packing=packing)
    _refuse_binary(source.address, head)
    return source


def _refuse_binary(path: str, head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{path}: is UTF-16", "convert it to UTF-8")
    if head.startswith(b"PK\x03\x04"):
        raise SourceError(f"{path}: is a ZIP archive", "unpack it, or pack it as .gz, .bz2 or .zst")
    if b"\0" in head:
        raise SourceError(f"{path}: is a binary file", "give JSON lines (plain, .gz, .bz2, .zst) or Parquet")
