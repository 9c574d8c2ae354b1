"""The quirks of the real log, one test each, on a log of the medium size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from churn.simulate import SIZES, Simulation, simulate

pytestmark = pytest.mark.slow

MEDIUM = Simulation(users=SIZES["medium"], seed=0)
END = int(datetime(2018, 12, 1, tzinfo=UTC).timestamp() * 1000)
NOBODYS_PAGES = {"Home", "Help", "About", "Login", "Error", "Register", "Submit Registration"}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The log as a table `log`, in which `n` is the place of a row."""
    path: Path = tmp_path_factory.mktemp("quirks") / "log.parquet"
    simulate(path, MEDIUM, form="parquet", processes=1)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE log AS SELECT row_number() OVER () AS n, * FROM read_parquet('{path}')")
        yield connection


def one(log: duckdb.DuckDBPyConnection, what: str, where: str = "true", source: str = "log") -> Any:
    """The one value of a query."""
    [(value,)] = log.execute(f"SELECT {what} FROM {source} WHERE {where}").fetchall()
    return value


def test_lines_without_a_user_have_an_empty_id_and_few_pages(log: duckdb.DuckDBPyConnection) -> None:
    assert one(log, "count(*)", "userId IS NULL") == 0
    nobody = "userId = ''"
    assert 0.02 < one(log, f"avg(({nobody})::INT)") < 0.04
    assert set(one(log, "list(DISTINCT auth)", nobody)) == {"Logged Out", "Guest"}
    assert set(one(log, "list(DISTINCT page)", nobody)) == NOBODYS_PAGES
    for name in ("firstName", "lastName", "gender", "location", "registration", "userAgent"):
        assert one(log, f"count({name})", nobody) == 0
    assert one(log, "count(*)", f"{nobody} AND level NOT IN ('free', 'paid')") == 0


def test_in_a_full_log_nobody_has_an_id_of_its_own() -> None:
    # What people are called does not need their events.
    assert Simulation(users=SIZES["full"]).people().guest_id == "1261737"
    assert MEDIUM.people().guest_id == ""


def test_lines_of_the_logged_out_continue_the_session_of_a_member(log: duckdb.DuckDBPyConnection) -> None:
    joined = "log a JOIN log b ON a.sessionId = b.sessionId AND b.itemInSession = a.itemInSession + 1"
    pages = "a.page = 'Logout' AND a.userId <> '' AND b.auth = 'Logged Out' AND b.page = 'Home'"
    assert one(log, "count(*)", pages, joined) > 100
    assert one(log, "count(*)", "a.page = 'Login' AND a.userId = '' AND b.auth = 'Logged In'", joined) > 100


def test_a_session_id_belongs_to_several_users(log: duckdb.DuckDBPyConnection) -> None:
    pairs = one(log, "count(DISTINCT (sessionId, userId))", "userId <> ''")
    assert pairs > 1.1 * one(log, "count(DISTINCT sessionId)", "userId <> ''")


def test_some_user_agents_are_in_quotes_of_their_own_and_some_are_not(log: duckdb.DuckDBPyConnection) -> None:
    quoted = """userAgent LIKE '"%"'"""
    assert one(log, "count(*)", f"{quoted} AND userAgent LIKE '%AppleWebKit%'") > 0
    assert one(log, "count(*)", f"{quoted} AND userAgent LIKE '%Firefox%'") == 0
    assert one(log, "count(*)", f"NOT ({quoted}) AND userAgent LIKE '%Firefox%'") > 0


def test_some_names_were_encoded_twice(log: duckdb.DuckDBPyConnection) -> None:
    assert one(log, "count(DISTINCT artist)", "artist LIKE '%Ã%'") > 0


def test_a_song_is_called_nan() -> None:
    assert "NaN" in set(MEDIUM.catalogue().titles)  # whether anybody plays it in a log of this size is chance


def test_no_line_occurs_twice(log: duckdb.DuckDBPyConnection) -> None:
    assert one(log, "count(*)") == one(log, "count(*)", source="(SELECT DISTINCT * EXCLUDE (n) FROM log)")


def test_the_line_that_changes_the_level_carries_the_old_one(log: duckdb.DuckDBPyConnection) -> None:
    follows = (
        "(SELECT page, level, lead(level) OVER (PARTITION BY userId ORDER BY n) AS later FROM log WHERE userId <> '')"
    )
    for page, old, new in (("Submit Upgrade", "free", "paid"), ("Submit Downgrade", "paid", "free")):
        assert one(log, "count(*)", f"page = '{page}'", follows) > 30
        assert one(log, "count(*)", f"page = '{page}' AND (level <> '{old}' OR later <> '{new}')", follows) == 0


def test_some_register_after_their_first_event(log: duckdb.DuckDBPyConnection) -> None:
    firsts = "(SELECT min(ts) AS first, any_value(registration) AS since FROM log WHERE userId <> '' GROUP BY userId)"
    assert 0 < one(log, "count(*)", "since > first", firsts) < 0.05 * MEDIUM.users
    assert one(log, "max(since - first)", source=firsts) < 24 * 86_400_000


def test_two_lines_lie_past_the_window_and_move_no_date(log: duckdb.DuckDBPyConnection) -> None:
    assert one(log, "list(userId)", f"ts >= {END}") == ["", ""]
    assert one(log, "max(ts)") < END + 60_000
    assert END - 3_600_000 < one(log, "max(ts)", "userId <> ''") < END


def test_ids_are_numbers_written_as_text(log: duckdb.DuckDBPyConnection) -> None:
    assert one(log, "typeof(any_value(userId))") == "VARCHAR"
    assert one(log, "count(*)", "userId <> '' AND NOT regexp_full_match(userId, '[0-9]+')") == 0


def test_some_sessions_last_for_more_than_a_day(log: duckdb.DuckDBPyConnection) -> None:
    sessions = "(SELECT (max(ts) - min(ts)) / 3600000 AS hours FROM log WHERE userId <> '' GROUP BY userId, sessionId)"
    assert 24 < one(log, "max(hours)", source=sessions) < 100


def test_a_user_has_several_levels_so_a_join_on_both_doubles_users(log: duckdb.DuckDBPyConnection) -> None:
    assert one(log, "count(DISTINCT (userId, level))", "userId <> ''") > MEDIUM.users * 1.2
