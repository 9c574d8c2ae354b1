"""The price table: one row a thing that is paid for, with source and date; `prices.csv` beside this file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final

from churn.errors import SettingsError

REGION: Final = "us-east-1"
"""The region whose prices the table holds."""

HOURS_A_MONTH: Final = 730


@dataclass(frozen=True)
class Price:
    """What one unit of something costs.

    Attributes:
        kind: ec2, emr, serverless or ebs.
        name: instance type, or what is counted.
        unit: what is paid for once.
        dollars: US dollars a unit, without taxes and discounts.
        source: where the figure is from.
        date: when it was looked up; or `--price`.
        note: how sure it is.
    """

    kind: str
    name: str
    unit: str
    dollars: float
    source: str
    date: str
    note: str = ""

    @property
    def key(self) -> str:
        """As `--price` names it."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Instance:
    """A type of machine: virtual processors, memory in GiB, x86_64 or arm64."""

    name: str
    vcpu: int
    memory_gib: int
    arch: str


@dataclass(frozen=True)
class Prices:
    """The table, with what the user knows better."""

    rows: Mapping[str, Price]
    instances: Mapping[str, Instance]

    def instance(self, name: str) -> Instance:
        """A type of machine.

        Raises:
            SettingsError: if the table does not hold it.
        """
        if name not in self.instances:
            raise SettingsError(
                f"the price table holds no instance type {name}", f"choose from: {', '.join(self.instances)}"
            )
        return self.instances[name]

    def of(self, kind: str, name: str) -> Price:
        """The price of something that is known to be in the table."""
        return self.rows[f"{kind}:{name}"]


@cache
def shipped() -> Prices:
    """The table as it ships."""
    rows, instances = {}, {}
    with files("churn.aws").joinpath("prices.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            price = Price(
                row["kind"], row["name"], row["unit"], float(row["dollars"]), row["source"], row["date"], row["note"]
            )
            rows[price.key] = price
            if row["vcpu"]:
                name = row["name"]
                instances[name] = Instance(name, int(row["vcpu"]), int(row["memory_gib"]), row["arch"])
    return Prices(rows, instances)


def prices(overrides: Mapping[str, str]) -> Prices:
    """The table with prices of the user's own.

    Args:
        overrides: dollars by `kind:name`, as text.

    Raises:
        SettingsError: for a name that is not in the table, or a price that is none.
    """
    table = shipped()
    rows = dict(table.rows)
    for key, text in overrides.items():
        if key not in rows:
            raise SettingsError(
                f"--price {key}: the price table has no such row", "write it like --price ec2:m5.xlarge=0.2"
            )
        rows[key] = replace(rows[key], dollars=_dollars(key, text), source="--price", date="now", note="")
    return Prices(rows, table.instances)


def _dollars(key: str, text: str) -> float:
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 <= dollars < 1e6:
        raise SettingsError(f"--price {key}={text}: is no price in dollars", "write it like 0.192")
    return dollars
