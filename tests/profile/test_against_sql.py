"""The profile against the same numbers taken from the raw log by plain SQL, which shares no code with it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from churn.pipeline import profile_log
from churn.profile import FACTS
from churn.report.inputs import Cells, Inputs, read_inputs
from churn.settings import Settings
from tests.e2e.small import learnable_log

CLEAN = """
CREATE TABLE log AS SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{
    ts: 'BIGINT', userId: 'VARCHAR', sessionId: 'BIGINT', page: 'VARCHAR', auth: 'VARCHAR', method: 'VARCHAR',
    status: 'BIGINT', level: 'VARCHAR', itemInSession: 'BIGINT', location: 'VARCHAR', userAgent: 'VARCHAR',
    lastName: 'VARCHAR', firstName: 'VARCHAR', registration: 'BIGINT', gender: 'VARCHAR', artist: 'VARCHAR',
    song: 'VARCHAR', length: 'DOUBLE'}});
CREATE TABLE e AS SELECT * FROM log WHERE userId IS NOT NULL AND userId <> '';
CREATE TABLE gone AS SELECT userId, min(ts) AS left_ts FROM e WHERE page = 'Cancellation Confirmation' GROUP BY 1;
CREATE TABLE seen AS SELECT e.*, gone.left_ts IS NOT NULL AS has_left FROM e LEFT JOIN gone USING (userId)
    WHERE page NOT IN ('Cancel', 'Cancellation Confirmation');
CREATE TABLE spans AS SELECT userId, sessionId, has_left, min(ts) AS first, max(ts) AS last,
    count(*) FILTER (page = 'NextSong') AS songs FROM seen GROUP BY ALL;
"""


@pytest.fixture(scope="module", params=["made", pytest.param("simulated", marks=pytest.mark.slow)])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, data: Callable[[str], Path]
) -> tuple[Inputs, duckdb.DuckDBPyConnection]:
    """The profile of a log, and a connection that has the raw log."""
    folder = tmp_path_factory.mktemp("profile")
    path = learnable_log(folder / "log.json") if request.param == "made" else data("eventsim_mini.json.gz")
    profile_log(Settings((str(path),), folder / "run"))
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(CLEAN.format(path=path))
    return read_inputs(folder / "run"), connection


@pytest.fixture
def inputs(both: tuple[Inputs, duckdb.DuckDBPyConnection]) -> Inputs:
    return both[0]


@pytest.fixture
def ask(both: tuple[Inputs, duckdb.DuckDBPyConnection]) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda query: both[1].execute(query).fetchall()


Ask = Callable[[str], list[tuple[Any, ...]]]


def cells(rows: list[Cells], *names: str) -> list[tuple[Any, ...]]:
    """Columns of a table, numbers as numbers."""
    return [tuple(_value(row[name]) for name in names) for row in rows]


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text or None


def assert_close(found: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]]) -> None:
    """Equal, floats to 1e-9 of their size."""
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            same = math.isclose(a, b, rel_tol=1e-9) if isinstance(a, float) and b is not None else a == b
            assert same, (ours, theirs)


def test_facts(inputs: Inputs, ask: Ask) -> None:
    facts = json.loads((inputs.folder / "statistics" / FACTS).read_text())
    wanted = ask(
        """SELECT (SELECT count(*) FROM log), (SELECT count(*) FROM e), count(DISTINCT userId),
           (SELECT count(*) FROM gone), count(*) FILTER (page = 'NextSong'), count(DISTINCT (userId, sessionId)),
           (SELECT count(DISTINCT artist) FROM e), (SELECT count(DISTINCT song) FROM e) FROM seen"""
    )
    names = ("lines", "events", "users", "leavers", "songs", "sessions", "artists", "song_titles")
    assert [tuple(facts[name] for name in names)] == wanted
    assert_close([(facts["hours_in_sessions"],)], ask("SELECT round(sum(last - first) / 3.6e6, 3) FROM spans"))


def test_pages_with_nobodys_lines_apart(inputs: Inputs, ask: Ask) -> None:
    wanted = ask(
        """SELECT page, count(*) FILTER (coalesce(userId, '') <> '') AS n,
           count(*) FILTER (coalesce(userId, '') = '') AS nobodys, string_agg(DISTINCT method, '/' ORDER BY method)
           FROM log GROUP BY page ORDER BY n DESC, nobodys DESC, page"""
    )
    assert_close(cells(inputs.rows("statistics/pages"), "page", "events", "nobodys_lines", "method"), wanted)


def test_nulls_and_distinct_values_of_every_column(inputs: Inputs, ask: Ask) -> None:
    for row in inputs.rows("statistics/columns"):
        name = row["column"]
        [(nulls, distinct)] = ask(f'SELECT count(*) - count("{name}"), count(DISTINCT "{name}") FROM e')
        assert (int(row["nulls"]), int(row["distinct"])) == (nulls, distinct), name


@pytest.mark.parametrize("column", ["level", "auth", "status"])
def test_values_of_columns_with_few(inputs: Inputs, ask: Ask, column: str) -> None:
    rows = inputs.rows("statistics/values", column=column)
    wanted = ask(f"SELECT {column}::VARCHAR, count(*) FROM e GROUP BY 1")
    assert {(row["value"], int(row["events"])) for row in rows if int(row["events"])} == set(wanted)


def test_page_rates_of_who_stayed_and_who_left(inputs: Inputs, ask: Ask) -> None:
    for group, condition in {"all": "true", "stayed": "NOT has_left", "left": "has_left"}.items():
        wanted = dict(
            (page, (n, per_song, per_hour, users))
            for page, n, per_song, per_hour, users in ask(
                f"""WITH s AS (SELECT sum(songs) AS songs, sum(last - first) / 3.6e6 AS hours FROM spans
                               WHERE {condition})
                SELECT page, count(*), count(*) * 1000 / any_value(songs), count(*) / any_value(hours),
                       count(DISTINCT userId) FROM seen, s WHERE {condition} GROUP BY page"""
            )
        )
        for row in inputs.rows("statistics/page_rates", group=group):
            found = cells([row], "events", "per_1000_songs", "per_hour", "users_with_any")
            assert_close(found, [wanted.get(row["page"], (0, 0.0, 0.0, 0))])


def test_quantiles_of_users(inputs: Inputs, ask: Ask) -> None:
    expressions = {
        "events": "count(*)",
        "songs": "count(*) FILTER (page = 'NextSong')",
        "distinct artists": "count(DISTINCT artist)",
        "sessions": "count(DISTINCT sessionId)",
        "active days": "count(DISTINCT ts // 86400000)",
        "days from first to last event": "(max(ts) - min(ts)) / 864e5",
    }
    for name, expression in expressions.items():
        for group, condition in {"all": "true", "stayed": "NOT has_left", "left": "has_left"}.items():
            wanted = ask(
                f"""SELECT count(x), avg(x), stddev_samp(x), quantile_cont(x, 0.05), median(x), quantile_cont(x, 0.99),
                    max(x) FROM (SELECT ({expression})::DOUBLE AS x FROM seen WHERE {condition} GROUP BY userId)"""
            )
            found = inputs.rows("statistics/users", quantity=name, group=group)
            assert_close(cells(found, "n", "mean", "sd", "p5", "p50", "p99", "max"), wanted)


def test_lengths_of_sessions_and_breaks_between_them(inputs: Inputs, ask: Ask) -> None:
    wanted = ask(
        """SELECT median(minutes), avg(minutes), median(songs) FROM
           (SELECT (last - first) // 60000 AS minutes, songs FROM spans)"""
    )
    rows = inputs.rows("statistics/sessions", group="all")
    by_name = {row["quantity"]: row for row in rows}
    length, songs = by_name["length (whole minutes)"], by_name["songs"]
    assert_close([(float(length["p50"]), float(length["mean"]), float(songs["p50"]))], wanted)
    gaps = ask(
        """SELECT median(h) FROM (SELECT avg(gap) / 3.6e6 AS h FROM (
             SELECT userId, first, max(last) OVER (PARTITION BY userId ORDER BY first, sessionId
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before, greatest(first - before, 0) AS gap
             FROM spans)
           WHERE before IS NOT NULL GROUP BY userId)"""
    )
    [row] = inputs.rows("statistics/users", quantity="break between sessions (hours)", group="all")
    assert_close([(float(row["p50"]),)], gaps)


@pytest.mark.parametrize(
    ("segment", "expression"),
    [
        ("gender", "any_value(gender)"),
        ("level at the last event", "arg_max(level, (ts, itemInSession))"),
        ("month of registration", "strftime(make_timestamp(any_value(registration) * 1000), '%Y-%m')"),
        ("device", """CASE WHEN any_value(userAgent) LIKE '%Windows%' THEN 'Windows'
            WHEN any_value(userAgent) LIKE '%Macintosh%' THEN 'Mac' WHEN any_value(userAgent) LIKE '%X11%' THEN 'Linux'
            WHEN any_value(userAgent) LIKE '%iPhone;%' THEN 'iPhone' WHEN any_value(userAgent) LIKE '%iPad%' THEN 'iPad'
            ELSE 'other' END"""),
        ("submitted a downgrade", "CASE WHEN bool_or(page = 'Submit Downgrade') THEN 'yes' ELSE 'no' END"),
    ],
)  # fmt: skip
def test_churn_rate_by_segment(inputs: Inputs, ask: Ask, segment: str, expression: str) -> None:
    wanted = ask(
        f"""SELECT v, count(*), count(*) FILTER (l), avg(l::INT) FROM
            (SELECT {expression} AS v, any_value(has_left) AS l FROM seen GROUP BY userId) GROUP BY v ORDER BY v"""
    )
    found = inputs.rows("statistics/churn_by_segment", segment=segment)
    assert_close(sorted(cells(found, "value", "users", "leavers", "churn_rate")), wanted)


def test_activity_by_day_weekday_and_hour(inputs: Inputs, ask: Ask) -> None:
    rows = inputs.rows("statistics/activity_by_date", group="left")
    active = [row for row in cells(rows, "date", "users", "songs") if row[1]]
    assert_close(active, ask(
        """SELECT strftime(make_timestamp(ts * 1000), '%Y-%m-%d') AS d, count(DISTINCT userId),
           count(*) FILTER (page = 'NextSong') FROM seen WHERE has_left GROUP BY d ORDER BY d"""
    ))  # fmt: skip
    left = {row["date"]: int(row["users_who_left"]) for row in inputs.rows("statistics/activity_by_date", group="all")}
    wanted = ask("SELECT strftime(make_timestamp(left_ts * 1000), '%Y-%m-%d'), count(*) FROM gone GROUP BY 1")
    assert {day: n for day, n in left.items() if n} == dict(wanted)
    for table, name, part in (("activity_by_weekday", "weekday", "%A"), ("activity_by_hour", "hour", "%-H")):
        found = {(row[name], int(row["songs"])) for row in inputs.rows(f"statistics/{table}", group="all")}
        assert {(place, n) for place, n in found if n} == set(ask(
            f"""SELECT strftime(make_timestamp(ts * 1000), '{part}'), count(*) FROM e
                WHERE page = 'NextSong' GROUP BY 1"""
        ))  # fmt: skip


def test_favourites(inputs: Inputs, ask: Ask) -> None:
    for kind in ("artist", "song"):
        found = cells(inputs.rows("statistics/favourites", kind=kind), "value", "events")
        query = f"SELECT {kind}, count(*) AS n FROM e WHERE {kind} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20"
        assert_close(found, ask(query))
    found = cells(inputs.rows("statistics/favourites", kind="location"), "value", "events", "users")
    assert_close(found, ask(
        """SELECT location, count(*) AS n, count(DISTINCT userId) FROM e WHERE location IS NOT NULL
           GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20"""
    ))  # fmt: skip


def test_survival_without_censoring_in_between(inputs: Inputs, ask: Ask) -> None:
    """Kaplan and Meier's product over days since the first event, written as a sum of logarithms in SQL."""
    wanted = ask(
        """WITH u AS (SELECT userId, min(ts) AS first FROM seen GROUP BY userId),
           t AS (SELECT (coalesce(left_ts, (SELECT max(ts) FROM e)) - first) // 86400000 AS day,
                 left_ts IS NOT NULL AS l FROM u LEFT JOIN gone USING (userId)),
           d AS (SELECT day, count(*) FILTER (l) AS leavers, (SELECT count(*) FROM t AS o WHERE o.day >= t.day) AS risk
                 FROM t GROUP BY day)
           SELECT day, exp(sum(ln(1 - leavers / risk)) OVER (ORDER BY day)) FROM d WHERE leavers < risk ORDER BY day"""
    )
    rows = inputs.rows("statistics/survival", origin="first event in the log")
    found = {float(row["day"]): float(row["survival"]) for row in rows}
    shared = [(day, share) for day, share in wanted if day in found]
    assert len(shared) > 10
    assert_close([(found[day],) for day, _ in shared], [(share,) for _, share in shared])


def test_what_followed_an_upgrade(inputs: Inputs, ask: Ask) -> None:
    [row] = [row for row in inputs.rows("statistics/churn_after") if row["trigger"] == "any day"]
    wanted = ask(
        """WITH d AS (SELECT DISTINCT userId, ts // 86400000 AS day FROM seen),
                g AS (SELECT userId, left_ts // 86400000 AS l FROM gone)
           SELECT count(*), count(*) FILTER (l - day <= 14) FROM d LEFT JOIN g USING (userId)
           WHERE day + 14 < (SELECT max(ts) FROM e) // 86400000 AND (l IS NULL OR day <= l)"""
    )
    assert_close(cells([row], "days", "left_within"), wanted)
    rows = inputs.rows("statistics/time_to_churn", trigger="upgrade")
    counted = ask(
        """SELECT count(*) FROM gone WHERE userId IN (SELECT userId FROM seen s JOIN gone g USING (userId)
           WHERE page = 'Submit Upgrade' AND s.ts // 86400000 <= g.left_ts // 86400000)"""
    )
    assert sum(int(row["leavers"]) for row in rows if row["from_days"]) == counted[0][0]
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)
