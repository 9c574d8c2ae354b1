"""Who takes part in ingest + rollups: this program and scripts by hand, each in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import ON_SPARK, OURS, PYSPARK
from benchmarks.machine import JAVA_NEEDED, java_is_enough, java_version, version_of

INGEST: Final = "ingest + rollups"
"""The part that rivals do, too."""

BUFFERS: Final = 0.55
"""Share of the memory that DuckDB gets as its limit, which it may exceed; this program gives it as much."""

HEAP: Final = 0.75
"""Share of the memory that Spark's Java heap gets; the rest is what a Java machine needs beside it."""

MOST_HEAP: Final = 4_000_000_000
"""Bytes of it at most, however much memory there is: what a driver of this job may take."""

Command = Callable[[Path, Path, int], list[str]]


@dataclass(frozen=True)
class Contestant:
    """One that reads a log and writes account, events and rollups.

    Attributes:
        who: its name in the tables.
        command: from log, output folder and memory in bytes.
        missing: why it cannot take part on this machine, empty if it can.
    """

    who: str
    command: Command
    missing: Callable[[], str] = lambda: ""


def _ours(log: Path, out: Path, memory: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.first_steps", str(log), str(out), str(memory)]


def _ours_on_spark(log: Path, out: Path, memory: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.first_steps", str(log), str(out), str(memory), heap_of(memory)]


def heap_of(memory: int) -> str:
    """The Java heap of everything on Spark here, ours and others', as Spark takes it."""
    return f"{min(int(memory * HEAP), MOST_HEAP) // 2**20}m"


def _duckdb(log: Path, out: Path, memory: int) -> list[str]:
    limit = f"{int(memory * BUFFERS) // 10**6}MB"
    return [sys.executable, "-m", "benchmarks.rival_duckdb", str(log), str(out), limit]


def _polars(log: Path, out: Path, memory: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.rival_polars", str(log), str(out)]


def _pyspark(log: Path, out: Path, memory: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.rival_pyspark", str(log), str(out), heap_of(memory)]


def polars_missing() -> str:
    """Why Polars cannot take part."""
    return "" if version_of("polars") else "not installed; `make bench` installs it"


def pyspark_missing() -> str:
    """Why PySpark cannot take part."""
    if not version_of("pyspark"):
        return "not installed; `make bench` installs it"
    if not java_is_enough(java_version()):
        found = f"only Java {java_version()}" if java_version() else "no Java"
        return f"{found} on this machine; it needs Java {JAVA_NEEDED} or later"
    return ""


ALL: Final = (
    Contestant(OURS, _ours),
    Contestant("DuckDB by hand", _duckdb),
    Contestant("Polars by hand", _polars, polars_missing),
    Contestant(ON_SPARK, _ours_on_spark, pyspark_missing),
    Contestant(PYSPARK, _pyspark, pyspark_missing),
)
"""This program first, since the others are compared with what it wrote."""


def present() -> tuple[list[Contestant], list[str]]:
    """Those that can take part, and a line about each that cannot."""
    taking_part = [c for c in ALL if not c.missing()]
    return taking_part, [f"{c.who}: {c.missing()}." for c in ALL if c.missing()]
