"""The risk list: who comes first, and what stands beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from churn.errors import BundleError
from churn.evaluation import Row
from churn.results import to_csv
from churn.risk import risk_rows
from churn.scoring import Scorer
from churn.tables import UNKNOWN, Table
from tests.test_scoring import constructed, entry, linear, scorer

AS_OF = date(2018, 12, 1)
COLUMNS = (
    "rank", "userId", "probability", "band", "reason_1", "reason_2", "reason_3",
    "level", "region", "last_seen", "as_of",
)  # fmt: skip


def table(idle: dict[str, float], names: tuple[str, ...] = ("idle",)) -> Table:
    """One row a user at `AS_OF`, with as many equal features as there are names."""
    n = len(idle)
    return Table(
        names=names,
        x=np.repeat(np.array(list(idle.values()), dtype=np.float32)[:, None], len(names), axis=1),
        y=np.full(n, UNKNOWN),
        users=np.array(list(idle), dtype=object),
        cutoffs=np.full(n, np.datetime64(AS_OF)),
        folds=np.zeros(n, dtype=np.int64),
    )


def attributes(*users: str, **changes: Any) -> dict[str, dict[str, Any]]:
    return {user: {"level": "paid", "region": "MA-NH", "last_ts": 1_543_600_000_000} | changes for user in users}


def listed(idle: dict[str, float], made: Scorer | None = None, **changes: Any) -> list[Row]:
    return risk_rows(table(idle), made or constructed(("idle", "A", 1.0)), attributes(*idle, **changes), AS_OF)


def test_the_highest_probability_comes_first() -> None:
    found = listed({"a": 10, "b": 99, "c": 0, "d": 50})
    assert [(row["rank"], row["userId"]) for row in found] == [(1, "b"), (2, "d"), (3, "a"), (4, "c")]
    p = [row["probability"] for row in found]
    assert p == sorted(p, reverse=True)


def test_users_with_the_same_probability_come_in_the_order_of_their_ids_as_text() -> None:
    found = listed({"9": 10, "a": 10, "10": 10, "100": 10, "B": 10, "1": 99})
    assert [row["userId"] for row in found] == ["1", "10", "100", "9", "B", "a"]
    assert [row["rank"] for row in found] == [1, 2, 3, 4, 5, 6]


def test_users_that_are_alike_stay_together_wherever_their_rows_stand() -> None:
    # The last bit of a probability depends on the place of the row in its batch.
    generator = np.random.default_rng(0)
    idle = {f"{number:04}": float(hours) for number, hours in enumerate(generator.integers(0, 30, 2001))}
    found = listed(idle)
    assert [row["userId"] for row in found] == sorted(idle, key=lambda user: (-idle[user], user))


def test_the_list_is_in_the_order_of_what_it_shows() -> None:
    found = listed({"b": 10.00001, "a": 10.0, "c": 9.99999})
    assert len({row["probability"] for row in found}) == 1
    assert [row["userId"] for row in found] == ["a", "b", "c"]


def test_the_columns_are_these_in_this_order() -> None:
    found = listed({"a": 10, "b": 99})
    assert all(tuple(row) == COLUMNS for row in found)
    assert to_csv(found).splitlines()[0] == ",".join(COLUMNS)


def test_probabilities_and_bands_are_those_of_the_scorer() -> None:
    made = scorer(linear([1.0], -5.0), [entry("idle")], threshold=0.4, base_rate=0.1)
    idle = {"a": 500.0, "b": 50.0, "c": 1.0}
    found = listed(idle, made)
    expected = made.probabilities(table(idle).x)
    assert [row["probability"] for row in found] == [round(float(p), 6) for p in expected]
    assert [row["band"] for row in found] == ["high", "medium", "low"]


def test_reasons_stand_in_their_columns_and_missing_ones_are_empty() -> None:
    names = ("a", "b", "c", "d")
    made = constructed(("a", "A", 0.5), ("b", "B", 2.0), ("c", "C", 1.0), ("d", "D", 0.1))
    found = risk_rows(table({"u": 40, "v": 0}, names), made, attributes("u", "v"), AS_OF)
    assert [found[0][f"reason_{k}"] for k in (1, 2, 3)] == [f"number of {name}: 40 (usual 10)" for name in "bca"]
    assert [found[1][f"reason_{k}"] for k in (1, 2, 3)] == ["", "", ""]


def test_features_are_taken_by_name_whatever_else_the_table_has() -> None:
    made = constructed(("b", "A", 1.0), ("a", "B", -1.0))
    given = table({"u": 1.0}, ("a", "extra", "b"))
    given.x[:] = [[3, 99, 7]]
    (found,) = risk_rows(given, made, attributes("u"), AS_OF)
    (p,) = made.probabilities(np.array([[7, 3]], dtype=np.float32))
    assert found["probability"] == round(float(p), 6)


def test_a_feature_that_the_table_lacks_is_named() -> None:
    made = constructed(("idle", "A", 1.0), ("songs", "B", 1.0))
    with pytest.raises(BundleError, match="lacks features of the bundle: songs"):
        risk_rows(table({"u": 1.0}), made, attributes("u"), AS_OF)


def test_level_region_and_dates_stand_beside_the_user() -> None:
    (found,) = listed({"u": 1.0}, level="free", region="CA")
    assert (found["level"], found["region"], found["as_of"]) == ("free", "CA", "2018-12-01")


@pytest.mark.parametrize("ms", [0, 1, 999])
def test_last_seen_is_utc_in_one_form_with_or_without_a_fraction_of_a_second(ms: int) -> None:
    seen = datetime(2018, 11, 30, 23, 59, 59, tzinfo=UTC)
    (found,) = listed({"u": 1.0}, last_ts=int(seen.timestamp()) * 1000 + ms)
    assert found["last_seen"] == "2018-11-30T23:59:59+00:00"


def test_nobody_to_judge_gives_an_empty_list() -> None:
    assert listed({}) == []
