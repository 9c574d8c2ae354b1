"""The dialect of Spark, as text."""

from __future__ import annotations

import ibis

from churn.engines.spark_sql import compiled


def test_a_hash_has_64_bits() -> None:
    """With 32, most days of a large log would seem to hold duplicates."""
    table = ibis.table({"day": "date", "userId": "string"}, name="lines")
    sql = compiled(table.group_by("day").aggregate(n=table.userId.hash().nunique()))
    assert "COUNT(DISTINCT XXHASH64(`t0`.`userId`))" in sql
