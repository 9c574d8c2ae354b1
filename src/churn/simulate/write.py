"""A simulated log to a file, or to standard output."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow.parquet as pq

from churn.cores import usable_cores
from churn.errors import OutputError, SettingsError, writing
from churn.simulate.dirt import Dirt
from churn.simulate.lines import PARQUET_SCHEMA, Tables, Writer
from churn.simulate.log import Events, Progress, Simulation, events
from churn.simulate.truth import truth
from churn.simulate.walk import Rows

FORMATS: Final = ("json", "json.gz", "parquet")

FILE_REMEDY: Final = "choose another file"

WALKING: Final = 0.6
"""About the share of the time that passes before the first line is written."""


def simulate(
    target: Path | None,
    simulation: Simulation,
    *,
    form: str = "json",
    dirty: bool = False,
    truth_file: Path | None = None,
    processes: int | None = None,
    progress: Progress = lambda _: None,
) -> int:
    """Write a simulated log.

    Args:
        target: the file; None for standard output.
        simulation: what to simulate.
        form: one of `FORMATS`.
        dirty: spoil some lines, and say in `FILE.dirt.json` what an ingest must find.
        truth_file: gets each user's group and true probability of cancelling (see `churn.simulate.truth`).
        processes: how many to use; all cores by default. The log is the same for any number.
        progress: is told the share that is done, from 0 to 1.

    Returns:
        The number of events; of a dirty log, of those before it was spoilt.

    Raises:
        SettingsError: for options that do not go together, and outputs that are one file.
        OutputError: if a file cannot be written.
    """
    if form not in FORMATS:
        raise SettingsError(f"no format is called {form}", f"choose from: {', '.join(FORMATS)}")
    if dirty and (form == "parquet" or target is None):
        raise SettingsError("only a file of lines can be dirty", "choose --format json and a file")
    if target is None and form == "parquet":
        raise SettingsError("Parquet cannot go to standard output", "choose --format json, or a file")
    _check_apart([target, _beside(target) if target and dirty else None, truth_file])
    with ExitStack() as files:
        out = files.enter_context(_aside(target)) if target else sys.stdout.buffer
        truth_out = files.enter_context(_aside(truth_file)) if truth_file else None
        used = processes or usable_cores()
        who, songs = simulation.people(), simulation.catalogue()
        found = events(simulation, who, songs, used, lambda share: progress(share * WALKING))
        if truth_out:
            pq.write_table(truth(simulation, who, found), truth_out)
        told = _told(found, progress)
        if form == "parquet":
            _write_parquet(out, Tables.of(who, songs, found, simulation.start), told)
        else:
            writer = Writer.of(who, songs, found, simulation.start)
            dirt = Dirt(simulation.seed) if dirty else None
            _write_lines(out, writer.lines, told, used, packed=form == "json.gz", dirt=dirt)
            if dirt and target:
                with writing(target.parent, FILE_REMEDY):
                    _beside(target).write_text(json.dumps(dirt.account(), indent=2), encoding="utf-8")
    return len(found)


def _check_apart(outputs: Sequence[Path | None]) -> None:
    """Refuse two outputs in one file, the names of unfinished ones included.

    Raises:
        SettingsError: with the file.
    """
    taken: set[Path] = set()
    for output in outputs:
        if output is None:
            continue
        places = {place.resolve() for place in (output, _unfinished(output))}
        if taken & places:
            raise SettingsError(f"two outputs would be written to {output}", "name another file for one of them")
        taken |= places


def _unfinished(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _beside(target: Path) -> Path:
    return target.with_name(target.name + ".dirt.json")


@contextmanager
def _aside(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name only when it is whole."""
    if target.is_dir():
        raise OutputError(f"{target} is a folder", "name a file")
    aside = _unfinished(target)
    with writing(target.parent, FILE_REMEDY):
        try:
            with aside.open("wb", buffering=1 << 22) as file:
                yield file
            aside.rename(target)
        finally:
            aside.unlink(missing_ok=True)


def _told(found: Events, progress: Progress) -> Iterator[Rows]:
    done = 0
    for rows in found.slices():
        yield rows
        done += len(rows)
        progress(WALKING + (1 - WALKING) * done / len(found))


def _write_parquet(out: BinaryIO, tables: Tables, slices: Iterator[Rows]) -> None:
    with pq.ParquetWriter(out, PARQUET_SCHEMA) as writer:
        for rows in slices:
            writer.write_table(tables.table(rows))


def _write_lines(
    out: BinaryIO,
    lines: Callable[[Rows], bytes],
    slices: Iterator[Rows],
    threads: int,
    *,
    packed: bool,
    dirt: Dirt | None,
) -> None:
    """Lines are made, and packed, by several threads, and written in order."""

    def made(rows: Rows) -> bytes:
        found = lines(rows)
        return _packed(found) if packed and dirt is None else found

    def put(found: bytes, *, last: bool = False) -> None:
        if dirt is not None:
            found = dirt.pass_on(found, last=last)
            found = _packed(found) if packed else found
        out.write(found)

    with ThreadPoolExecutor(threads) as pool:
        waiting = []
        for rows in slices:
            waiting.append(pool.submit(made, rows))
            if len(waiting) > 2 * threads:
                put(waiting.pop(0).result())
        for job in waiting:
            put(job.result())
    if dirt is not None:
        put(b"", last=True)


def _packed(lines: bytes) -> bytes:
    """A gzip member without time and name; members one after the other are one file."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(lines) + packer.flush()
