"""A log to plain tables for the comparison, in SQL that shares nothing with the product."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb

RATES = (
    "about", "add_friend", "add_to_playlist", "downgrade", "error", "help", "home", "logout", "roll_advert",
    "save_settings", "settings", "submit_downgrade", "submit_upgrade", "thumbs_down", "thumbs_up", "upgrade",
)  # fmt: skip
"""Pages whose rate by hour the published user tables hold, spelt as there."""

LOG = """
CREATE OR REPLACE TABLE log AS
SELECT ts, nullif(userId, '1261737') AS userId, sessionId, itemInSession, page, level, auth, artist, song, length,
       registration, gender, location, userAgent
FROM {source}
"""

USERS = """
CREATE OR REPLACE TABLE users AS
WITH member AS (SELECT * FROM log WHERE userId <> ''),
sessions AS (
    SELECT userId, sessionId, min(ts) AS first_ts, max(ts) AS last_ts, count(*) FILTER (page = 'NextSong') AS songs
    FROM member GROUP BY ALL
),
gaps AS (
    SELECT userId, (first_ts - lag(last_ts) OVER (PARTITION BY userId ORDER BY first_ts)) / 60000 AS gap FROM sessions
),
visits AS (
    SELECT userId, count(*) AS sessions, avg(songs) AS songs_per_session,
           avg(last_ts - first_ts) / 60000 AS session_minutes, sum(last_ts - first_ts) / 3600000 AS hours
    FROM sessions GROUP BY ALL
),
counts AS (
    SELECT userId, count(*) AS events, count(*) FILTER (page = 'NextSong') AS songs,
           count(DISTINCT artist) AS artists, count(DISTINCT (artist, song)) AS distinct_songs,
           coalesce(sum(length), 0) / 60 AS minutes, max(page = 'Cancellation Confirmation')::INT AS churned,
           count(DISTINCT (ts // 86400000)) AS active_days, count(DISTINCT level) AS levels,
           bool_or(level = 'free') AS ever_free, bool_or(level = 'paid') AS ever_paid,
           arg_max(level, ts * 10000 + itemInSession) = 'paid' AS paid,
           (max(ts) - any_value(registration)) / 86400000 AS tenure, {pages}
    FROM member GROUP BY ALL
)
SELECT counts.*, visits.* EXCLUDE (userId),
       coalesce((SELECT avg(gap) FROM gaps WHERE gaps.userId = counts.userId), 0) AS gap
FROM counts JOIN visits USING (userId)
"""


def connect(log: Path) -> duckdb.DuckDBPyConnection:
    """The tables `log` and `users` (one row a user) of a log file, in memory."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    columns = (
        "{ts: 'BIGINT', userId: 'VARCHAR', sessionId: 'BIGINT', itemInSession: 'BIGINT', page: 'VARCHAR', "
        "level: 'VARCHAR', auth: 'VARCHAR', artist: 'VARCHAR', song: 'VARCHAR', length: 'DOUBLE', "
        "registration: 'BIGINT', gender: 'VARCHAR', location: 'VARCHAR', userAgent: 'VARCHAR'}"
    )
    path = str(log).replace("'", "''")
    json = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
    con.execute(LOG.format(source=f"read_parquet('{path}')" if log.suffix == ".parquet" else json))
    pages = ", ".join(f"count(*) FILTER (page = '{title(name)}') AS page_{name}" for name in RATES)
    con.execute(USERS.format(pages=pages))
    con.execute("CREATE TABLE file AS SELECT ?::BIGINT AS bytes", [_bytes(log)])
    return con


def _bytes(log: Path) -> int | None:
    """Size of the lines, unpacked; None for Parquet, which has none."""
    if log.suffix == ".parquet":
        return None
    if log.suffix != ".gz":
        return log.stat().st_size
    with gzip.open(log, "rb") as file:
        return sum(len(part) for part in iter(lambda: file.read(1 << 24), b""))


def title(name: str) -> str:
    """A page as the log spells it."""
    return name.replace("_", " ").title().replace(" To ", " to ")
