from __future__ import annotations

import csv
import re
from datetime import date
from importlib.resources import files

import pytest

from churn.aws.prices import prices, shipped
from churn.errors import SettingsError


def test_every_row_has_a_source_and_a_date_and_says_how_sure_it_is() -> None:
    for price in shipped().rows.values():
        assert re.search(r"https://aws\.amazon\.com/\S+", price.source), price
        assert date.fromisoformat(price.date) >= date(2026, 1, 1), price
        assert price.note and price.dollars > 0, price


def test_no_row_stands_twice() -> None:
    with files("churn.aws").joinpath("prices.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["kind"], row["name"]) for row in rows}) == len(rows) == len(shipped().rows)


def test_every_instance_type_has_both_prices_and_an_emr_charge_of_at_most_a_quarter_and_a_hair() -> None:
    table = shipped()
    assert {"m5.xlarge", "m6g.xlarge", "r5.xlarge", "c5.xlarge"} <= set(table.instances)
    for name, instance in table.instances.items():
        ec2, emr = table.of("ec2", name).dollars, table.of("emr", name).dollars
        assert 0.1 * ec2 < emr < 0.26 * ec2, name
        assert instance.vcpu in (4, 8, 16, 32) and instance.memory_gib >= 2 * instance.vcpu, name
        assert ("g." in name) == (instance.arch == "arm64"), name


def test_what_the_user_pays_goes_before() -> None:
    found = prices({"ec2:m5.xlarge": "0.1"})
    assert found.of("ec2", "m5.xlarge").dollars == 0.1
    assert found.of("ec2", "m5.xlarge").source == "--price"
    assert found.of("emr", "m5.xlarge") == shipped().of("emr", "m5.xlarge")


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("m5.xlarge", "0.1", "no such row"),
        ("ec2:m5.xlarge", "cheap", "is no price"),
        ("ec2:m5.xlarge", "-1", "is no price"),
        ("ec2:m5.xlarge", "nan", "is no price"),
    ],
)
def test_a_price_that_is_none_is_refused(key: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        prices({key: text})


def test_an_unknown_instance_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"holds no instance type x9\.huge; choose from: m5\.xlarge, "):
        shipped().instance("x9.huge")
