"""Steps that are written aside, renamed when whole, and not done twice.

A step writes into an empty folder of its own. Only when it is done are its outputs renamed into the run
folder, and only then does a marker say so, with a key made of all that the outputs depend on. So a kill at
any moment leaves either the old state or the new one, and a marker with the right key means: finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from churn.errors import ChurnError, OutputError, writing
from churn.files import Files
from churn.memory import peak_memory, reset_peak_memory
from churn.sources import ASIDE, RUN_MARK

logger = logging.getLogger(__name__)

PRIVATE: Final = RUN_MARK
"""Folder inside a run folder: shows whose it is, and holds markers and work in progress."""

HERE: Final = Files()
"""A run that lies in its folder and nowhere else."""


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes:
        name: short; also names its marker.
        title: what people read beside the progress bar.
        outputs: names in the run folder that it makes.
        depends: everything that its outputs depend on beside earlier steps; plain JSON values.
        make: does the work: writes all outputs into the folder that it is given.
    """

    name: str
    title: str
    outputs: tuple[str, ...]
    depends: dict[str, Any]
    make: Callable[[Path], None]


@dataclass(frozen=True)
class Done:
    """How a step went: seconds of wall time, peak memory in bytes, and whether an earlier run had done it."""

    name: str
    seconds: float
    memory: int
    resumed: bool


class Watcher(Protocol):
    """Is told how a run goes; a progress bar, or nothing."""

    def started(self, step: Step) -> None:
        """A step begins."""
        ...

    def finished(self, step: Step, done: Done) -> None:
        """A step is done, or was done before."""
        ...


class Silence:
    """A watcher that says nothing."""

    def started(self, step: Step) -> None:
        """See `Watcher`."""

    def finished(self, step: Step, done: Done) -> None:
        """See `Watcher`."""


@contextmanager
def run_folder(out: Path) -> Iterator[None]:
    """Take possession of a run folder, for one process at a time.

    Raises:
        OutputError: if the folder is somebody else's, in use, or cannot be written.
    """
    private = out / PRIVATE
    with writing(out):
        if out.exists() and not private.exists() and any(out.iterdir()):
            raise OutputError(f"{out} holds files that no run of this program made", "choose an empty or a new folder")
        private.mkdir(parents=True, exist_ok=True)
        with (private / "lock").open("w") as lock:
            _lock(out, lock.fileno())
            yield


def _lock(out: Path, file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(f"{out} is in use by another run", "wait for it, or choose another --out") from error


def do_steps(
    out: Path, steps: Sequence[Step], watcher: Watcher, *, until: str | None = None, files: Files = HERE
) -> list[Done]:
    """Do what is not done yet, in order, up to the step called `until`; all by default.

    From the first step that is to be done on, the outputs of every step are removed, also of those that are
    not done this time: nothing stays that was made from something else.
    """
    keys = _keys(steps)
    first = next((i for i, step in enumerate(steps) if not _is_done(out, step, keys[i], files)), len(steps))
    files.remove(_aside(out))
    for step in reversed(steps[first:]):
        _forget(out, step, files)
    reports = []
    names = [step.name for step in steps]
    wanted = steps[: names.index(until) + 1] if until else steps
    for i, step in enumerate(wanted):
        if i < first:
            done = Done(**{**json.loads(_marker(out, step).read_text())["done"], "resumed": True})
        else:
            watcher.started(step)
            done = _do(out, step, keys[i], files)
        watcher.finished(step, done)
        reports.append(done)
    return reports


def steps_done(out: Path, steps: Sequence[Step]) -> list[Done]:
    """How the steps went that are done, as their markers say; for a step that reports on the others."""
    markers = [_marker(out, step) for step in steps]
    return [Done(**json.loads(marker.read_text())["done"]) for marker in markers if marker.exists()]


def _keys(steps: Sequence[Step]) -> list[str]:
    keys, before = [], ""
    for step in steps:
        text = json.dumps([before, step.name, step.outputs, step.depends], sort_keys=True)
        before = hashlib.sha256(text.encode()).hexdigest()
        keys.append(before)
    return keys


def _do(out: Path, step: Step, key: str, files: Files) -> Done:
    started = time.perf_counter()
    reset_peak_memory()
    aside = _aside(out) / step.name
    aside.mkdir(parents=True)
    try:
        step.make(aside)
    except BaseException as error:
        _clear(aside, files, error)  # a full disk would stay full
        raise
    for name in step.outputs:
        files.move(aside / name, out / name)
    files.remove(aside)
    for name in step.outputs:
        files.keep(out / name)
    done = Done(step.name, time.perf_counter() - started, peak_memory(), resumed=False)
    marker = _marker(out, step)
    marker.parent.mkdir(exist_ok=True)
    replace_text(marker, json.dumps({"key": key, "sizes": _sizes(out, step, files), "done": vars(done)}))
    files.keep(marker)
    logger.info("step %s done in %.2f s", step.name, done.seconds)
    return done


def _clear(aside: Path, files: Files, why: BaseException) -> None:
    try:
        files.remove(aside)
    except (ChurnError, OSError) as error:
        why.add_note(f"what was half done could not be removed: {error}")


def _is_done(out: Path, step: Step, key: str, files: Files) -> bool:
    marker = _marker(out, step)
    files.fetch(marker)
    if not marker.exists():
        return False
    try:
        found = json.loads(marker.read_text())
        return bool(found["key"] == key and _are_there(out, step, found["sizes"], files))
    except (ValueError, KeyError):
        return False  # cut short by a power failure, or written by another version


def _are_there(out: Path, step: Step, sizes: dict[str, list[int]], files: Files) -> bool:
    for name in step.outputs:
        files.fetch(out / name)
        if sizes[name][0] == 0:
            (out / name).mkdir(exist_ok=True)  # an empty folder says nothing, and S3 knows none
    return all((out / name).exists() for name in step.outputs) and sizes == _sizes(out, step, files)


def _sizes(out: Path, step: Step, files: Files) -> dict[str, list[int]]:
    """Number and bytes of the files of each output: what was damaged or removed since is done anew."""
    sizes = {}
    for name in step.outputs:
        path = out / name
        found = [files.size(file) for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
        sizes[name] = [len(found), sum(found)]
    return sizes


def _forget(out: Path, step: Step, files: Files) -> None:
    """Take back a step: first the marker, so that a kill in between leaves nothing that looks finished."""
    files.remove(_marker(out, step))
    for name in step.outputs:
        files.remove(out / name)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    HERE.remove(path)


def replace_text(path: Path, text: str) -> None:
    """Write a file so that at any moment it is either the old or the new one."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _aside(out: Path) -> Path:
    return out / ASIDE


def _marker(out: Path, step: Step) -> Path:
    return out / PRIVATE / "steps" / f"{step.name}.json"
