"""The rule that judges one line: its status, its typed columns, and what counts as a wrong type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from churn.engines.duckdb import DuckDBEngine
from churn.events import judge
from churn.ingest import OWN_NAMES
from churn.schema import COLUMNS, NUMBERS, TEXTS
from churn.sources import find_sources

T = 1_538_352_000_000
HEAD = '{"ts":1538352000000,"userId":"7","page":"Home"'
SEEN = {"ts": T, "userId": "7", "page": "Home"}

# What a line says besides HEAD -> the columns that are not null besides SEEN, and the columns coerced.
VALUES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "": ({}, set()),
    ',"artist":null,"status":null': ({}, set()),
    ',"nobody":"knows","this":[1]': ({}, set()),
    # Text, kept exactly.
    ',"artist":"Bj\u00f6rk"': ({"artist": "Björk"}, set()),
    ',"artist":"Bj\\u00f6rk"': ({"artist": "Björk"}, set()),
    ',"artist":"BjÃ\u0083Â¶rk"': ({"artist": "BjÃ\u0083Â¶rk"}, set()),
    ',"artist":"кино 椎名林檎 \U0001f3b5"': ({"artist": "кино 椎名林檎 \U0001f3b5"}, set()),
    ',"artist":"\\ud83c\\udfb5"': ({"artist": "\U0001f3b5"}, set()),
    ',"artist":" a\\tb\\u0000c\u2028\\"\\\\ "': ({"artist": ' a\tb\0c\u2028"\\ '}, set()),
    ',"artist":""': ({"artist": ""}, set()),
    ',"song":"NaN","artist":"true"': ({"song": "NaN", "artist": "true"}, set()),
    ',"song":"-1","artist":"99"': ({"song": "-1", "artist": "99"}, set()),
    ',"song":"{}","artist":"[1]"': ({"song": "{}", "artist": "[1]"}, set()),
    ',"song":"a,}","artist":"b,]"': ({"song": "a,}", "artist": "b,]"}, set()),
    ',"song":"null"': ({"song": "null"}, set()),
    ',"userAgent":"\\"Mozilla/5.0\\""': ({"userAgent": '"Mozilla/5.0"'}, set()),
    # No text.
    ',"artist":true': ({}, {"artist"}),
    ',"artist":false': ({}, {"artist"}),
    ',"artist":5': ({}, {"artist"}),
    ',"artist":-1.5e3': ({}, {"artist"}),
    ',"artist":{"name":"x"}': ({}, {"artist"}),
    ',"artist":["x"]': ({}, {"artist"}),
    ',"artist":NaN,"song":Infinity,"auth":-Infinity': ({}, {"artist", "song", "auth"}),
    # Numbers.
    ',"status":200': ({"status": 200}, set()),
    ',"status":"200"': ({"status": 200}, set()),
    ',"status":200.0,"sessionId":"200.0"': ({"status": 200, "sessionId": 200}, set()),
    ',"registration":1540919166796.0': ({"registration": 1_540_919_166_796}, set()),
    ',"registration":1.540919166796E12': ({"registration": 1_540_919_166_796}, set()),
    ',"registration":-3': ({"registration": -3}, set()),
    ',"itemInSession":0': ({"itemInSession": 0}, set()),
    ',"itemInSession":1.9': ({"itemInSession": 1}, set()),
    ',"length":218.93179': ({"length": 218.93179}, set()),
    ',"length":"218.93179"': ({"length": 218.93179}, set()),
    ',"sessionId":9007199254740991': ({"sessionId": 9_007_199_254_740_991}, set()),
    # No numbers.
    ',"sessionId":9007199254740992': ({}, {"sessionId"}),
    ',"sessionId":-1e300': ({}, {"sessionId"}),
    ',"length":NaN': ({}, {"length"}),
    ',"length":"NaN"': ({}, {"length"}),
    ',"length":-Infinity': ({}, {"length"}),
    ',"length":1e400': ({}, {"length"}),
    ',"length":1e15': ({}, {"length"}),
    ',"length":""': ({}, {"length"}),
    ',"status":true,"itemInSession":false': ({}, {"status", "itemInSession"}),
    ',"status":"OK"': ({}, {"status"}),
    ',"status":{"code":200}': ({}, {"status"}),
    ',"status":[200]': ({}, {"status"}),
    ',"registration":"2018-10-01"': ({}, {"registration"}),
    "".join(f',"{name}":true' for name in NUMBERS + TEXTS if name not in SEEN): (
        {},
        {name for name in NUMBERS + TEXTS if name not in SEEN},
    ),
}

# The time of a line -> its status, the time as a number, the UTC day.
TIMES: dict[str, tuple[str, int | None, date | None]] = {
    "1538352000000": ("kept", T, date(2018, 10, 1)),
    "1538351999999": ("kept", T - 1, date(2018, 9, 30)),
    "1538438399999.9": ("kept", T + 86_399_999, date(2018, 10, 1)),
    '"1538352000000.0"': ("kept", T, date(2018, 10, 1)),
    "1.538352e12": ("kept", T, date(2018, 10, 1)),
    "946684800000": ("kept", 946_684_800_000, date(2000, 1, 1)),
    "946684799999": ("no_ts", 946_684_799_999, None),
    "3145708055551": ("kept", 3_145_708_055_551, date(2069, 9, 6)),
    "3145708055552": ("no_ts", 3_145_708_055_552, None),
    "1538352000": ("no_ts", 1_538_352_000, None),
    "1538352000000000": ("no_ts", 1_538_352_000_000_000, None),
    "0": ("no_ts", 0, None),
    "-1538352000000": ("no_ts", -1_538_352_000_000, None),
    "1e30": ("no_ts", None, None),
    "NaN": ("no_ts", None, None),
    '"2018-10-01T00:00:00Z"': ("no_ts", None, None),
    '""': ("no_ts", None, None),
    "true": ("no_ts", None, None),
    "null": ("no_ts", None, None),
    "{}": ("no_ts", None, None),
    "[1538352000000]": ("no_ts", None, None),
}

# The user of a line (auth, name and more may follow) -> its status, the user id, whether it is coerced.
USERS: dict[str, tuple[str, str | None, bool]] = {
    '"7"': ("kept", "7", False),
    "7": ("kept", "7", False),
    "7.0": ("kept", "7", False),
    '"7.0"': ("kept", "7", False),
    "-7.0": ("kept", "-7", False),
    "1000025": ("kept", "1000025", False),
    "7.5": ("kept", "7.5", False),
    '"7.05"': ("kept", "7.05", False),
    '"a.0"': ("kept", "a.0", False),
    '"007"': ("kept", "007", False),
    '"true"': ("kept", "true", False),
    '""': ("nobody", "", False),
    "null": ("nobody", None, False),
    "true": ("nobody", None, True),
    "{}": ("nobody", None, True),
    "[7]": ("nobody", None, True),
    "NaN": ("nobody", None, True),
    '"","auth":"Logged In","firstName":"Ann"': ("nobody", "", False),
    '"1261737","auth":"Logged Out"': ("nobody", "1261737", False),
    '1261737,"auth":"Guest"': ("nobody", "1261737", False),
    '"1261737","auth":"Guest","lastName":"Doe","location":"Boston"': ("nobody", "1261737", False),
    '"1261737","auth":"Logged In"': ("kept", "1261737", False),
    '"1261737","auth":"Logged Out","firstName":"Ann"': ("kept", "1261737", False),
    '"1261737","auth":"Logged Out","gender":"F"': ("kept", "1261737", False),
    '"1261737","auth":"Guest","registration":1}': ("unparseable", None, False),
    '"1261737","auth":"Guest","registration":1': ("kept", "1261737", False),
    '"1261737","auth":"Guest","registration":"none"': ("nobody", "1261737", False),
    '"7","auth":null': ("kept", "7", False),
    '"7","auth":"Cancelled"': ("kept", "7", False),
}

PAGES = {
    '"Home"': "kept",
    '"No Such Page"': "kept",
    '""': "no_page",
    "null": "no_page",
    "5": "no_page",
    "true": "no_page",
    '["Home"]': "no_page",
}

WHOLE_LINES = {
    "": "blank",
    " \t ": "blank",
    "\v\f": "blank",
    HEAD + "}": "kept",
    "  " + HEAD + "}\t ": "kept",
    '{"page":"Home",  "userId" : "7", "ts":1538352000000}': "kept",
    HEAD: "unparseable",
    HEAD[:20]: "unparseable",
    HEAD + "}}": "unparseable",
    HEAD + "}" + HEAD + "}": "unparseable",
    HEAD + "} " + HEAD + "}": "unparseable",
    HEAD + "},": "unparseable",
    "[" + HEAD + "}]": "unparseable",
    HEAD + ",}": "unparseable",
    HEAD + ", }": "unparseable",
    HEAD + "," + " " * 20 + "}" + " " * 20: "unparseable",
    HEAD + ',"x":[1,]}': "unparseable",
    HEAD + ',"x":{"y":1,} }': "unparseable",
    HEAD + ' "x":1}': "unparseable",
    HEAD + ',"x":01}': "unparseable",
    HEAD + ',"x":.5}': "unparseable",
    HEAD + ',"x":"\\x41"}': "unparseable",
    HEAD + ',"x":"\t"}': "unparseable",
    HEAD + ',"x":"\\ud800"}': "unparseable",
    HEAD + ',"x":"\\udfb5\\ud83c"}': "unparseable",
    HEAD + "/* no */}": "unparseable",
    HEAD.replace('"', "'") + "}": "unparseable",
    "17": "unparseable",
    '"Home"': "unparseable",
    "null": "unparseable",
    "true": "unparseable",
    "[]": "unparseable",
    "NaN": "unparseable",
    "ts,userId,page": "unparseable",
    "\u00a0": "unparseable",
    "{}": "no_ts",
    '{"page":"Home","userId":"7"}': "no_ts",
    '{"ts":1538352000000,"userId":"7"}': "no_page",
    '{"ts":1538352000000,"page":"Home"}': "nobody",
    '{"TS":1538352000000,"USERID":"7","PAGE":"Home"}': "no_ts",
    '{"userId":"","page":""}': "no_ts",
    '{"ts":1538352000000,"userId":"","page":""}': "no_page",
}

LINES = [
    *(HEAD + rest + "}" for rest in VALUES),
    *(f'{{"userId":"7","page":"Home","ts":{ts}}}' for ts in TIMES),
    *(f'{{"ts":1538352000000,"page":"Home","userId":{user}}}' for user in USERS),
    *(f'{{"ts":1538352000000,"userId":"7","page":{page}}}' for page in PAGES),
    *WHOLE_LINES,
]

Judged = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """Every line above in one file, judged at once; by its text."""
    folder: Path = tmp_path_factory.mktemp("judged")
    (folder / "log.json").write_text("\n".join(LINES) + "\n", encoding="utf-8", newline="")
    engine = DuckDBEngine(memory=500_000_000, scratch=folder / "scratch", threads=1)
    table = judge(engine.lines(find_sources([folder / "log.json"]), dict(OWN_NAMES), counted=[len(LINES)]))
    rows = engine.fetch(table.order_by("line")).to_pylist()
    engine.close()
    assert [row["text"] for row in rows] == LINES
    assert [row["line"] for row in rows] == list(range(1, len(LINES) + 1))
    yield {row["text"]: row for row in rows}


def coerced(row: dict[str, Any]) -> set[str]:
    return {name for i, name in enumerate(TEXTS + NUMBERS) if row["coerced"] >> i & 1}


@pytest.mark.parametrize("rest", VALUES)
def test_values_become_typed_or_null_and_counted(judged: Judged, rest: str) -> None:
    row = judged[HEAD + rest + "}"]
    values, wrong = VALUES[rest]
    assert {name: row[name] for name in COLUMNS if row[name] is not None} == SEEN | values
    assert coerced(row) == wrong
    assert row["judged"] == "kept"


@pytest.mark.parametrize("ts", TIMES)
def test_a_time_is_milliseconds_from_2000_to_2069_and_its_day_is_utc(judged: Judged, ts: str) -> None:
    row = judged[f'{{"userId":"7","page":"Home","ts":{ts}}}']
    assert (row["judged"], row["ts"], row["day"]) == TIMES[ts]


@pytest.mark.parametrize("user", USERS)
def test_a_line_is_nobodys_without_id_or_without_name_and_login(judged: Judged, user: str) -> None:
    row = judged[f'{{"ts":1538352000000,"page":"Home","userId":{user}}}']
    assert (row["judged"], row["userId"], "userId" in coerced(row)) == USERS[user]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_any_text_that_is_not_empty(judged: Judged, page: str) -> None:
    assert judged[f'{{"ts":1538352000000,"userId":"7","page":{page}}}']["judged"] == PAGES[page]


@pytest.mark.parametrize("line", WHOLE_LINES)
def test_a_line_is_one_json_object_with_a_time_and_a_page(judged: Judged, line: str) -> None:
    assert judged[line]["judged"] == WHOLE_LINES[line]


@pytest.mark.parametrize(
    ("length", "units"),
    [("218.93179", 21_893_179), ("0.000005", 1), ("0.1", 10_000), ("0", 0), ("-0.000015", -1), ("null", None)],
)
def test_length_is_also_given_in_hundred_thousandths_of_a_second(
    engine: DuckDBEngine, tmp_path: Path, length: str, units: int | None
) -> None:
    (tmp_path / "log.json").write_text(f'{HEAD},"length":{length}}}', encoding="utf-8")
    table = judge(engine.lines(find_sources([tmp_path / "log.json"]), dict(OWN_NAMES)))
    assert engine.fetch(table).to_pylist()[0]["length_e5"] == units


def test_columns_of_other_names_are_found(engine: DuckDBEngine, tmp_path: Path) -> None:
    names = {**OWN_NAMES, "userId": 'the "user"/id~', "ts": "time stamp", "artist": "it's"}
    line = '{"time stamp":1538352000000,"the \\"user\\"/id~":7.0,"page":"Home","it\'s":5,"userId":"no","ts":1}'
    (tmp_path / "log.json").write_text(line, encoding="utf-8")
    (row,) = engine.fetch(judge(engine.lines(find_sources([tmp_path / "log.json"]), names))).to_pylist()
    assert {name: row[name] for name in COLUMNS if row[name] is not None} == SEEN
    assert (row["judged"], coerced(row)) == ("kept", {"artist"})
