from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.aws import throughput
from churn.aws.cluster import Shape, disk_for, spark_settings
from churn.aws.estimate import estimate
from churn.aws.prices import prices, shipped
from churn.aws.sizing import PIECE, InputSize
from churn.aws.sizing import given as told
from churn.errors import SettingsError

TABLE = shipped()
M5 = TABLE.instance("m5.xlarge")
REFERENCE = Shape(M5, M5, 3, spot=False, disk=64)

TYPES = st.sampled_from(sorted(TABLE.instances.values(), key=lambda one: one.name))


def test_the_likely_hours_of_the_full_log_follow_from_the_measured_throughput() -> None:
    found = estimate(REFERENCE, told(12_000_000_000), TABLE, "us-east-1")
    a_core = throughput.SPARK.size / (throughput.SPARK.cores * throughput.SPARK.seconds)
    reading = 12e9 / (12 * a_core * throughput.EFFICIENCY[1])
    rest = throughput.REST_SECONDS + 12 * throughput.REST_SECONDS_A_GB
    assert found.hours.likely == pytest.approx((reading + rest + throughput.START_MINUTES[1] * 60) / 3600)
    assert any(f"{a_core / 1e6:.1f} MB a second and core" in line for line in found.assumptions)


def test_dollars_are_hours_times_the_rows_that_are_named() -> None:
    found = estimate(REFERENCE, told(12_000_000_000), TABLE, "us-east-1")
    rate = 4 * (0.192 + 0.048) + 4 * (64 + 30) * 0.08 / 730
    assert found.dollars_an_hour.likely == pytest.approx(rate)
    assert found.dollars.high == pytest.approx(found.hours.high * rate)
    assert {price.key for price in found.prices} == {"ec2:m5.xlarge", "emr:m5.xlarge", "ebs:gp3"}


def test_prices_of_the_users_own_are_reckoned_with() -> None:
    cheap = estimate(REFERENCE, told(10**9), prices({"ec2:m5.xlarge": "0"}), "us-east-1")
    assert cheap.dollars_an_hour.likely == pytest.approx(4 * 0.048 + 4 * 94 * 0.08 / 730)


@given(TYPES, st.integers(1, 50), st.integers(1, 10**13), st.booleans(), st.booleans())
def test_low_is_below_likely_is_below_high(kind: object, workers: int, size: int, spot: bool, abroad: bool) -> None:
    shape = dataclasses.replace(REFERENCE, primary=kind, worker=kind, workers=workers, spot=spot)
    found = estimate(shape, told(size), TABLE, "eu-west-1" if abroad else "us-east-1")
    for figures in (found.hours, found.dollars):
        assert 0 < figures.low < figures.likely < figures.high
    assert found.dollars_an_hour.low <= found.dollars_an_hour.likely <= found.dollars_an_hour.high


@given(st.integers(1, 40), st.integers(PIECE, 10**13))
def test_more_workers_never_take_longer_and_more_input_never_less(workers: int, size: int) -> None:
    more = dataclasses.replace(REFERENCE, workers=workers + 1)
    fewer = dataclasses.replace(REFERENCE, workers=workers)
    hours = estimate(fewer, told(size), TABLE, "us-east-1").hours.likely
    assert estimate(more, told(size), TABLE, "us-east-1").hours.likely <= hours
    assert estimate(fewer, told(2 * size), TABLE, "us-east-1").hours.likely >= hours


def test_one_packed_file_keeps_one_core_busy_and_the_plan_says_so() -> None:
    one = InputSize(10**9, 16 * 10**9, 1, 1, listed=True)
    found = estimate(REFERENCE, one, TABLE, "us-east-1")
    assert any("only 1 of 12 cores" in line for line in found.assumptions)
    spread = dataclasses.replace(one, files=12, pieces=12)
    assert found.hours.likely > 2 * estimate(REFERENCE, spread, TABLE, "us-east-1").hours.likely


@given(TYPES, st.integers(1, 100), st.integers(1, 10**13))
def test_executors_fit_their_machines_and_leave_room_for_the_application_master(
    kind: object, workers: int, size: int
) -> None:
    shape = dataclasses.replace(REFERENCE, primary=kind, worker=kind, workers=workers)
    executors = shape.executors
    each = executors.number // workers
    assert executors.number == each * workers
    assert each * executors.cores <= shape.worker.vcpu
    assert each * (executors.heap_mb + executors.overhead_mb) + 1024 <= shape.worker.memory_gib * 1024 * 0.75
    assert executors.overhead_mb >= executors.heap_mb // 4
    settings = spark_settings(shape, told(size))
    assert settings["spark.dynamicAllocation.enabled"] == "false"
    assert int(settings["spark.executor.instances"]) == executors.number
    assert 16 * 2**20 <= int(settings["spark.sql.files.maxPartitionBytes"]) <= 128 * 2**20


def test_the_disk_grows_with_the_input() -> None:
    assert disk_for(told(10**9), 3) == 64
    assert disk_for(told(10**12), 10) == 332
    assert disk_for(told(10**15), 3) == 2000


def test_machines_of_two_kinds_and_no_machines_are_refused() -> None:
    with pytest.raises(SettingsError, match="take machines of one kind"):
        Shape(TABLE.instance("m6g.xlarge"), M5, 3, spot=False, disk=64)
    with pytest.raises(SettingsError, match="--workers is 0"):
        dataclasses.replace(REFERENCE, workers=0)
