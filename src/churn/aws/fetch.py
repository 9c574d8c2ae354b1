"""The result of a run brought to this machine: checked by size and checksum, resumed where it was cut off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from churn.aws import checksums, objects
from churn.aws.client import Clients, translated
from churn.aws.places import Place
from churn.errors import CloudError, OutputError, UnavailableError, writing
from churn.sources import RUN_MARK

RESULTS: Final = (
    "metrics/",
    "statistics/",
    "figures/",
    "bundle/",
    "report.html",
    "risk.csv",
    "app.sqlite",
    "ingest.json",
    "run.json",
)
"""What is fetched; tables of events and snapshots stay where they are."""

MARK: Final = f"{RUN_MARK}/fetched"
"""Shows whose the folder is; holds the address that it was filled from."""

TRIES: Final = 6
CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """One file: its name, bytes, how it was checked, and whether it was here already."""

    name: str
    size: int
    checked: str
    already: bool


def fetch(
    clients: Clients, out: Place, to: Path, told: Callable[[Fetched], None], *, everything: bool = False
) -> list[Fetched]:
    """Bring the results of a run into a folder.

    Args:
        clients: of the run's region.
        out: the run's output folder.
        to: the folder here; new, empty, or filled from the same run before.
        told: is told of each file when it is here.
        everything: also bring the tables.

    Raises:
        OutputError: if there is nothing to fetch, or the folder is somebody else's or cannot be written.
        CloudError: if a file differs from its object after all.
        UnavailableError: if the connection is lost for good; the same command goes on.
    """
    names = _names(clients, out, everything)
    _take(to, out)
    done = []
    for name, size in names.items():
        with writing(to, "choose another --to"):
            done.append(_fetched(clients.s3, out / name, name, size, to))
        told(done[-1])
    return done


def _names(clients: Clients, out: Place, everything: bool) -> dict[str, int]:
    found = {}
    for key, size in objects.listing(clients.s3, out):
        name = key.removeprefix(out.key)
        wanted = everything and not name.startswith(f"{RUN_MARK}/")
        if (wanted or name.startswith(RESULTS)) and not name.endswith("/"):
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise OutputError(f"{out}: holds an object called {name!r}", "no run made it; remove it")
            found[name] = size
    if not found:
        raise OutputError(f"{out}: holds no results yet", "look with: churn emr status")
    return found


def _take(to: Path, out: Place) -> None:
    """Make the folder ours."""
    with writing(to, "choose another --to"):
        mark = to / MARK
        if to.exists() and any(to.iterdir()):
            if not mark.is_file():
                raise OutputError(f"--to {to}: is not empty, and was not filled by this command", "choose another")
            if mark.read_text(encoding="utf-8") != str(out):
                raise OutputError(
                    f"--to {to}: holds another run ({mark.read_text(encoding='utf-8')})", "choose another"
                )
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(str(out), encoding="utf-8")


def _fetched(s3: Any, place: Place, name: str, size: int, to: Path) -> Fetched:
    with translated(str(place)):
        head = s3.head_object(Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED")
    kind, target = checksums.kind_of(head), to / name
    part_size = _part_size(s3, place) if kind == "md5 of parts" else None
    if target.is_file() and checksums.same(target, head, part_size):
        return Fetched(name, size, kind, already=True)
    part = to / RUN_MARK / "parts" / hashlib.sha256(f"{name} {head['ETag']}".encode()).hexdigest()
    part.parent.mkdir(parents=True, exist_ok=True)
    _download(s3, place, head, part)
    if not checksums.same(part, head, part_size):
        part.unlink()
        raise CloudError(f"{place}: what arrived differs from what lies there, by {kind}", "run the same command again")
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    return Fetched(name, size, kind, already=False)


def _part_size(s3: Any, place: Place) -> int:
    with translated(str(place)):
        return int(s3.head_object(Bucket=place.bucket, Key=place.key, PartNumber=1)["ContentLength"])


def _download(s3: Any, place: Place, head: dict[str, Any], part: Path) -> None:
    """Fill a file from where it ends; a cut connection is taken up again a few times."""
    for attempt in range(TRIES):
        try:
            with translated(str(place)):
                _go_on(s3, place, head, part)
        except UnavailableError:
            if attempt == TRIES - 1:
                raise
        if part.stat().st_size >= head["ContentLength"]:
            return
        time.sleep(min(2**attempt / 4, 4))
    raise UnavailableError(f"{place}: the connection was cut {TRIES} times", "run the same command again: it goes on")


def _go_on(s3: Any, place: Place, head: dict[str, Any], part: Path) -> None:
    part.touch()
    have = part.stat().st_size
    if have > head["ContentLength"]:
        part.write_bytes(b"")
        have = 0
    if have == head["ContentLength"]:
        return
    rest = {"Range": f"bytes={have}-"} if have else {}
    found = s3.get_object(Bucket=place.bucket, Key=place.key, IfMatch=head["ETag"], **rest)
    with part.open("ab") as file:
        for chunk in found["Body"].iter_chunks(CHUNK):
            file.write(chunk)
