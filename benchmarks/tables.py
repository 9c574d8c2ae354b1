"""Reports as Markdown: one table a size, and how everything grows between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.figures import ON_SPARK, OURS, PYSPARK, Figure, Report


def size_page(report: Report) -> str:
    """The table of one size, with what it takes to read it."""
    log, rounds = report.log, f"{report.rounds} round{'' if report.rounds == 1 else 's'}"
    head = (
        f"`{report.command}`, {report.when}, {rounds}, `--memory {report.memory}`; log by {log.maker}: "
        f"{log.lines:,} lines, {log.bytes / 1e9:.2f} GB.  \n{report.machine.words()}; load before: {report.load}."
    )
    left_out = "".join(f"\n* Left out: {line}" for line in report.left_out)
    beside = [*spark_beside_spark(report.figures), *spark_traffic(report.figures)]
    return "\n".join([head, "", *figure_rows(report.figures), *beside, *([left_out] if left_out else [])]) + "\n"


def figure_rows(figures: Sequence[Figure]) -> list[str]:
    """Head and rows: every part, every contestant, and this program's cost as a multiple of each rival's."""
    rows = [
        "| what | who | wall s | CPU s | peak GB | a second | churn / it, wall | churn / it, CPU |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for figure in figures:
        wall, cpu = ratios(figure, figures)
        rate = f"{figure.count / figure.seconds:,.0f} {figure.unit}s" if figure.count else ""
        cells = [
            figure.part, figure.who, number(figure.seconds), number(figure.cpu_seconds), gigabytes(figure.peak), rate,
            multiple(wall), multiple(cpu),
        ]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def spark_beside_spark(figures: Sequence[Figure]) -> list[str]:
    """What this program's Spark engine costs as a multiple of the PySpark script, round by round on the same log."""
    found = {figure.who: figure for figure in figures if figure.who in (ON_SPARK, PYSPARK)}
    if len(found) < 2:
        return []
    ours, theirs = found[ON_SPARK], found[PYSPARK]
    cpu = ours.cpu_seconds / theirs.cpu_seconds if ours.cpu_seconds and theirs.cpu_seconds else None
    wall = multiple(ours.seconds / theirs.seconds)
    return ["", f"{ON_SPARK} / {PYSPARK}: {wall} of the wall time, {multiple(cpu)} of the processor time."]


def spark_traffic(figures: Sequence[Figure]) -> list[str]:
    """What Spark moved between its tasks, the most of all rounds."""
    lines = []
    for figure in figures:
        if figure.shuffled:
            shuffled, spilled = gigabytes(max(figure.shuffled)), gigabytes(max(figure.spilled))
            lines += ["", f"{figure.part}: {shuffled} GB shuffled, {spilled} GB spilled."]
    return lines


def ratios(figure: Figure, figures: Sequence[Figure]) -> tuple[float | None, float | None]:
    """This program's wall and processor time over a rival's for the same part; nothing for its own rows."""
    ours = next((f for f in figures if f.part == figure.part and f.who == OURS), None)
    if ours is None or figure.who == OURS:
        return None, None
    cpu = ours.cpu_seconds / figure.cpu_seconds if ours.cpu_seconds and figure.cpu_seconds else None
    return ours.seconds / figure.seconds, cpu


def growth_page(reports: Sequence[Report]) -> str:
    """How wall time and peak memory grow; reports that do not go with the largest are left out.

    Args:
        reports: the smallest size first.
    """
    together = [report for report in reports if report.comparable(reports[-1])]
    if len(together) < 2:
        return "Growth is known once two sizes were measured on the same machine with the same program.\n"
    heads = [f"{report.size}: {report.log.lines:,} lines" for report in together]
    heads[1:] = [
        f"{head}, {larger.log.lines / smaller.log.lines:.1f}x"
        for head, smaller, larger in zip(heads[1:], together, together[1:], strict=False)
    ]
    rows = [f"| what | who | {' | '.join(heads)} |", f"|---|---|{'---:|' * len(heads)}"]
    for key in _keys(together):
        found = [_find(report, key) for report in together]
        rows.append(f"| {' | '.join([*key, *_growth_cells(found)])} |")
    return "\n".join(rows) + "\n"


def _keys(reports: Sequence[Report]) -> list[tuple[str, str]]:
    """Parts and contestants that occur at two sizes or more, in the order of the first table that has them."""
    every = [(figure.part, figure.who) for report in reports for figure in report.figures]
    return [key for key in dict.fromkeys(every) if every.count(key) > 1]


def _find(report: Report, key: tuple[str, str]) -> Figure | None:
    return next((figure for figure in report.figures if (figure.part, figure.who) == key), None)


def _growth_cells(found: Sequence[Figure | None]) -> list[str]:
    """Seconds and memory, and by how much the seconds grew since the size before."""
    cells = []
    for before, here in zip([None, *found], found, strict=False):
        if here is None:
            cells.append("")
            continue
        grown = f" ({multiple(here.seconds / before.seconds)}x)" if before else ""
        memory = f", {gigabytes(here.peak)} GB" if here.peak is not None else ""
        cells.append(f"{number(here.seconds)} s{grown}{memory}")
    return cells


def number(value: float | None) -> str:
    """Three digits that count, no exponent; empty for nothing.

    >>> [number(value) for value in (123.4, 12.04, 1.234, 0.1234, 0.0000512, 1234.5, 0.0, None)]
    ['123', '12.0', '1.23', '0.123', '0.0000512', '1,234', '0', '']
    """
    if not value:
        return "" if value is None else "0"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def gigabytes(value: int | None) -> str:
    """Bytes as GB; empty for nothing."""
    return "" if value is None else f"{value / 1e9:.2f}"


def multiple(value: float | None) -> str:
    """Two decimals below ten, one above; empty for nothing."""
    return "" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"
