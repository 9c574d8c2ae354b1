"""The same account, events and rollups by hand: one Polars script, as a good engineer would write it in an hour.

python -m benchmarks.rival_polars LOG OUT

Lazy frames throughout, on the streaming engine. Polars has no limit of memory to set. Its reader of JSON lines
forgives wrong types, but stops at a line that is no JSON: such a log is read once more, as text, without those lines.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import polars as pl
from polars.exceptions import ComputeError

from benchmarks.names import (
    ATTRIBUTES,
    CODE,
    FIRST_TS,
    HIDDEN,
    INTEGERS,
    LEAVING,
    OUTCOMES,
    PAGES,
    PARTS,
    TEXTS,
    TRIGGERS,
)

SCHEMA: Final = {
    **dict.fromkeys(INTEGERS, pl.Int64()), "length": pl.Float64(), **dict.fromkeys(TEXTS, pl.String())
}  # fmt: skip
USER: Final = ("userId", "sessionId")


def ingest(log: Path, out: Path) -> dict[str, int]:
    """Events by status and day; returns lines by what became of them."""
    text = pl.scan_lines(log)
    try:
        _write_events(log, out)
    except ComputeError:  # a line that is no JSON
        clean = out / "clean.ndjson"
        valid = pl.col("line").str.json_path_match("$").is_not_null() & pl.col("line").str.starts_with("{")
        text.filter(valid).select(pl.col("line").str.json_decode(pl.Struct(SCHEMA)).struct.unnest()).sink_ndjson(clean)
        _write_events(clean, out)
    events = pl.scan_parquet(out / "lines" / "**" / "*.parquet", hive_partitioning=True)
    lines = text.select(
        lines=pl.len(), blank=(pl.col("line").str.strip_chars() == "").sum()
    ).collect(engine="streaming").row(0, named=True)  # fmt: skip
    judged = events.group_by("judged").len().collect(engine="streaming")
    account = dict(judged.iter_rows())
    account |= {"blank": lines["blank"], "unparseable": lines["lines"] - lines["blank"] - sum(account.values())}
    days = events.filter(pl.col("judged").is_in(["kept", "nobody"])).group_by("judged", "day")
    key = pl.struct("userId", "ts", "sessionId", "itemInSession").hash()
    doubled = days.agg(lines=pl.len(), different=key.n_unique()).filter(pl.col("lines") > pl.col("different"))
    if (found := doubled.collect(engine="streaming")).height:
        raise SystemExit(f"duplicates on {found['day'].to_list()}: this script only finds them")
    return account


def _write_events(log: Path, out: Path) -> None:
    c = pl.col
    nameless = c("firstName").is_null() & c("gender").is_null() & c("registration").is_null()
    nobody = (c("userId").fill_null("") == "") | (nameless & c("auth").is_in(["Logged Out", "Guest"]))
    judged = (
        pl.when(c("ts").is_null() | (c("ts") < FIRST_TS)).then(pl.lit("no_ts"))
        .when(c("page").fill_null("") == "").then(pl.lit("no_page"))
        .when(nobody).then(pl.lit("nobody"))
        .otherwise(pl.lit("kept"))
    )  # fmt: skip
    lines = pl.scan_ndjson(log, schema=SCHEMA, ignore_errors=True).with_columns(
        judged=judged,
        day=pl.from_epoch("ts", time_unit="ms").dt.date(),
        length_e5=(c("length") * 100_000).round().cast(pl.Int64),
    )
    lines.sink_parquet(
        pl.PartitionBy(out / "lines", key=["judged", "day"], include_key=False), mkdir=True, maintain_order=False
    )


def walk(seen: pl.LazyFrame) -> pl.LazyFrame:
    """Every event with what came before it in its session: one sort, then looks at the rows before."""
    page, item = pl.col("page"), pl.col("itemInSession").fill_null(0).clip(0, 65535)
    ranked = seen.select(
        "userId", "day", "ts",
        sessionId=pl.col("sessionId").fill_null(-1),
        p=page.replace_strict(CODE, default=0, return_dtype=pl.Int8),
        paid=(pl.col("level") == "paid").fill_null(False).cast(pl.Int8),
        len=pl.when(page == "NextSong").then(pl.col("length_e5").fill_null(0)).otherwise(0),
        place=item,
    ).with_columns(
        k=(pl.col("ts") - FIRST_TS) * 4_194_304 + pl.col("place") * 64 + pl.col("p").cast(pl.Int64) * 2 + pl.col("paid")
    ).drop("place").sort(*USER, "k")  # fmt: skip
    same = [(pl.col("userId") == pl.col("userId").shift(n)) & (pl.col("sessionId") == pl.col("sessionId").shift(n))
            for n in (1, 2)]  # fmt: skip
    before = {"p1": ("p", 1), "p2": ("p", 2), "ts1": ("ts", 1), "paid1": ("paid", 1)}
    return ranked.with_columns(**{
        name: pl.when(same[n - 1]).then(pl.col(column).shift(n)) for name, (column, n) in before.items()
    })  # fmt: skip


def measures() -> dict[str, pl.Expr]:
    p, p1, p2, paid, paid1 = (pl.col(name) for name in ("p", "p1", "p2", "paid", "paid1"))
    hour = (pl.col("ts") // 3_600_000) % 24
    sums = {
        "events": pl.len(),
        "session_ms": (pl.col("ts") - pl.col("ts1")).sum(),
        "listened_e5": pl.col("len").sum(),
        "upgrades": (paid1 < paid).sum(),
        "downgrades": (paid1 > paid).sum(),
    }
    for name, page in PAGES.items():
        sums |= {name: (p == CODE[page]).sum(), f"paid_{name}": ((p == CODE[page]) & (paid == 1)).sum()}
    for part, (start, end) in PARTS.items():
        sums[f"songs_{part}"] = ((p == CODE["NextSong"]) & (hour >= start) & (hour < end)).sum()
    for trigger, page in TRIGGERS.items():
        one = (p1 == CODE[page]).fill_null(False)
        sums[f"after_{trigger}"] = one.sum()
        for outcome, (pages, within) in OUTCOMES.items():
            kinds = [CODE[page] for page in pages]
            near = one if within == 1 else one | ((p2 == CODE[page]).fill_null(False) & ~p1.is_in(kinds))
            sums[f"{trigger}_then_{outcome}"] = (near & p.is_in(kinds)).sum()
    return {name: total.cast(pl.Int64) for name, total in sums.items()}


def sessions(seen: pl.LazyFrame) -> pl.DataFrame:
    switched = pl.col("paid") != pl.col("paid1")
    return walk(seen).group_by(*USER, "day").agg(
        first_ts=pl.col("ts").min(),
        last_ts=pl.col("ts").max(),
        starts=pl.col("ts1").is_null().any().cast(pl.Int8),
        first_paid=pl.col("paid").sort_by("k").first(),
        last_paid=pl.col("paid").sort_by("k").last(),
        switched_ts=pl.col("ts").filter(switched).max(),
        **measures(),
    ).collect(engine="streaming")  # fmt: skip


def user_days(by_session: pl.DataFrame, seen: pl.LazyFrame) -> pl.LazyFrame:
    c = pl.col
    before = (c("last_ts") * 2 + c("last_paid")).cum_max().shift(1).over("userId")
    linked = by_session.lazy().sort("userId", "first_ts", "sessionId", "day").with_columns(before=before)
    starts, end, paid = c("starts") == 1, c("before") // 2, c("before") % 2
    changed = (starts & (end <= c("first_ts")) & (paid != c("first_paid"))).fill_null(False)
    gaps = linked.with_columns(
        gap=pl.when(starts & end.is_not_null()).then((c("first_ts") - end).clip(0)),
        switched_ts=pl.when(changed & c("switched_ts").is_null()).then("first_ts").otherwise("switched_ts"),
        upgrades=c("upgrades") + (changed & (c("first_paid") == 1)),
        downgrades=c("downgrades") + (changed & (c("first_paid") == 0)),
    )
    days = gaps.group_by("userId", "day").agg(
        c("first_ts").min(), c("last_ts").max(), c("switched_ts").max(), c(*measures()).sum(),
        sessions=c("starts").sum(), gaps=c("gap").count(), gap_ms=c("gap").sum(), longest_gap_ms=c("gap").max(),
    )  # fmt: skip
    plays = seen.filter((c("page") == "NextSong") & c("artist").is_not_null())
    for name, what in (("new_artists", ["artist"]), ("new_songs", ["artist", "song"])):
        first = plays.group_by("userId", *what).agg(c("day").min()).group_by("userId", "day").agg(pl.len().alias(name))
        days = days.join(first, on=["userId", "day"], how="left").with_columns(c(name).fill_null(0))
    return days.join(last_attributes(seen), on=["userId", "day"])


def last_attributes(seen: pl.LazyFrame) -> pl.LazyFrame:
    place = pl.col("itemInSession").fill_null(0).clip(0, 65535)
    kinds = seen.select(
        "userId", "day", k=(pl.col("ts") - FIRST_TS) * 65536 + place,
        **{name: pl.col(name).fill_null(-1 if name == "registration" else "") for name in ATTRIBUTES},
    ).group_by("userId", "day", *ATTRIBUTES).agg(pl.col("k").max())  # fmt: skip
    last = pl.struct("k", *ATTRIBUTES)
    ordered = kinds.sort("userId", "day", "k", *ATTRIBUTES).group_by("userId", "day").agg(last.last().alias("last"))
    return ordered.with_columns(pl.col("last").struct.unnest()).drop("last", "k")


def main(log: str, out: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True)
    account = ingest(Path(log), folder)
    events = pl.scan_parquet(folder / "lines" / "judged=kept" / "**" / "*.parquet", hive_partitioning=True)
    seen = events.filter(~pl.col("page").is_in(HIDDEN))
    by_session = sessions(seen)
    by_session.write_parquet(folder / "sessions.parquet")
    user_days(by_session, seen).sink_parquet(folder / "user_days.parquet", engine="streaming")
    gone = events.filter(pl.col("page") == LEAVING).group_by("userId")
    gone.agg(left_ts=pl.col("ts").min(), left_day=pl.col("day").min()).sink_parquet(folder / "leavers.parquet")
    (folder / "account.json").write_text(json.dumps(account))


if __name__ == "__main__":
    main(*sys.argv[1:])
