"""What a run will take and cost: low, likely and high, each with what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from churn.aws import throughput
from churn.aws.cluster import ROOT_DISK, SERVERLESS_DISK, Shape
from churn.aws.prices import HOURS_A_MONTH, REGION, Price, Prices
from churn.aws.sizing import InputSize

OTHER_REGION: Final = 1.3
"""By how much the high estimate grows where the price table's region is not the cluster's."""


@dataclass(frozen=True)
class Range:
    """A low, a likely and a high figure."""

    low: float
    likely: float
    high: float

    @classmethod
    def over(cls, figure: Callable[[int], float]) -> Range:
        """Of the same formula three times: with the low, the likely and the high assumptions."""
        return cls(figure(0), figure(1), figure(2))


@dataclass(frozen=True)
class Estimate:
    """Hours and US dollars of a run, what they rest on, and the rows of the price table they use."""

    hours: Range
    dollars: Range
    dollars_an_hour: Range
    assumptions: tuple[str, ...]
    prices: tuple[Price, ...]

    def as_json(self) -> dict[str, Any]:
        """For `--json` and for the record of a run."""
        return {
            "hours": vars(self.hours),
            "dollars": vars(self.dollars),
            "dollars_an_hour": vars(self.dollars_an_hour),
            "assumptions": list(self.assumptions),
            "prices": [vars(price) for price in self.prices],
        }


def estimate(shape: Shape, size: InputSize, prices: Prices, region: str) -> Estimate:
    """What reading `size` on `shape` takes and costs."""
    busy = min(shape.executors.tasks, size.pieces)
    start = throughput.SERVERLESS_START_MINUTES if shape.serverless else throughput.START_MINUTES
    hours = Range.over(lambda i: start[i] / 60 + _work(size, busy, i) / 3600)
    used, an_hour = _serverless_rate(shape, prices) if shape.serverless else _cluster_rate(shape, prices)
    if region != REGION:
        an_hour = Range(an_hour.low, an_hour.likely, an_hour.high * OTHER_REGION)
    dollars = Range.over(lambda i: _pick(hours, i) * _pick(an_hour, i))
    return Estimate(hours, dollars, an_hour, _assumptions(shape, size, busy, region, start), used)


def _work(size: InputSize, busy: int, i: int) -> float:
    """Seconds from the start of the step to its end."""
    reading = size.unpacked / (throughput.SPARK.bytes_a_core * busy * throughput.EFFICIENCY[i])
    rest = throughput.REST_SECONDS + throughput.REST_SECONDS_A_GB * size.unpacked / 1e9
    return reading + rest * throughput.REST_SPREAD[i]


def _cluster_rate(shape: Shape, prices: Prices) -> tuple[tuple[Price, ...], Range]:
    ec2 = {one.name: prices.of("ec2", one.name) for one in (shape.primary, shape.worker)}
    charges = {one.name: prices.of("emr", one.name) for one in (shape.primary, shape.worker)}
    disk = prices.of("ebs", "gp3")
    disks = (shape.workers + 1) * (shape.disk + ROOT_DISK) * disk.dollars / HOURS_A_MONTH

    def rate(i: int) -> float:
        share = throughput.SPOT_SHARE[i] if shape.spot else 1.0
        charge = charges[shape.primary.name].dollars + shape.workers * charges[shape.worker.name].dollars
        machines = ec2[shape.primary.name].dollars + shape.workers * ec2[shape.worker.name].dollars * share
        return charge + machines + disks

    return (*ec2.values(), *charges.values(), disk), Range.over(rate)


def _serverless_rate(shape: Shape, prices: Prices) -> tuple[tuple[Price, ...], Range]:
    vcpu, memory, storage = (prices.of("serverless", name) for name in ("vcpu", "memory", "storage"))
    extra = max(0, shape.disk - SERVERLESS_DISK)
    each = shape.worker.vcpu * vcpu.dollars + shape.worker.memory_gib * memory.dollars + extra * storage.dollars
    rate = (shape.workers + 1) * each
    return (vcpu, memory, storage), Range(rate, rate, rate)


def _assumptions(shape: Shape, size: InputSize, busy: int, region: str, start: tuple[float, ...]) -> tuple[str, ...]:
    measured = throughput.SPARK
    low, likely, high = throughput.EFFICIENCY
    said = [
        f"measured: {measured.size / 1e9:.1f} GB of JSON lines to snapshots on Spark in {measured.seconds:.0f} s with "
        f"{measured.cores} cores, so {measured.bytes_a_core / 1e6:.1f} MB a second and core",
        f"a core of the cluster keeps {low:.0%}, {likely:.0%} or {high:.0%} of that (low, likely, high); not measured",
        f"{busy} tasks at a time read {size.unpacked / 1e9:.1f} GB as JSON lines",
        f"after the snapshots {throughput.REST_SECONDS:.0f} s and {throughput.REST_SECONDS_A_GB:.0f} s a GB on the "
        f"driver (measured on 2 cores), times {_either(throughput.REST_SPREAD)}",
        f"until the step starts: {_either(start)} minutes; not measured",
    ]
    if not size.listed:
        said.append("the input's size is as told; it is taken for plain JSON lines in files that can be cut")
    elif size.unpacked != size.stored:
        said.append(f"{size.stored / 1e9:.2f} GB are packed; how much they hold is a guess from their endings")
    if busy < shape.executors.tasks:
        said.append(f"only {busy} of {shape.executors.tasks} cores have something to read: fewer or smaller files help")
    if shape.spot:
        said.append(f"spot workers cost {_either(throughput.SPOT_SHARE)} of the on-demand price; a lost one costs time")
    if region != REGION:
        said.append(
            f"prices are those of {REGION}; {region} may differ, so the high one is taken times {OTHER_REGION:g}"
        )
    return (*said, "not included: S3 storage and requests, traffic between regions, KMS, taxes, discounts")


def _either(figures: tuple[float, ...]) -> str:
    low, likely, high = figures
    return f"{low:g}, {likely:g} or {high:g}"


def _pick(figures: Range, i: int) -> float:
    return (figures.low, figures.likely, figures.high)[i]
