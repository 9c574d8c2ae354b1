"""Reports made by hand."""

from __future__ import annotations

from benchmarks.figures import Figure, Log, Report
from benchmarks.machine import Machine

MACHINE = Machine("Linux x86_64", "A Processor", 2, 24, "3.11.7", "17.0.15", {"duckdb": "2.0.0"})


def report(size: str, lines: int, *figures: Figure, machine: Machine = MACHINE, program: str = "abc") -> Report:
    """One at a size."""
    return Report(
        size=size,
        when="2026-11-21T10:00+00:00",
        command=f"make bench SIZE={size} ROUNDS=3",
        rounds=3,
        memory="6GB",
        load=0.4,
        machine=machine,
        program=program,
        log=Log("churn simulate", lines, lines * 450),
        figures=figures,
        left_out=("PySpark by hand: no Java on this machine.",),
    )
