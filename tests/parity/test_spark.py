"""Spark and the embedded engine give the same account, rollups and features for the same log, however odd."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.engines import Engine
from churn.engines.duckdb import DuckDBEngine
from churn.problem import Cutoffs, Problem
from churn.schema import COLUMNS, PAGES
from churn.sources import MAX_LINE
from tests.conftest import MakeSpark, Row, event, write_log
from tests.parity.compare import assert_same_ingest, assert_same_table
from tests.test_ingest import GOOD, KINDS, LATER, LOGGED_OUT, NOBODY, ONE_LINE, T
from tests.test_sanitise import PACK
from tests.test_sources import put
from tests.tiny import DAY, HOUR, Rolled, roll_files

pytestmark = [pytest.mark.spark, pytest.mark.slow]

SHOWN = ("blank", "cut in the middle", "two objects", "byte-order mark", "CRLF", "quotes and commas")
"""Lines that any reader splits off; the others make a file one that is copied before it is shown."""


def test_one_line_one_rule(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    readable = [ONE_LINE[name][0] for name in SHOWN]
    others = [line for name, (line, _) in ONE_LINE.items() if name not in SHOWN]
    fill = b" " * 5000
    put(logs / "a.json", b"\n".join([fill, GOOD, *readable, LATER, NOBODY, NOBODY]))
    put(logs / "b.json", b"\n".join([fill, GOOD, *others, LATER]))
    put(logs / "c.json.gz", PACK["gzip"](b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n" + b"[1]\r\n"))
    put(logs / "d.json.bz2", PACK["bz2"](GOOD + b"\n" + LATER + b"\n\n"))
    put(logs / "it's [a] {b,c}*.json.gz", PACK["zstd"](b"\r\n".join([GOOD, GOOD, b'"x"'])))
    long = GOOD[:-1] + b',"artist":"' + b"x" * (MAX_LINE - len(GOOD) - 12) + b'"}'
    put(logs / "f.json", b"\n".join([long, long[:-2] + b'y"}']))
    put(logs / "_hidden.json", b"")
    account = assert_same_ingest(engine, spark, logs, tmp_path)
    assert account.refused > 10
    assert account.count("duplicate") > 5


NUMBERS = (
    (
        "1 1.0 1.5 -1 0 -0.0 1e3 1E+2 1e-9 1e400 12345678901234567890 9007199254740991 9007199254740992 NaN Infinity "
        '-Infinity true false null [1] {"a":1} "1" " 1 " "1d" "1F" "0x1p3" "1_0" "" "x" "NaN" "inf" "-Infinity" '
        '1538352000000.7 "1538352000000.7" 1.5383520000007E12 "1e3" [] {}'
    )
    .replace('" 1 "', '"\\u00201"')
    .split(" ")
)
TEXTS = (  # noqa: SIM905
    'null 1 -1 1.50 1e5 true false NaN Infinity -Infinity [] ["a"] {} {"a":"b"} "" "1" "-" "-1" "true" "false" '
    '"null" "NaN" "Infinity" "[x]" "{x}" "\\"NaN\\"" "\\u0000" "\\u0041" "\\ud83c\\udfb5" "\\ud83c" "\\udfb5" '
    '"a\\\\ud800" "[" "{" "A" "Z9" "\\n" "\\t" "\\/" "\u0416" "12345678.0" 12345678.0 1.2345678E7 "1.2345678E7" 123.0 '
    "123456789012.0"
).split(" ")
ODD_LINES = (
    '{"ts":%d,"ts":1,"page":"Home","page":1,"userId":"1"}',
    '{"page":"Home","userId":"2","ts":%d,}',
    '{"page":"Home","userId":"3","ts":%d}}',
    '{"page":"Home","userId":"4","ts":%d}]',
    '{"page":"Home","userId":"5","ts":%d} ',
    '\t{"page":"Home","userId":"6","ts":%d}',
    "{'page':'Home','userId':'7','ts':%d}",
    '{"page":"Home","userId":"8","ts":%d}//x',
    '{"page":"Home","userId":"9","ts":%d},{"a":1}',
    '{"page":"Home","userId":"16","ts":%d},"b":1',
    '{"page":"Home","userId":"17","ts":%d},"b":{"c":1}',
    '{"page":"Home","userId":"18","ts":%d},"v":{"page":"Home"}',
    '{"Page":"Home","userId":"10","ts":%d}',
    '{"page":"Home","userId":"11","ts":%d,"x":{"page":1,"y":[{"ts":3}]},"":""}',
    '{"page":"Home","userId":"12","ts":0%d}',
    '{"page":"Home","userId":"13","ts":+%d}',
    '{ "page" : "Home" , "userId" : "14" , "ts" : %d , "a\\u0062" : 1 }',
    '{"p\\u0061ge":"Home","userId":"15","ts":%d}',
    '{"ts":%d,"userId" :"20","page":"Home","page":"About"}',
    '{"ts":%d,"userId"\t:"21","page":"Home","page":"About"}',
    '{"ts":%d,"userId":"22","page" :"Home","status":"abc"}',
    '{"ts":%d,"userId":"23","page":"Home","status":null,"status":200}',
    '{"ts":%d,"userId":"24","page":"Home","song":"a\\":b","artist" :"c : d"}',
    '{"ts":%d,"userId":"25","page":"Home","song":{},"artist":[]}',
    '{"ts":%d,"userId":"26","page":"Home","song":"a\\n7","artist":"NaN"}',
    '{"ts":%d,"userId":"27","page":"Home","song":"\ufffd","artist":"tr","level":"fa"}',
    '{"ts":%d,"userId":"28","page":"Home","song":null,"song":"b","artist":"c"}',
    '{"ts":%d,"userId":"29","page":"Home","song":"a","song":null,"artist":"c"}',
    '{"ts":%d,"userId":"30","page":"Home","x":1,"x":2,"song":"17"}',
    '{"ts":%d,"userId":"31","page":"Home","x":null,"y":"z","song":17}',
    '{"ts":%d,"userId":"32","page":"Home","x":"\\ud83c","song":"}{"}',
    '{"ts":%d,"userId":33,"page":"Home","x":["userId\\":\\"3"],"song": "17"}',
    '{"ts":%d,"userId":"34","page":"Home","x":"}","length":"","status":"2"}',
    '{"ts":%d,"userId":"36","page":"Home","x\\"song":"1","song":1}',
    '{"ts":%d,"userId":"37","page":"Home","song":"' + 480 * ":" + '","x":"' + 520 * ":" + '"}',
    '{"ts":%d,"userId":"38","page":"Home","song":"\\u003a","song":"::"}',
    '{"ts":%d,"userId":"39","page":"Home","x":{"song":"a"},"y":NaN,"song":17}',
    '{"ts":%d,"userId":"40","page":"Home","song":17,"x":-Infinity,"song":"a"}',
    '{"ts":%d,"userId":12345678.0,"page":"Home","x":NaN,"song":"\\"NaN\\""}',
    '{"ts":%d,"userId":"35","page":"Home","x":NaN,"song":"1", "artist":2}',
    '{"ts":%d,"userId":"41","page":"Home","song":"\\u0022","artist":"\\"\\""}',
    '{"ts":%d,"userId":"42","page":"Home","song":"a\\"b","p\\u0061ge":"About"}',
    '{"ts":%d,"userId":"43","page":"Home","song":"\\u003a","x":"\\""}',
    '{"ts":%d,"userId":"44","page":"Home","song":"\\u003a","x":1,"artist":["a"]}',
    '{"ts":%d,"userId":"47","page":"Home","artist":"x","artist":["a"],"song":"y\\u003a\\n"}',
    '{"ts":%d,"userId":"48","page":"Home","artist":"x","artist":["a"],"song":"\\u003a\\ud800"}',
    '{"ts":%d,"userId":"49","page":"Home","artist":"[x]","artist":"[y]","p\\u0061ge":["a"]}',
    '{"ts":%d,"userId":"45","page":"Home","song":"\\\\\\"","artist":"\\\\u0041","x":"\\\\ud83c"}',
    '{"ts":%d,"userId":"46","page":"Home","song":"' + 600 * '\\"' + '","x":"' + 500 * "\\\\" + '"}',
)


def test_any_value_in_any_column(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    lines = []
    for name in COLUMNS:
        for value in NUMBERS + TEXTS:
            if name == "userId" and value in ("1e400", "1e-9"):  # no ids: each engine spells them in its own way
                continue
            base = {k: json.dumps(v) for k, v in event(ts=T + len(lines)).items()}
            lines.append("{" + ",".join(f'"{k}":{v}' for k, v in (base | {name: value}).items()) + "}")
    lines += [line % (T + i) for i, line in enumerate(ODD_LINES)]
    log = put(tmp_path / "log.json", "\n".join(lines).encode())
    account = assert_same_ingest(engine, spark, log, tmp_path / "o")
    assert set(account.coerced) == set(COLUMNS) - {"ts", "page"}
    assert account.count("kept") > 800


def test_bytes_that_are_no_text_in_any_place(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    lines = []
    for i, name in enumerate(COLUMNS):
        whole = json.dumps({**event(ts=T + i), name: "1@"}).encode()
        lines += [whole.replace(b"1@", bad) for bad in (b"1\xff", b"\xc3", b"a\xed\xa0\x80b", b"\xf0\x9f")]
        lines += [json.dumps({**event(ts=T + i), name + "@": "x"}).encode().replace(b"@", b"\xe9")]
        lines += [json.dumps({**event(ts=T + i), name + "_": "@"}).encode().replace(b"@", b"\xe9")]
    bad = len(lines)
    lines += [GOOD.replace(b"Home", "Caf\u00e9 \ufffd".encode()), GOOD.replace(b",", b",\r", 1), GOOD]
    account = assert_same_ingest(engine, spark, put(tmp_path / "log.json", b"\n".join(lines)), tmp_path / "o")
    assert (account.refused, account.count("kept")) == (bad + 1, 2)


OTHER_NAMES = {name: name for name in COLUMNS} | {
    "ts": "the time/of~it",
    "userId": "user's `id`",
    "page": "Page \u0416",
    "length": "it's a \\ length",
}


@pytest.mark.parametrize(
    "columns",
    [
        OTHER_NAMES,
        OTHER_NAMES | {"lastName": "firstName", "status": "level"},
        OTHER_NAMES | {"page": "P\ufffd"},
        OTHER_NAMES | {"song": ":", "artist": ',"x', "level": "a\\"},
    ],
    ids=["other names", "one key for two columns", "a name with the sign of lost bytes", "names with signs of JSON"],
)
def test_a_log_with_other_names(columns: dict[str, str], engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    values = ["7", "-1.5", '"8"', '"x"', "null", "true", "[]", '"\ufffd"', '"caf\u00e9"', '"17 years"']
    lines = []
    for name in COLUMNS:
        for value in values:
            known = {k: v for k, v in event(ts=T + len(lines)).items() if v is not None}
            base = {columns[k]: json.dumps(v) for k, v in known.items()}
            cells = base | {columns[name]: value}
            lines.append("{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in cells.items()) + "}")
            lines.append("{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{v}" for k, v in cells.items()) + "}")
    song = json.dumps(columns["song"])
    lines += [line[:-1] + ',"b":":"}' for line in lines if f"{song}:7," in line or f"{song}:7}}" in line]
    lost = [line.encode().replace("\ufffd".encode(), b"\xff") for line in lines[:4]]
    log = put(tmp_path / "log.json", b"\n".join([*lost, "\n".join(lines).encode()]))
    account = assert_same_ingest(engine, spark, log, tmp_path / "o", columns)
    assert account.count("kept") > 100
    assert account.count("duplicate") > 100  # with blanks between, or without: the same
    assert len(account.coerced) > 10


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Numbers become times as the milliseconds that they are."""
    return column.cast(pa.timestamp("ms")).cast(kind) if pa.types.is_timestamp(kind) else column.cast(kind)


def test_parquet_of_many_types(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    rows = [event(ts=T + i * 12_345, length=i / 3, userId=i) for i in range(5)]
    table = pa.Table.from_pylist([{name: row.get(name) for name in COLUMNS} for row in rows])
    kinds: tuple[dict[str, pa.DataType], ...] = (
        {},
        {"ts": pa.timestamp("ms"), "registration": pa.timestamp("us", "America/New_York")},
        {"ts": pa.timestamp("ns"), "userId": pa.float64(), "status": pa.int16()},
        {"ts": pa.float64(), "length": pa.string(), "userId": pa.decimal128(19, 0), "level": pa.large_string()},
    )
    for i, types in enumerate(kinds):
        # A refused row is shown as JSON, in which the engines spell times, but nothing else, differently.
        bad = pa.Table.from_pylist([event(ts=5, userId=1)], schema=table.schema)
        typed = (
            table
            if "registration" in types or types.get("ts") == pa.timestamp("ns")
            else pa.concat_tables([table, bad])
        )
        for name, kind in types.items():
            typed = typed.set_column(typed.column_names.index(name), name, _cast(typed.column(name), kind))
        put(tmp_path / str(i) / "a.json", GOOD + b"\n[]\n")
        pq.write_table(typed, tmp_path / str(i) / "b.parquet")
        account = assert_same_ingest(engine, spark, tmp_path / str(i), tmp_path / "o" / str(i))
        assert (account.count("kept"), account.count("no_ts"), dict(account.coerced)) == (6, typed.num_rows - 5, {})
    wrong = pa.table(
        {
            "ts": [T, T + 1, T + 2],
            "userId": [7.0, 8.0, float("nan")],
            "page": ["Home"] * 3,
            "artist": [1, None, 3],
            "song": [{"name": "x"}, None, {"name": "y"}],
            "status": [True, False, None],
            "length": [float("nan"), 1.5, float("inf")],
        }
    )
    pq.write_table(wrong, tmp_path / "w.parquet")
    account = assert_same_ingest(engine, spark, tmp_path / "w.parquet", tmp_path / "o" / "w")
    assert set(account.coerced) == {"artist", "length", "song", "status", "userId"}


def test_a_mixture_in_any_packing(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    dice = random.Random(5)
    lines = [KINDS[dice.choice(list(KINDS))](dice.randint(0, 60)) for _ in range(400)]
    texts = [json.dumps(line).encode() if isinstance(line, dict) else line for line in lines]
    for i, packing in enumerate(PACK):
        put(tmp_path / "logs" / f"{i}.json", PACK[packing](b"\r\n".join(texts[i::4])))
    assert assert_same_ingest(engine, spark, tmp_path / "logs", tmp_path).count("duplicate") > 20


# Features.


def hostile_rows(seed: int) -> list[Row]:
    """Users with ties, repeated lines, one event only, overlapping sessions, absent fields, times around midnight."""
    dice = random.Random(seed)
    rows: list[Row] = []
    for user in range(60):
        start = T + dice.randint(0, 40) * DAY
        for _ in range(1 if user % 7 == 0 else dice.randint(2, 60)):
            ts = start + dice.choice((0, 1, HOUR, DAY - 1, DAY, 9 * DAY)) * dice.randint(0, 5)
            page = dice.choice(PAGES[:20])
            odd = {name: None for name in ("length", "artist", "song", "gender", "registration", "location", "level")}
            some = {name: None for name in odd if dice.random() < 0.05}
            free = {"level": dice.choice(("free", "paid")), "sessionId": dice.choice((1, 2, 3, None))}
            place = {"itemInSession": dice.choice((0, 1, 2, 2, 70_000, -1, None))}
            profile = {
                "userAgent": dice.choice(("iPhone; Safari", "X11 Firefox", "Trident", "")),
                "gender": dice.choice("FM"),
            }
            where = {"location": dice.choice(("Boston, MA-NH", "Reno, NV\n", "nowhere", ", CA"))}
            song = {"artist": dice.choice("abcÄ"), "song": dice.choice("xyz"), "length": dice.random() * 400}
            extra = song if page == "NextSong" else {}
            rows.append(event(str(user), ts, page, **(free | place | profile | where | extra | some)))
            if dice.random() < 0.05:
                rows.append(rows[-1])
        if user % 3 == 0:
            rows.append(event(str(user), start + 46 * DAY, "Cancellation Confirmation"))
    rows += [event("1261737", T + i, "Login", **LOGGED_OUT) for i in range(50)]
    dice.shuffle(rows)
    return rows


def assert_same_rolls(mine: Rolled, other: Rolled) -> None:
    assert json.loads(mine.account.to_json()) == json.loads(other.account.to_json())
    for name, keys in (
        ("sessions", ("userId", "sessionId", "day")),
        ("user_days", ("userId", "day")),
        ("leavers", ("userId",)),
    ):
        left, right = (side.engine.fetch(getattr(side, name)) for side in (mine, other))
        assert_same_table(left, right.select(left.column_names), *keys)
    cutoffs = Cutoffs.of_log(Problem(), mine.account.first_ts, mine.account.last_ts)
    some = (*cutoffs.all, cutoffs.as_of - timedelta(days=40))
    left, right = (side.forecast(some, cutoffs.as_of) for side in (mine, other))
    assert set(left["label"].to_pylist()) == {0, 1, None}
    assert_same_table(left, right, "userId", "cutoff")
    assert_same_table(mine.history(cutoffs.as_of), other.history(cutoffs.as_of), "userId")


@pytest.mark.parametrize("partitions", ["1", "7"])
@pytest.mark.parametrize("name", ["hostile 3", "hostile 8", "real/seven_users.json.gz", "eventsim_mini.json.gz"])
def test_every_rollup_feature_label_and_fold(
    engine: DuckDBEngine, make_spark: MakeSpark, data: Callable[[str], Path], tmp_path: Path, name: str, partitions: str
) -> None:
    kind, _, seed = name.partition(" ")
    if kind == "hostile":  # in as many files, so that it is also read in parts
        rows, parts = hostile_rows(int(seed)), int(partitions)
        logs = [write_log(tmp_path / f"{i}.json", rows[i::parts]) for i in range(parts)]
    else:
        logs = [data(name)]
    spark = make_spark(
        spark__sql__shuffle__partitions=partitions, spark__sql__adaptive__coalescePartitions__enabled="false"
    )
    assert_same_rolls(roll_files(engine, tmp_path, logs), roll_files(spark, tmp_path, logs))


def test_attributes_at_a_date(engine: DuckDBEngine, spark: Engine, tmp_path: Path) -> None:
    from churn.snapshots import attributes_at

    log = write_log(tmp_path / "log.json", hostile_rows(4))
    found = []
    for each in (engine, spark):
        rolled = roll_files(each, tmp_path, [log])
        found.append(each.fetch(attributes_at(rolled.user_days, date(2018, 11, 10))))
    assert found[0].num_rows > 30
    assert_same_table(*found, "userId")
