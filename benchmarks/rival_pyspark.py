"""The same account, events and rollups by hand: one PySpark job, as a good engineer would write it in an hour.

python -m benchmarks.rival_pyspark LOG OUT MEMORY

It reads the log once, with a schema and Spark's own leniency, into Parquet by day; everything else reads that.
All cores of this machine, one Java machine with MEMORY (as `3300m`), and as many shuffle partitions as pay here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from benchmarks.names import CODE, HIDDEN, INTEGERS, LEAVING, OUTCOMES, PAGES, PARTS, TEXTS, TRIGGERS

SCHEMA = ", ".join([*(f"{name} BIGINT" for name in INTEGERS), "length DOUBLE", *(f"{name} STRING" for name in TEXTS)])
PLACE = "least(greatest(coalesce(itemInSession, 0), 0), 65535)"


def session(memory: str, scratch: Path) -> SparkSession:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = {
        "spark.driver.memory": memory,
        "spark.local.dir": str(scratch),
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(8 * cores),  # adaptive execution merges what is small
        "spark.sql.files.maxPartitionBytes": "64m",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName("rival")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def ingest(spark: SparkSession, log: str, out: Path) -> dict[str, int]:
    """Events by status and day; returns lines by what became of them."""
    spark.read.text(log).createOrReplaceTempView("raw")
    spark.sql(f"""
        SELECT value, from_json(value, '{SCHEMA}, bad STRING', map('columnNameOfCorruptRecord', 'bad')) AS r
        FROM raw""").createOrReplaceTempView("parsed")
    judged = spark.sql("""
        SELECT r.*, cast(round(r.length * 100000) AS BIGINT) AS length_e5,
            CASE WHEN trim(value) = '' THEN 'blank'
                WHEN NOT startswith(value, '{') OR (r.bad IS NOT NULL AND coalesce(r.ts, r.page, r.userId) IS NULL)
                    THEN 'unparseable'
                WHEN r.ts IS NULL OR r.ts < 946684800000 THEN 'no_ts'
                WHEN coalesce(r.page, '') = '' THEN 'no_page'
                WHEN coalesce(r.userId, '') = '' OR (r.firstName IS NULL AND r.gender IS NULL
                    AND r.registration IS NULL AND r.auth IN ('Logged Out', 'Guest')) THEN 'nobody'
                ELSE 'kept' END AS judged,
            to_date(timestamp_millis(r.ts)) AS day
        FROM parsed""").drop("bad")
    judged.write.partitionBy("judged", "day").parquet(str(out / "lines"))
    spark.read.parquet(str(out / "lines")).createOrReplaceTempView("lines")
    doubled = spark.sql("""
        SELECT judged, day, count(*) AS lines,
            count(*) > count(DISTINCT xxhash64(userId, ts, sessionId, itemInSession)) AS doubled
        FROM lines GROUP BY judged, day""").collect()
    if found := [row["day"] for row in doubled if row["doubled"] and row["judged"] in ("kept", "nobody")]:
        raise SystemExit(f"duplicates on {found}: this script only finds them")
    account: dict[str, int] = {}
    for row in doubled:
        account[row["judged"]] = account.get(row["judged"], 0) + row["lines"]
    return account


def counts() -> dict[str, str]:
    sums = {
        "events": "count(*)",
        "session_ms": "coalesce(sum(ts - ts1), 0)",
        "listened_e5": "sum(len)",
        "upgrades": "count_if(paid1 < paid)",
        "downgrades": "count_if(paid1 > paid)",
    }
    for name, page in PAGES.items():
        sums |= {name: f"count_if(p = {CODE[page]})", f"paid_{name}": f"count_if(p = {CODE[page]} AND paid = 1)"}
    for part, (start, end) in PARTS.items():
        sums[f"songs_{part}"] = f"count_if(p = {CODE['NextSong']} AND hour >= {start} AND hour < {end})"
    for trigger, page in TRIGGERS.items():
        one = f"coalesce(p1 = {CODE[page]}, false)"
        sums[f"after_{trigger}"] = f"count_if({one})"
        for outcome, (pages, within) in OUTCOMES.items():
            kinds = ", ".join(str(CODE[page]) for page in pages)
            two = f"({one} OR (coalesce(p2 = {CODE[page]}, false) AND p1 NOT IN ({kinds})))"
            sums[f"{trigger}_then_{outcome}"] = f"count_if({one if within == 1 else two} AND p IN ({kinds}))"
    return sums


def sessions(spark: SparkSession) -> DataFrame:
    codes = " ".join(f"WHEN '{page}' THEN {number}" for page, number in CODE.items())
    listed = ", ".join(f"{total} AS {name}" for name, total in counts().items())
    return spark.sql(f"""
        WITH ranked AS (
            SELECT userId, coalesce(sessionId, -1) AS sessionId, day, ts, ts div 3600000 % 24 AS hour,
                cast(CASE page {codes} ELSE 0 END AS TINYINT) AS p,
                cast(coalesce(level = 'paid', false) AS TINYINT) AS paid,
                CASE WHEN page = 'NextSong' THEN coalesce(length_e5, 0) ELSE 0 END AS len,
                (ts - 946684800000) * 4194304 + {PLACE} * 64 + (CASE page {codes} ELSE 0 END) * 2
                    + cast(coalesce(level = 'paid', false) AS INT) AS k FROM seen),
        walk AS (
            SELECT *, lag(p) OVER w AS p1, lag(p, 2) OVER w AS p2, lag(ts) OVER w AS ts1, lag(paid) OVER w AS paid1
            FROM ranked WINDOW w AS (PARTITION BY userId, sessionId ORDER BY k))
        SELECT userId, sessionId, day, min(ts) AS first_ts, max(ts) AS last_ts,
            max(cast(ts1 IS NULL AS TINYINT)) AS starts,
            cast(min(k) % 2 AS TINYINT) AS first_paid, cast(max(k) % 2 AS TINYINT) AS last_paid,
            max(CASE WHEN paid <> paid1 THEN ts END) AS switched_ts, {listed}
        FROM walk GROUP BY userId, sessionId, day""")


def user_days(spark: SparkSession) -> DataFrame:
    order = "PARTITION BY userId ORDER BY first_ts, sessionId, day"
    before = f"max(last_ts * 2 + last_paid) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    sums = {name: f"sum({name})" for name in counts()}
    sums["upgrades"] = "sum(upgrades + cast(changed AND first_paid = 1 AS INT))"
    sums["downgrades"] = "sum(downgrades + cast(changed AND first_paid = 0 AS INT))"
    listed = ", ".join(f"{total} AS {name}" for name, total in sums.items())
    first = {
        name: f"""SELECT userId, day, count(*) AS {name} FROM (SELECT userId, {what}, min(day) AS day FROM seen
            WHERE page = 'NextSong' AND artist IS NOT NULL GROUP BY userId, {what}) GROUP BY userId, day"""
        for name, what in (("new_artists", "artist"), ("new_songs", "artist, song"))
    }
    return spark.sql(f"""
        WITH linked AS (SELECT *, {before} AS before FROM sessions),
        gaps AS (
            SELECT *, CASE WHEN starts = 1 AND before IS NOT NULL
                    THEN greatest(first_ts - before div 2, 0) END AS gap,
                starts = 1 AND coalesce(before div 2 <= first_ts AND before % 2 <> first_paid, false) AS changed
            FROM linked),
        days AS (
            SELECT userId, day, min(first_ts) AS first_ts, max(last_ts) AS last_ts, sum(starts) AS sessions,
                count(gap) AS gaps, coalesce(sum(gap), 0) AS gap_ms, max(gap) AS longest_gap_ms,
                max(CASE WHEN changed AND switched_ts IS NULL THEN first_ts ELSE switched_ts END) AS switched_ts,
                {listed} FROM gaps GROUP BY userId, day),
        kinds AS (
            SELECT userId, day, coalesce(gender, '') AS gender, coalesce(registration, -1) AS registration,
                coalesce(location, '') AS location, coalesce(userAgent, '') AS userAgent,
                coalesce(level, '') AS level, max((ts - 946684800000) * 65536 + {PLACE}) AS k
            FROM seen GROUP BY 1, 2, 3, 4, 5, 6, 7),
        latest AS (
            SELECT userId, day, max(struct(k, gender, registration, location, userAgent, level)) AS a
            FROM kinds GROUP BY userId, day)
        SELECT days.*, coalesce(new_artists, 0) AS new_artists, coalesce(new_songs, 0) AS new_songs,
            a.gender, a.registration, a.location, a.userAgent, a.level
        FROM days LEFT JOIN ({first["new_artists"]}) USING (userId, day)
        LEFT JOIN ({first["new_songs"]}) USING (userId, day) JOIN latest USING (userId, day)""")


def main(log: str, out: str, memory: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True)
    spark = session(memory, folder / "scratch")
    account = ingest(spark, log, folder)
    events = spark.read.parquet(str(folder / "lines" / "judged=kept"))
    events.createOrReplaceTempView("events")
    events.filter(~events["page"].isin(list(HIDDEN))).createOrReplaceTempView("seen")
    sessions(spark).write.parquet(str(folder / "sessions.parquet"))
    spark.read.parquet(str(folder / "sessions.parquet")).createOrReplaceTempView("sessions")
    user_days(spark).write.parquet(str(folder / "user_days.parquet"))
    leavers = spark.sql(f"""SELECT userId, min(ts) AS left_ts, min(day) AS left_day FROM events
        WHERE page = '{LEAVING}' GROUP BY userId""")
    leavers.write.parquet(str(folder / "leavers.parquet"))
    (folder / "account.json").write_text(json.dumps(account))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
