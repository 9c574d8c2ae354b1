"""Larger logs, computed: the page says what the program says, and the formulas say what they should."""

from __future__ import annotations

import pytest

from benchmarks.scale import FULL_BYTES, PAGE, STEPS, page_with, scaled, tables
from churn.aws.throughput import SPARK


def test_the_page_is_what_is_computed() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with(tables()), "run: python -m benchmarks.scale --write"


@pytest.mark.parametrize("step", STEPS)
def test_the_parts_are_those_of_the_estimate(step: tuple[int, int, str]) -> None:
    found = scaled(*step)
    assert found.size.unpacked == step[0] * FULL_BYTES
    start = 9 / 60
    assert found.found.hours.likely == pytest.approx(found.reading + found.rest + start)
    assert found.found.hours.low < found.found.hours.likely < found.found.hours.high


def test_one_core_at_the_measured_speed_takes_the_measured_time() -> None:
    found = scaled(1, 3, "m5.xlarge")
    cores = found.shape.executors.tasks
    assert cores == 12
    assert found.reading * 3600 == pytest.approx(SPARK.seconds * SPARK.cores / cores / 0.65)


def test_what_the_driver_needs_grows_with_the_users() -> None:
    small, large = scaled(1, 3, "m5.xlarge"), scaled(1000, 40, "m5.8xlarge")
    assert large.driver_bytes == 1000 * small.driver_bytes
    assert (small.fits, large.fits) == (True, False)
    assert large.tasks >= large.size.unpacked / 20 / 32_000_000
