"""A place in S3 as a folder or file on this machine, for as long as a block runs; a place here is itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from churn.errors import OutputError, SourceError
from churn.s3.client import S3, S3Object, together
from churn.s3.folder import TABLES, files_in
from churn.s3.stage import download
from churn.s3.url import S3Url, is_s3
from churn.sources import ASIDE


@contextmanager
def folder_here(place: Path | str, *, back: Sequence[str] = ()) -> Iterator[Path]:
    """A folder with what lies at a place, but the tables of a run; what the block makes under `back` goes there.

    Raises:
        SourceError: if there is nothing.
        OutputError: if the place cannot be written to.
    """
    if not is_s3(place):
        yield Path(place)
        return
    s3, url = S3(), S3Url.of(str(place))
    tables = tuple(f"{url.below}{name}/" for name in (*TABLES, ASIDE))
    found = [thing for thing in s3.objects(url, url.below) if not thing.url.key.startswith(tables)]
    if not found:
        raise SourceError(f"{url}: there is no such folder", "check the address")
    with tempfile.TemporaryDirectory(prefix="churn-") as temporary:
        folder = Path(temporary) / (url.name or url.bucket)
        download(s3, [(thing, _path(folder, url, thing)) for thing in found if not thing.url.key.endswith("/")])
        yield folder
        made = [path for name in back for path in files_in(folder / name)]
        together(lambda path: s3.upload(path, url / path.relative_to(folder).as_posix()), made)


@contextmanager
def file_here(place: Path | str) -> Iterator[Path]:
    """A file to write; once the block is through, it goes to its place, with what was written beside it."""
    if not is_s3(place):
        yield Path(place)
        return
    s3, url = S3(), S3Url.of(str(place))
    with tempfile.TemporaryDirectory(prefix="churn-") as temporary:
        yield Path(temporary, url.name)
        parent = S3Url(url.bucket, url.key.rpartition("/")[0])
        together(lambda path: s3.upload(path, parent / path.name), files_in(Path(temporary)))


def remove_there(place: str) -> None:
    """Remove all that lies below a place in S3.

    Raises:
        OutputError: if that is not allowed.
    """
    s3, url = S3(), S3Url.of(place)
    s3.delete([thing.url for thing in s3.objects(url, url.below, OutputError)])


def _path(folder: Path, url: S3Url, thing: S3Object) -> Path:
    path = folder / thing.url.key.removeprefix(url.below)
    if ".." in path.parts:
        raise SourceError(f"{thing.url}: a name that leads out of its folder", "remove this object")
    return path
