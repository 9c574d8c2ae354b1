from __future__ import annotations

import doctest
from dataclasses import replace

import pytest

from benchmarks import machine, tables
from benchmarks.figures import Figure
from benchmarks.tables import growth_page, number, ratios, size_page
from tests.benchmarks.reports import MACHINE, report

OURS = Figure("ingest", "churn", (3.0,), (4.0,), (2_000_000_000,), 600, "line")
RIVAL = Figure("ingest", "DuckDB", (2.0,), (1.0,), (1_000_000_000,), 600, "line")
TRAINING = Figure("training", "churn", (0.5,))


@pytest.mark.parametrize("module", [tables, machine])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_ratios_are_ours_over_the_rivals_for_the_same_part() -> None:
    assert ratios(RIVAL, [OURS, RIVAL]) == (1.5, 4.0)
    assert ratios(replace(RIVAL, cpu=()), [OURS, RIVAL]) == (1.5, None)


def test_nothing_is_compared_with_itself_or_with_another_part() -> None:
    assert ratios(OURS, [OURS, RIVAL]) == (None, None)
    assert ratios(RIVAL, [TRAINING, RIVAL]) == (None, None)


def test_a_page_of_one_size_says_all_there_is_to_say() -> None:
    page = size_page(report("mini", 600, OURS, RIVAL, TRAINING)).splitlines()
    assert page[0].startswith(
        "`make bench SIZE=mini ROUNDS=3`, 2026-11-21T10:00+00:00, 3 rounds, `--memory 6GB`; log by "
    )
    assert "600 lines" in page[0]
    assert (
        page[1]
        == "Linux x86_64, A Processor, 2 cores, 24 GiB, Python 3.11.7, Java 17.0.15, duckdb 2.0.0; load before: 0.4."
    )
    assert page[5:8] == [
        "| ingest | churn | 3.00 | 4.00 | 2.00 | 200 lines |  |  |",
        "| ingest | DuckDB | 2.00 | 1.00 | 1.00 | 300 lines | 1.50 | 4.00 |",
        "| training | churn | 0.500 |  |  |  |  |  |",
    ]
    assert page[-1] == "* Left out: PySpark by hand: no Java on this machine."


def test_this_program_on_spark_is_set_beside_spark_by_hand() -> None:
    ours, theirs = replace(OURS, who="churn on Spark"), replace(RIVAL, who="PySpark by hand")
    assert "churn on Spark / PySpark by hand: 1.50 of the wall time, 4.00 of the processor time." in size_page(
        report("mini", 600, OURS, ours, theirs)
    )
    assert "of the wall time" not in size_page(report("mini", 600, OURS, theirs))


def test_every_row_has_a_cell_under_every_head() -> None:
    rows = [line for line in size_page(report("mini", 600, OURS, RIVAL, TRAINING)).splitlines() if line[:1] == "|"]
    assert {row.count("|") for row in rows} == {9}


def test_growth_sets_sizes_side_by_side() -> None:
    larger = replace(OURS, wall=(18.0,), memory=(3_000_000_000,))
    page = growth_page([report("mini", 600, OURS, TRAINING), report("medium", 4_800, larger)]).splitlines()
    assert page == [
        "| what | who | mini: 600 lines | medium: 4,800 lines, 8.0x |",
        "|---|---|---:|---:|",
        "| ingest | churn | 3.00 s, 2.00 GB | 18.0 s (6.00x), 3.00 GB |",
    ]


def test_growth_leaves_a_cell_empty_where_a_size_lacks_a_contestant() -> None:
    sizes = [report("mini", 600, RIVAL), report("medium", 4_800), report("full", 53_400, RIVAL)]
    assert growth_page(sizes).splitlines()[-1] == "| ingest | DuckDB | 2.00 s, 1.00 GB |  | 2.00 s, 1.00 GB |"


@pytest.mark.parametrize("odd", [report("mini", 600, OURS, program="old"),
                                 report("mini", 600, OURS, machine=replace(MACHINE, cores=64))])  # fmt: skip
def test_growth_never_mixes_machines_or_programs(odd: object) -> None:
    assert "|" not in growth_page([odd, report("medium", 4_800, OURS)])  # type: ignore[list-item]


@pytest.mark.parametrize("value", [0.0000123, 0.00999, 0.0999999, 0.9996, 9.9999, 99.99, 1e6])
def test_numbers_keep_three_digits(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.006)
