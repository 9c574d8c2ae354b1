"""No feature sees the future, and none depends on how the log is arranged: features are compared bit by bit."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.engines.duckdb import DuckDBEngine
from churn.problem import Problem
from churn.schema import COUNTED
from tests.conftest import Row, event, write_log
from tests.tiny import DAY, HOUR, Rolled, bits, day, ms, roll, roll_files

CUTOFF = day("10-21")
AT = ms("10-21 00:00")


def past(log: Rolled, cutoff: date) -> tuple[object, ...]:
    """All that is known before a cut-off: features, days, sessions."""
    features = bits(log.forecast([cutoff]), without=("label",))
    days = [row for row in log.day_rows() if row["day"] < cutoff]
    sessions = [row for row in log.session_rows() if row["day"] < cutoff]
    return features, days, sessions


def events_of_days(days: list[int], most: int) -> st.SearchStrategy[list[Row]]:
    """Events at few moments, in few sessions, so that ties, repeats and overlaps are common."""
    moments = [ms("10-01 00:00") + d * DAY + t for d in days for t in (0, 1, HOUR, 9 * HOUR, DAY - 1)]
    one = st.builds(
        event,
        st.sampled_from("1234"),
        st.sampled_from(moments),
        st.sampled_from([*COUNTED, *["NextSong"] * 9, "Login", "Cancel", "Cancellation Confirmation"]),
        sessionId=st.sampled_from([None, 1, 1, 2, 3]),
        itemInSession=st.sampled_from([None, 0, 1, 2, 90_000]),
        level=st.sampled_from([None, "free", "paid"]),
        artist=st.sampled_from([None, "Muse", "Adele"]),
        song=st.sampled_from([None, "Undo", "Rain"]),
        length=st.sampled_from([None, 0.1, 200.00001]),
        location=st.sampled_from([None, "Reno, NV", "Portland, OR-WA"]),
        registration=st.sampled_from([None, 1, ms("10-22 00:00")]),
    )
    return st.lists(one, min_size=1, max_size=most)


histories = events_of_days([0, 1, 5, 6, 7, 12, 13, 14, 18, 19], 70)
futures = events_of_days([20, 21, 40], 30)  # 0 is 10-01, so 20 is the cut-off


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=histories, future=futures)
def test_whatever_happens_from_the_cutoff_on_changes_nothing_before_it(
    rows: list[Row], future: list[Row], engine: DuckDBEngine, tmp_path: Path
) -> None:
    anchor = [event("anchor", ms("10-01 00:00"))]
    alone = past(roll(engine, tmp_path, anchor + rows), CUTOFF)
    assert past(roll(engine, tmp_path, anchor + rows + future), CUTOFF) == alone


Change = Callable[[list[Row], Random], list[Row]]


def deleted(future: list[Row], random: Random) -> list[Row]:
    return []


def scrambled(future: list[Row], random: Random) -> list[Row]:
    """Times change hands."""
    times = [row["ts"] for row in future]
    random.shuffle(times)
    return [row | {"ts": ts} for row, ts in zip(future, times, strict=True)]


def changed(future: list[Row], random: Random) -> list[Row]:
    """Everything but user and time is another, and half of all levels."""
    pages = [*COUNTED]
    return [
        row
        | {"page": random.choice(pages), "level": random.choice(["free", "paid"]), "sessionId": random.randrange(5)}
        | {"artist": "Nobody", "song": "Nothing", "length": 1.0, "location": "Reno, NV", "gender": "M"}
        | {"registration": row["ts"], "itemInSession": random.randrange(9), "userAgent": "iPad"}
        for row in future
    ]


def inserted(future: list[Row], random: Random) -> list[Row]:
    """As many events again, the first of them at the cut-off itself, in the sessions that were there."""
    more = [row | {"ts": row["ts"] + random.randrange(1, HOUR), "page": "Thumbs Down"} for row in future]
    return future + more + [row | {"ts": row["ts"] // DAY * DAY} for row in future]


def cancelled(future: list[Row], random: Random) -> list[Row]:
    return [row | {"page": random.choice(["Cancel", "Cancellation Confirmation"])} for row in future]


CHANGES: list[Change] = [deleted, scrambled, changed, inserted, cancelled]


def read_log(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def real_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(memory=1_000_000_000, scratch=tmp_path_factory.mktemp("scratch"), threads=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def real() -> dict[str, object]:
    """What was known of the real users, once computed."""
    return {}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_no_change_of_the_future_of_real_users_is_seen(
    change: Change, data: Callable[[str], Path], real: dict[str, object], real_engine: DuckDBEngine, tmp_path: Path
) -> None:
    rows = read_log(data("real/seven_users.json.gz"))
    if not real:
        real["past"] = past(roll(real_engine, tmp_path, rows), CUTOFF)
    before, after = [r for r in rows if r["ts"] < AT], [r for r in rows if r["ts"] >= AT]
    other = change(after, Random(0))
    assert other != after != []
    assert past(roll(real_engine, tmp_path, before + other), CUTOFF) == real["past"]


@pytest.mark.slow
def test_no_change_of_the_future_of_many_users_is_seen(
    data: Callable[[str], Path], engine: DuckDBEngine, tmp_path: Path
) -> None:
    """Of every third user; each future is changed in another way."""
    everybody = read_log(data("eventsim_mini.json.gz"))
    some = set(sorted({row["userId"] for row in everybody if row["userId"]})[::3])
    rows = [row for row in everybody if row["userId"] in some]
    futures: dict[str, list[Row]] = {}
    for row in rows:
        if row["ts"] >= AT:
            futures.setdefault(row["userId"], []).append(row)
    random = Random(1)
    before = [row for row in rows if row["ts"] < AT]
    after = [
        row
        for i, (_, future) in enumerate(sorted(futures.items()))
        for row in CHANGES[i % len(CHANGES)](future, random)
    ]
    expected = past(roll(engine, tmp_path, rows), CUTOFF)
    assert past(roll(engine, tmp_path, before + after), CUTOFF) == expected
    assert len(futures) > 50


def everything(log: Rolled) -> tuple[object, ...]:
    return bits(log.forecast([day("10-08"), CUTOFF, day("11-20")])), log.day_rows(), log.session_rows()


def hostile_log() -> list[Row]:
    """Ties of every kind, on purpose and by chance."""
    random = Random(5)
    return [
        event(
            str(random.randrange(6)),
            ms("10-01 00:00")
            + random.choice([0, 1, 6, 7, 19, 20, 49, 59]) * DAY
            + random.choice([0, 1, HOUR, 9 * HOUR, DAY - 1]),
            random.choice([*COUNTED, *["NextSong"] * 9, "Login", "Cancel"]),
            sessionId=random.choice([None, 1, 2, 3]),
            itemInSession=random.choice([None, 0, 1, 2]),
            level=random.choice([None, "free", "paid"]),
            artist=random.choice([None, "Muse", "Adele"]),
            song=random.choice([None, "Undo", "Rain"]),
            length=random.choice([None, 0.1, 200.00001]),
            location=random.choice([None, "Reno, NV", "Portland, OR-WA"]),
        )
        for _ in range(1000)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hostile", "seven_users"])
def test_order_of_rows_split_of_files_and_threads_change_nothing(
    name: str, data: Callable[[str], Path], engine: DuckDBEngine, tmp_path: Path
) -> None:
    rows = hostile_log() if name == "hostile" else read_log(data("real/seven_users.json.gz"))
    expected = everything(roll(engine, tmp_path, rows))
    shuffled = list(rows)
    Random(2).shuffle(shuffled)
    files = [write_log(tmp_path / f"{i}.json", shuffled[i::7]) for i in range(7)]
    one_thread = DuckDBEngine(memory=1_000_000_000, scratch=tmp_path / "one", threads=1)
    try:
        assert everything(roll_files(one_thread, tmp_path, files)) == expected
    finally:
        one_thread.close()


def test_a_label_does_see_the_future(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Or the tests above would prove nothing: a user who leaves after the cut-off has another label."""
    rows = [event("7", AT - 1), event("7", AT + DAY)]
    other = [event("7", AT - 1), event("7", AT + DAY, "Cancellation Confirmation")]
    first, second = (
        roll(engine, tmp_path, log, Problem(horizon=2)).forecast([CUTOFF], day("10-30")) for log in (rows, other)
    )
    assert (first["label"].to_pylist(), second["label"].to_pylist()) == ([0], [1])
    assert bits(first, without=("label",)) == bits(second, without=("label",))
