"""The same account, events and rollups by hand: one DuckDB script, as a good engineer would write it in an hour.

python -m benchmarks.rival_duckdb LOG OUT MEMORY

It reads every line once, with typed JSON fields and DuckDB's own leniency (a wrong type becomes null, or
whatever the cast makes of it; nothing is counted as coerced), writes Parquet by day, counts lines by what
became of them, looks for duplicates, and writes the tables that `churn` writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

from benchmarks.names import CODE, FIRST_TS, HIDDEN, INTEGERS, LEAVING, OUTCOMES, PAGES, PARTS, TEXTS, TRIGGERS

TYPES = {**dict.fromkeys(INTEGERS, "BIGINT"), "length": "DOUBLE", **dict.fromkeys(TEXTS, "VARCHAR")}


def ingest(con: duckdb.DuckDBPyConnection, log: str, out: Path) -> dict[str, object]:
    schema = json.dumps(TYPES)
    lines = (
        f"read_csv('{log}', columns = {{'line': 'VARCHAR'}}, delim = '\x1f', quote = '', escape = '', header = false, "
        "auto_detect = false, max_line_size = 10000000)"
    )
    parsed = f"SELECT line, CASE WHEN json_valid(line) THEN from_json(line, '{schema}') END AS r FROM {lines}"
    judged = f"""
        SELECT r.*, round(r.length * 100000)::BIGINT AS length_e5,
            CASE WHEN line IS NULL OR trim(line) = '' THEN 'blank'
                WHEN r IS NULL OR line[1] <> '{{' THEN 'unparseable'
                WHEN r.ts IS NULL OR r.ts < {FIRST_TS} THEN 'no_ts'
                WHEN coalesce(r.page, '') = '' THEN 'no_page'
                WHEN coalesce(r."userId", '') = '' OR (r."firstName" IS NULL AND r.gender IS NULL
                    AND r.registration IS NULL AND r.auth IN ('Logged Out', 'Guest')) THEN 'nobody'
                ELSE 'kept' END AS judged,
            epoch_ms(r.ts)::DATE AS day
        FROM ({parsed})"""
    con.execute(f"COPY ({judged}) TO '{out}/lines' (FORMAT parquet, PARTITION_BY (judged, day))")
    everything = f"read_parquet('{out}/lines/*/*/*.parquet', hive_partitioning = true)"
    account: dict[str, object] = dict(
        con.execute(f"SELECT judged, count(*) FROM {everything} GROUP BY 1 ORDER BY 1").fetchall()
    )
    key = 'hash("userId", ts, "sessionId", "itemInSession")'
    doubled = con.execute(
        f"SELECT day FROM {everything} WHERE judged IN ('kept', 'nobody') "
        f"GROUP BY judged, day HAVING count(*) > count(DISTINCT {key})"
    ).fetchall()
    if doubled:
        raise SystemExit(f"duplicates on {doubled}: this script only finds them")
    return account


def rollups(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    events = f"(SELECT * FROM read_parquet('{out}/lines/judged=kept/*/*.parquet', hive_partitioning = true))"
    seen = f"(SELECT * FROM {events} WHERE page NOT IN {HIDDEN})"
    codes = " ".join(f"WHEN '{page}' THEN {i}" for page, i in CODE.items())
    walk = f"""
        SELECT *, lag(p) OVER w AS p1, lag(p, 2) OVER w AS p2, lag(ts) OVER w AS ts1, lag(paid) OVER w AS paid1
        FROM (SELECT "userId", coalesce("sessionId", -1) AS "sessionId", day, ts,
                (CASE page {codes} ELSE 0 END)::TINYINT AS p, coalesce(level = 'paid', false)::TINYINT AS paid,
                CASE WHEN page = 'NextSong' THEN coalesce(length_e5, 0) ELSE 0 END AS len,
                (ts - {FIRST_TS}) * 4194304 + least(greatest(coalesce("itemInSession", 0), 0), 65535) * 64
                    + (CASE page {codes} ELSE 0 END) * 2 + coalesce(level = 'paid', false)::INT AS k FROM {seen})
        WINDOW w AS (PARTITION BY "userId", "sessionId" ORDER BY k)"""
    counts = [
        "count(*) AS events",
        "coalesce(sum(ts - ts1), 0)::BIGINT AS session_ms",
        "sum(len)::BIGINT AS listened_e5",
        "count_if(coalesce(paid1 < paid, false)) AS upgrades",
        "count_if(coalesce(paid1 > paid, false)) AS downgrades",
    ]
    names = ["events", "session_ms", "listened_e5", "upgrades", "downgrades"]
    for name, page in PAGES.items():
        counts += [f"count_if(p = {CODE[page]}) AS {name}", f"count_if(p = {CODE[page]} AND paid = 1) AS paid_{name}"]
        names += [name, f"paid_{name}"]
    for part, (start, end) in PARTS.items():
        hour = "(ts // 3600000) % 24"
        counts.append(f"count_if(p = 1 AND {hour} >= {start} AND {hour} < {end}) AS songs_{part}")
        names.append(f"songs_{part}")
    for trigger, page in TRIGGERS.items():
        one = f"coalesce(p1 = {CODE[page]}, false)"
        counts.append(f"count_if({one}) AS after_{trigger}")
        names.append(f"after_{trigger}")
        for outcome, (pages, within) in OUTCOMES.items():
            kinds = ", ".join(str(CODE[page]) for page in pages)
            two = f"({one} OR (coalesce(p2 = {CODE[page]}, false) AND p1 NOT IN ({kinds})))"
            counts.append(f"count_if({one if within == 1 else two} AND p IN ({kinds})) AS {trigger}_then_{outcome}")
            names.append(f"{trigger}_then_{outcome}")
    con.execute(f"""COPY (SELECT "userId", "sessionId", day, min(ts) AS first_ts, max(ts) AS last_ts,
        max((ts1 IS NULL)::TINYINT) AS starts, arg_min(paid, k) AS first_paid, arg_max(paid, k) AS last_paid,
        max(ts) FILTER (paid <> paid1) AS switched_ts, {", ".join(counts)} FROM ({walk}) GROUP BY ALL)
        TO '{out}/sessions.parquet'""")
    order = 'PARTITION BY "userId" ORDER BY first_ts, "sessionId", day'
    before = f"max(last_ts * 2 + last_paid) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    linked = f"SELECT *, {before} // 2 AS end1, {before} % 2 AS paid1 FROM '{out}/sessions.parquet'"
    gaps = f"""SELECT *, CASE WHEN starts = 1 AND end1 IS NOT NULL THEN greatest(first_ts - end1, 0) END AS gap,
        starts = 1 AND coalesce(end1 <= first_ts AND paid1 <> first_paid, false) AS changed FROM ({linked})"""
    sums = {name: f"sum({name})::BIGINT" for name in names}
    sums["upgrades"] = "sum(upgrades + (changed AND first_paid = 1)::INT)::BIGINT"
    sums["downgrades"] = "sum(downgrades + (changed AND first_paid = 0)::INT)::BIGINT"
    first = {
        name: f"""SELECT "userId", day, count(*) AS {name} FROM (SELECT "userId", {what}, min(day) AS day FROM {seen}
            WHERE page = 'NextSong' AND artist IS NOT NULL GROUP BY ALL) GROUP BY ALL"""
        for name, what in (("new_artists", "artist"), ("new_songs", "artist, song"))
    }
    last = f"""SELECT "userId", day, gender, registration, location, "userAgent", level FROM (
        SELECT "userId", day, coalesce(gender, '') AS gender, coalesce(registration, -1) AS registration,
            coalesce(location, '') AS location, coalesce("userAgent", '') AS "userAgent", coalesce(level, '') AS level,
            max((ts - {FIRST_TS}) * 65536 + least(greatest(coalesce("itemInSession", 0), 0), 65535)) AS k
        FROM {seen} GROUP BY ALL)
        QUALIFY row_number() OVER (PARTITION BY "userId", day
            ORDER BY k DESC, gender DESC, registration DESC, location DESC, "userAgent" DESC, level DESC) = 1"""
    con.execute(f"""COPY (
        WITH days AS (SELECT "userId", day, min(first_ts) AS first_ts, max(last_ts) AS last_ts,
                sum(starts)::BIGINT AS sessions, count(gap) AS gaps, coalesce(sum(gap), 0)::BIGINT AS gap_ms,
                max(gap) AS longest_gap_ms,
                max(CASE WHEN changed AND switched_ts IS NULL THEN first_ts ELSE switched_ts END) AS switched_ts,
                {", ".join(f"{total} AS {name}" for name, total in sums.items())} FROM ({gaps}) GROUP BY ALL)
        SELECT days.*, coalesce(new_artists, 0) AS new_artists, coalesce(new_songs, 0) AS new_songs,
            a.* EXCLUDE ("userId", day)
        FROM days LEFT JOIN ({first["new_artists"]}) USING ("userId", day)
        LEFT JOIN ({first["new_songs"]}) USING ("userId", day) JOIN ({last}) AS a USING ("userId", day))
        TO '{out}/user_days.parquet'""")
    con.execute(f"""COPY (SELECT "userId", min(ts) AS left_ts, min(day) AS left_day FROM {events}
        WHERE page = '{LEAVING}' GROUP BY 1) TO '{out}/leavers.parquet'""")


def main(log: str, out: str, memory: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True)
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '{memory}'; SET preserve_insertion_order = false")
    con.execute(f"SET temp_directory = '{out}/tmp'; SET enable_progress_bar = false")
    con.execute("SET partitioned_write_flush_threshold = 100000")
    account = ingest(con, log, folder)
    rollups(con, folder)
    (folder / "account.json").write_text(json.dumps(account))


if __name__ == "__main__":
    main(*sys.argv[1:])
