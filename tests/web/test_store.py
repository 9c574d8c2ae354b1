"""The risk list as a page wants it: filters, orders, pages, and what contacting some users should bring."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.app_data import NAME, create_risk
from churn.errors import SourceError
from churn.web.store import SORTS, RiskList, Store, Wanted
from tests.web.conftest import rows_of


@pytest.fixture(scope="module")
def store(finished: Path) -> Store:
    return Store(finished / NAME)


@pytest.fixture(scope="module")
def rows(finished: Path) -> list[dict[str, str]]:
    return rows_of(finished / "risk.csv")


def ids(risks: RiskList, wanted: Wanted) -> list[str]:
    return [row["userId"] for row in risks.find(wanted).rows]


def test_all_of_it_is_the_file(store: Store, rows: list[dict[str, str]]) -> None:
    found = store.find(Wanted(size=None))
    assert found.total == len(rows)
    assert [{k: str(v) for k, v in row.items() if k != "probability"} for row in found.rows] == [
        {k: v for k, v in row.items() if k != "probability"} for row in rows
    ]
    assert [row["probability"] for row in found.rows] == [float(row["probability"]) for row in rows]


@pytest.mark.parametrize("band", ["high", "medium", "low"])
@pytest.mark.parametrize("level", [None, "free", "paid"])
def test_filters_leave_those_who_fit(store: Store, rows: list[dict[str, str]], band: str, level: str | None) -> None:
    wanted = [r["userId"] for r in rows if r["band"] == band and level in (None, r["level"])]
    found = store.find(Wanted(band=band, level=level, size=None))
    assert [row["userId"] for row in found.rows] == wanted
    assert found.total == len(wanted)


@given(sort=st.sampled_from([sign + name for name in SORTS for sign in ("", "-")]), size=st.integers(1, 40))
def test_pages_put_together_are_the_whole_list(finished: Path, sort: str, size: int) -> None:
    store = Store(finished / NAME)
    whole = ids(store, Wanted(sort=sort, size=None))
    pages = store.find(Wanted(sort=sort, size=size)).pages
    parts = [ids(store, Wanted(sort=sort, size=size, page=page)) for page in range(1, pages + 1)]
    assert [user for part in parts for user in part] == whole
    assert all(parts)
    assert ids(store, Wanted(sort=sort, size=size, page=pages + 1)) == []


@pytest.mark.parametrize("name", ["userId", "level", "region", "last_seen"])
def test_orders_are_those_of_the_texts_and_ties_go_by_rank(store: Store, rows: list[dict[str, str]], name: str) -> None:
    assert ids(store, Wanted(sort=name, size=None)) == [r["userId"] for r in sorted(rows, key=lambda r: r[name])]
    down = sorted(rows, key=lambda r: int(r["rank"]))
    down.sort(key=lambda r: r[name], reverse=True)
    assert ids(store, Wanted(sort=f"-{name}", size=None)) == [r["userId"] for r in down]


def test_bands_go_from_high_to_low(store: Store) -> None:
    bands = [row["band"] for row in store.find(Wanted(sort="band", size=None)).rows]
    assert bands == sorted(bands, key=["high", "medium", "low"].index)


def test_counts_by_band(store: Store, rows: list[dict[str, str]]) -> None:
    assert store.bands() == {band: sum(r["band"] == band for r in rows) for band in ("high", "medium", "low")}


@pytest.mark.parametrize("contacted", [0, 1, 7, 10_000])
def test_reach_is_the_sum_of_the_probabilities(store: Store, rows: list[dict[str, str]], contacted: int) -> None:
    p = [float(row["probability"]) for row in rows]
    reach = store.reach(contacted)
    assert reach.contacted == min(contacted, len(p))
    assert reach.leavers == pytest.approx(sum(p[:contacted]))
    assert reach.false_alarms == pytest.approx(reach.contacted - sum(p[:contacted]))
    assert reach.all_leavers == pytest.approx(sum(p))
    assert reach.threshold == (p[reach.contacted - 1] if contacted else None)
    assert reach.share == pytest.approx(sum(p[:contacted]) / sum(p))


def small(path: Path, users: list[tuple[str, str]]) -> RiskList:
    """A list of users and their regions."""
    with closing(sqlite3.connect(path)) as db, db:
        create_risk(
            db, [(i, user, 0.5, "high", "", "", "", "paid", region, "", "") for i, (user, region) in enumerate(users)]
        )
    return RiskList(path)


def test_a_region_is_found_by_each_of_its_states(tmp_path: Path) -> None:
    risks = small(tmp_path / "risk.sqlite", [("a", "MA-NH"), ("b", "NH"), ("c", "AMA"), ("d", "")])
    assert ids(risks, Wanted(region="NH")) == ["a", "b"]
    assert ids(risks, Wanted(region="MA")) == ["a"]
    assert ids(risks, Wanted(region="MA-NH")) == ["a"]
    assert risks.choices("region") == ["", "AMA", "MA-NH", "NH"]


HOSTILE = ["%", "_", "' OR 1=1 --", '"', "a/b", "..", "<b>", "Ünï", "ABC", "\u202e", "a\0b"]


@pytest.mark.parametrize("user", HOSTILE)
def test_a_search_takes_every_sign_as_itself(tmp_path: Path, user: str) -> None:
    risks = small(tmp_path / "risk.sqlite", [(name, "") for name in [*HOSTILE, "plain"]])
    found = ids(risks, Wanted(q=user, size=None))
    assert found == [name for name in HOSTILE if user in name]
    assert risks.user(user) is not None
    assert ids(risks, Wanted(region=user)) == []


def test_small_and_capital_letters_are_alike_in_a_search(tmp_path: Path) -> None:
    assert ids(small(tmp_path / "risk.sqlite", [("ABC", "")]), Wanted(q="bc")) == ["ABC"]


def test_a_table_is_that_of_the_run(store: Store, finished: Path) -> None:
    assert store.table("metrics/models") == rows_of(finished / "metrics" / "models.csv")
    forecast = [row for row in rows_of(finished / "metrics" / "lift.csv") if row["task"] == "forecast"]
    assert store.table("metrics/lift", task="forecast") == forecast
    assert store.table("metrics/none") == []
    files = [*(finished / "metrics").glob("*.csv"), *(finished / "statistics").glob("*.csv")]
    assert set(store.tables()) == {f"{path.parent.name}/{path.stem}" for path in files}


def test_an_unknown_user_has_nothing(store: Store) -> None:
    assert store.user("nobody") is None
    assert store.features("nobody") == {}
    assert store.activity("nobody") == []


@pytest.mark.parametrize("content", [b"", b"no database at all" * 99])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(SourceError, match=f"{NAME} is damaged"):
        Store(tmp_path / NAME)


def test_a_newer_file_asks_for_a_newer_program(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / NAME)) as db, db:
        db.execute("CREATE TABLE meta (key, value)")
        db.execute("INSERT INTO meta VALUES ('format', '99')")
    with pytest.raises(SourceError, match="format 99"):
        Store(tmp_path / NAME)
