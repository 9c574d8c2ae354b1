"""A run folder that is kept in S3; the folder on this machine is for the time of the run only.

What a step made is uploaded when it is done, and its marker after it, so a marker in S3 means: finished. A cluster
writes its tables into S3 itself. Here they are pointers then: one small file for each object, at the same path below
the folder, so that looking for, moving and removing them is the same as with the files themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from churn.errors import OutputError
from churn.files import Files
from churn.s3.client import S3, S3Object, together
from churn.s3.stage import download
from churn.s3.url import S3Url
from churn.sources import ASIDE, RUN_MARK, STAGED

TABLES: Final = ("events", "nobody", "rollups", "snapshots")
"""Folders of a run that hold tables of an engine."""

_POINTER: Final = b"in S3, bytes: "
_MARK: Final = "mark"
_SPREAD: Final = "spread"
_LITTER: Final = ("_SUCCESS", "_$folder$")
"""Endings of objects that Hadoop leaves behind."""


class S3Files(Files):
    """See `churn.files.Files`."""

    def __init__(self, url: str, folder: Path, *, pointing: bool) -> None:
        """Take a place in S3.

        Args:
            url: where the run is kept.
            folder: the folder of the run on this machine.
            pointing: tables are written and read in S3 by a cluster.
        """
        self._s3 = S3()
        self._url, self._folder, self._pointing = S3Url.of(url), folder, pointing

    def begin(self) -> None:
        """Take possession: nothing of an earlier try stays here, as what counts is in S3.

        Raises:
            OutputError: if the place is somebody else's, or may not be written to.
        """
        mark = self._url / RUN_MARK
        if any(self._s3.objects(self._url, self._url.below, OutputError)) and not any(
            self._s3.objects(self._url, mark.below, OutputError)
        ):
            raise OutputError(f"{self._url} holds objects that no run of this program made", "choose another --out")
        self._s3.put(mark / _MARK)
        for path in self._folder.iterdir():
            if path.name != RUN_MARK:
                Files.remove(self, path)
        for path in (self._folder / RUN_MARK).iterdir():
            if path.name not in ("lock", Path(STAGED).name):
                Files.remove(self, path)

    def end(self) -> None:
        """Leave nothing here but copies of a log that another try would need again."""
        for path in self._folder.iterdir():
            if path.name != RUN_MARK or not (self._folder / STAGED).exists():
                Files.remove(self, path)
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def fetch(self, path: Path) -> None:
        """See `Files.fetch`; the tables of a cluster as pointers."""
        found = [(thing, self._path(thing.url)) for thing in self._objects(path)]
        if self._is_table(path):
            for thing, place in found:
                _point(thing, place)
        else:
            download(self._s3, found)

    def keep(self, path: Path) -> None:
        """See `Files.keep`; pointers show what is in S3 already."""
        files = [file for file in files_in(path) if not self._is_table(file)]
        together(lambda file: self._s3.upload(file, self._at(file)), files)

    def move(self, old: Path, new: Path) -> None:
        """See `Files.move`; objects are copied inside S3 and then removed, which has no other way."""
        pointers = [file for file in files_in(old) if _pointed_at(file) is not None]
        moved = [(self._at(file), self._at(new / file.relative_to(old))) for file in pointers]
        together(lambda pair: self._s3.copy(*pair), moved)
        self._s3.delete([before for before, _ in moved])
        super().move(old, new)

    def remove(self, path: Path) -> None:
        """See `Files.remove`; what is under work is in S3 only if a cluster wrote it."""
        if self._pointing or self._aside not in path.parents:
            self._s3.delete([thing.url for thing in self._objects(path)])
        if self._pointing and path.parent == self._aside:
            self._s3.delete([thing.url for thing in self._objects(self._aside / _SPREAD)])
        super().remove(path)

    def size(self, path: Path) -> int:
        """See `Files.size`; of a pointer that of its object."""
        found = _pointed_at(path)
        return super().size(path) if found is None else found

    def table(self, folder: Path) -> str | None:
        """See `Files.table`."""
        at = self._at(folder)
        return f"{at.bucket}/{at.key}" if self._pointing else None

    def written(self, folder: Path) -> None:
        """See `Files.written`: pointers to its objects; what Hadoop has left beside them is removed."""
        folder.mkdir(parents=True)
        litter = []
        for thing in self._objects(folder):
            if thing.url.key.endswith((*_LITTER, "/")) or "/_temporary/" in thing.url.key:
                litter.append(thing.url)
            else:
                _point(thing, self._path(thing.url))
        self._s3.delete(litter)

    def spread(self, copy: Path, name: str) -> str | None:
        """See `Files.spread`."""
        at = self._at(self._aside / _SPREAD / name)
        self._s3.upload(copy, at)
        return f"{at.bucket}/{at.key}"

    @property
    def _aside(self) -> Path:
        return self._folder / ASIDE

    def _objects(self, path: Path) -> Iterator[S3Object]:
        at = self._at(path)
        for thing in self._s3.objects(self._url, at.key, OutputError):
            if thing.url.key == at.key or thing.url.key.startswith(at.below):
                yield thing

    def _at(self, path: Path) -> S3Url:
        return self._url / path.relative_to(self._folder).as_posix()

    def _path(self, url: S3Url) -> Path:
        return self._folder / url.key.removeprefix(self._url.below)

    def _is_table(self, path: Path) -> bool:
        return self._pointing and path.relative_to(self._folder).parts[0] in TABLES


def _point(thing: S3Object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_POINTER + str(thing.size).encode())


def _pointed_at(path: Path) -> int | None:
    """Bytes of the object that a pointer stands for; None for any other file."""
    if path.suffix != ".parquet":
        return None
    with path.open("rb") as file:
        start = file.read(len(_POINTER) + 20)
    return int(start.removeprefix(_POINTER)) if start.startswith(_POINTER) else None


def files_in(path: Path) -> list[Path]:
    """The files of a folder, at any depth; of a file itself."""
    return [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
