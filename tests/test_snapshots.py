"""Who has a row, what its label says, which fold it is in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from churn.engines.duckdb import DuckDBEngine
from churn.features import feature_list
from churn.problem import Cutoffs, Problem
from churn.snapshots import FOLDS, attributes_at, fold_of
from tests.conftest import Row, event
from tests.tiny import Rolled, assert_features_only, day, features, ms, roll, visit

LEFT = "Cancellation Confirmation"
BEFORE = "10-09 12:00"
CUTOFF = day("10-10")

ENDS = {  # the moment of leaving of users who were seen before the cut-off
    "the moment before the cut-off": ms("10-10 00:00") - 1,
    "at the cut-off": ms("10-10 00:00"),
    "the moment before the gap is over": ms("10-12 00:00") - 1,
    "as the gap is over": ms("10-12 00:00"),
    "the moment before day 5": ms("10-15 00:00") - 1,
    "at day 5": ms("10-15 00:00"),
    "the moment before day 14": ms("10-24 00:00") - 1,
    "at day 14": ms("10-24 00:00"),
}

LOG = [
    *(row for user, ts in ENDS.items() for row in (event(user, ms(BEFORE)), event(user, ts, LEFT))),
    event("stays", ms(BEFORE)),
    event("clicks Cancel only", ms(BEFORE)),
    event("clicks Cancel only", ms("10-11 12:00"), "Cancel"),
    event("comes the moment before", ms("10-10 00:00") - 1),
    event("comes at the cut-off", ms("10-10 00:00")),
    event("was seen on a hidden page only", ms(BEFORE), "Cancel"),
    event("was seen on a hidden page only", ms("10-11 12:00"), "Home"),
    event("left and came back", ms("10-02 12:00")),
    event("left and came back", ms("10-03 12:00"), LEFT),
    event("left and came back", ms("10-09 12:00")),
    event("left and came back", ms("10-12 12:00"), LEFT),
]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolled]:
    folder = tmp_path_factory.mktemp("snapshots")
    engine = DuckDBEngine(memory=1_000_000_000, scratch=folder / "scratch", threads=2)
    yield roll(engine, folder, LOG)
    engine.close()


@pytest.fixture(scope="module")
def early(log: Rolled) -> pa.Table:
    return log.forecast([CUTOFF], as_of=day("10-24"))


@pytest.fixture(scope="module")
def whole(log: Rolled) -> pa.Table:
    return log.history(day("10-24"))


def labels(table: pa.Table) -> dict[str, int | None]:
    return dict(zip(table["userId"].to_pylist(), table["label"].to_pylist(), strict=True))


def test_a_label_is_whether_the_user_leaves_from_the_cutoff_until_the_horizon(early: pa.Table) -> None:
    assert labels(early) == {
        "at the cut-off": 1,
        "the moment before the gap is over": 1,
        "as the gap is over": 1,
        "the moment before day 5": 1,
        "at day 5": 1,
        "the moment before day 14": 1,
        "at day 14": 0,
        "stays": 0,
        "clicks Cancel only": 0,
        "comes the moment before": 0,
    }


def test_with_a_gap_the_label_looks_from_the_end_of_the_gap(engine: DuckDBEngine, tmp_path: Path) -> None:
    table = roll(engine, tmp_path, LOG, Problem(gap=2, horizon=3)).forecast([CUTOFF], as_of=day("10-15"))
    assert labels(table) == {
        "at the cut-off": 0,
        "the moment before the gap is over": 0,
        "as the gap is over": 1,
        "the moment before day 5": 1,
        "at day 5": 0,
        "the moment before day 14": 0,
        "at day 14": 0,
        "stays": 0,
        "clicks Cancel only": 0,
        "comes the moment before": 0,
    }


def test_a_label_whose_horizon_is_not_over_is_null(log: Rolled) -> None:
    table = log.forecast([CUTOFF], as_of=day("10-23"))
    assert set(labels(table).values()) == {None}
    assert table["label"].type == pa.int8()


def test_each_cutoff_has_the_users_and_labels_of_its_own(log: Rolled) -> None:
    rows = log.forecast([day("10-09"), day("10-14"), day("10-24")], as_of=day("10-28")).to_pylist()
    found = {(row["cutoff"], row["userId"]): row["label"] for row in rows}
    assert {user for cutoff, user in found if cutoff == day("10-09")} == set()
    assert found[day("10-14"), "the moment before day 5"] == 1
    assert found[day("10-14"), "comes at the cut-off"] == 0
    assert found[day("10-14"), "was seen on a hidden page only"] == 0
    assert (day("10-14"), "at the cut-off") not in found
    assert (day("10-24"), "the moment before day 14") not in found
    assert found[day("10-24"), "at day 14"] is None
    assert [(row["cutoff"], row["userId"]) for row in rows] == sorted(found)


def test_columns_are_keys_and_features_of_32_bits(early: pa.Table, whole: pa.Table) -> None:
    for table, task in ((early, "forecast"), (whole, "history")):
        assert_features_only(table)
        assert set(table["task"].to_pylist()) == {task}
        kinds = {field.name: field.type for field in table.schema}
        assert (kinds["userId"], kinds["cutoff"], kinds["label"], kinds["fold"]) == (
            pa.string(),
            pa.date32(),
            pa.int8(),
            pa.int8(),
        )
        assert {kinds[feature.name] for feature in feature_list(Problem())[0]} == {pa.float32()}


def test_a_cutoff_before_the_log_has_no_rows(log: Rolled) -> None:
    assert log.forecast([day("09-01")]).num_rows == 0


def test_history_has_a_row_for_every_user_seen_and_the_label_ever_left(whole: pa.Table) -> None:
    assert labels(whole) == {
        **dict.fromkeys(ENDS, 1),
        "left and came back": 1,
        "stays": 0,
        "clicks Cancel only": 0,
        "comes the moment before": 0,
        "comes at the cut-off": 0,
        "was seen on a hidden page only": 0,
    }
    assert set(whole["cutoff"].to_pylist()) == {day("10-24")}


def test_history_judges_at_the_end_of_the_last_day_seen(whole: pa.Table) -> None:
    rows = {row["userId"]: row for row in whole.to_pylist()}
    names = ("songs_all", "songs_7d", "recency_hours", "observed_days")
    # The leaving on 10-24 is no event of a feature.
    assert [rows["at day 14"][name] for name in names] == [1, 1, 12, 0.5]
    # What follows the leaving would tell the label.
    assert [rows["left and came back"][name] for name in names] == [1, 1, 12, 0.5]


def test_history_equals_the_forecast_at_the_end_of_the_last_day(early: pa.Table, whole: pa.Table) -> None:
    first, second = ({row["userId"]: features(row) for row in table.to_pylist()} for table in (early, whole))
    same = ("stays", "clicks Cancel only", "at day 14", "comes the moment before")
    assert {user: first[user] for user in same} == {user: second[user] for user in same}


BOTH = Problem(churn_pages=(LEFT, "Submit Downgrade"))
TWO_WAYS = [
    *visit("downgraded before", 1, "10-09", "10:00 Downgrade, 10:01 Submit Downgrade, 10:02 NextSong"),
    *visit("downgrades and leaves", 2, "10-09", "10:00 Downgrade"),
    *visit("downgrades and leaves", 2, "10-11", "10:00 Submit Downgrade", itemInSession=1),
    *visit("downgrades and leaves", 2, "10-12", f"10:00 {LEFT}", itemInSession=2),
    *visit("leaves", 3, "10-09", "10:00 Downgrade"),
    *visit("leaves", 3, "10-12", f"10:00 {LEFT}", itemInSession=2),
    *visit("stays", 4, "10-09", "10:00 Downgrade"),
]


def test_with_several_churn_pages_the_first_reached_counts(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = roll(engine, tmp_path, TWO_WAYS, BOTH)
    rows = log.forecast([day("10-10"), day("10-12")], as_of=day("10-30")).to_pylist()
    assert [(row["cutoff"], row["userId"], row["label"]) for row in rows] == [
        (day("10-10"), "downgrades and leaves", 1),
        (day("10-10"), "leaves", 1),
        (day("10-10"), "stays", 0),
        (day("10-12"), "leaves", 1),
        (day("10-12"), "stays", 0),
    ]


def test_a_churn_page_is_in_no_feature(engine: DuckDBEngine, tmp_path: Path) -> None:
    without = [row for row in TWO_WAYS if row["page"] not in BOTH.hidden_pages]
    with_pages = roll(engine, tmp_path, TWO_WAYS, BOTH).history(day("10-12"))
    rows, expected = with_pages.to_pylist(), roll(engine, tmp_path, without, BOTH).history(day("10-12")).to_pylist()
    by_user = {row["userId"]: features(row) for row in expected}
    # Who goes on after leaving is judged from the days before it, and has no row without any.
    assert {row["userId"]: row["label"] for row in rows} == {"downgrades and leaves": 1, "leaves": 1, "stays": 0}
    assert [features(row) for row in rows] == [by_user[row["userId"]] for row in rows]
    assert [row["label"] for row in expected] == [0, 0, 0, 0]
    assert {row["downgrade_submits_all"] for row in rows} == {0}
    assert {row["downgrade_views_all"] for row in rows} == {1}


def md5_fold(user: str, seed: int) -> int:
    return int(hashlib.md5(f"{seed}:{user}".encode()).hexdigest()[:4], 16) % 5


def test_a_fold_comes_from_seed_and_user_id_alone(log: Rolled, early: pa.Table) -> None:
    tables = ((0, early), (12345, log.history(day("10-24"), seed=12345)))
    for seed, table in tables:
        users = table["userId"].to_pylist()
        assert table["fold"].to_pylist() == [md5_fold(user, seed) for user in users]


def test_all_folds_are_used_about_equally_and_the_seed_moves_users(engine: DuckDBEngine) -> None:
    users = [str(i) for i in range(2000)] + ["", "é", "a b"]
    first, second = folds(engine, users, 0), folds(engine, users, 1)
    assert first == {user: md5_fold(user, 0) for user in users}
    counts = Counter(first.values())
    assert sorted(counts) == list(range(FOLDS))
    assert min(counts.values()) > 340
    moved = sum(first[user] != second[user] for user in users)
    assert 0.7 < moved / len(users) < 0.9


def folds(engine: DuckDBEngine, users: list[str], seed: int) -> dict[str, int]:
    table = ibis.literal(users, type="array<string>").unnest().name("userId").as_table()
    rows = engine.fetch(table.select("userId", fold=fold_of(table.userId, seed))).to_pylist()
    return {row["userId"]: row["fold"] for row in rows}


def test_attributes_at_a_cutoff_are_those_of_the_last_event_before_it(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = roll(
        engine,
        tmp_path,
        [
            event("7", ms("10-01 10:00"), level="free", location="Reno, NV"),
            event("7", ms("10-03 10:00"), level="paid", location="Portland-Vancouver-Hillsboro, OR-WA"),
            event("7", ms("10-03 12:00"), level="paid", location="Portland-Vancouver-Hillsboro, OR-WA"),
            event("7", ms("10-04 00:00"), level="free", location="Reno, NV"),
            event("8", ms("10-02 10:00"), location=None, level=None),
            event("9", ms("10-04 00:00")),
        ],
    )
    rows: list[Row] = engine.fetch(attributes_at(log.user_days, day("10-04"))).to_pylist()
    assert rows == [
        {"userId": "7", "level": "paid", "last_ts": ms("10-03 12:00"), "region": "OR-WA"},
        {"userId": "8", "level": "", "last_ts": ms("10-02 10:00"), "region": ""},
    ]


def test_snapshots_at_the_cutoffs_of_a_log_are_labelled_but_for_the_last(engine: DuckDBEngine, tmp_path: Path) -> None:
    problem = Problem(horizon=2, every=3)
    rows = [event("7", ms(f"10-{d:02} 10:00")) for d in range(1, 16)] + [event("7", ms("10-15 11:00"), LEFT)]
    log = roll(engine, tmp_path, rows, problem)
    cutoffs = Cutoffs.of_log(problem, log.account.first_ts, log.account.last_ts)
    found = {
        row["cutoff"]: (row["label"], row["events_all"]) for row in log.forecast(cutoffs.all, cutoffs.as_of).to_pylist()
    }
    assert found == {
        date(2018, 10, 8): (0, 7),
        date(2018, 10, 11): (0, 10),
        date(2018, 10, 13): (0, 12),
        date(2018, 10, 15): (None, 14),
    }


def test_a_change_of_level_that_a_churn_page_causes_is_in_no_history(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [
        *visit("7", 1, "10-08", "10:00 NextSong, 10:05 NextSong"),
        *visit("7", 2, "10-09", "10:00 Downgrade, 10:01 Submit Downgrade"),
        *visit("7", 2, "10-09", "10:02 NextSong", itemInSession=2, level="free"),
        *visit("7", 3, "10-10", "10:00 NextSong", level="free"),
    ]
    (row,) = roll(engine, tmp_path, rows, BOTH).history(day("10-12")).to_pylist()
    assert (row["label"], row["downgrades_all"], row["paid_now"], row["songs_all"]) == (1, 0, 1, 2)
