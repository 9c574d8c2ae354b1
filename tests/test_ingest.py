"""Log files to events: every line is accounted for, however files are split, packed, ordered or damaged."""

from __future__ import annotations

import bz2
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.account import Account
from churn.engines.duckdb import DuckDBEngine
from churn.errors import OutputError, QuarantineError, SchemaError, SourceError
from churn.ingest import OWN_NAMES, Ingest
from churn.schema import COLUMNS, NUMBERS
from churn.sources import MAX_LINE, Packing, find_sources
from tests.conftest import Row, event, write_log
from tests.test_sanitise import PACK
from tests.test_sources import put

T = 1_538_352_000_000
GOOD = b'{"ts":1538352000000,"userId":"7","page":"Home"}'
LATER = b'{"ts":1538352001000,"userId":"7","page":"Home"}'
NOBODY = b'{"ts":1538352000000,"userId":"","page":"Home"}'
STATUSES = ("blank", "unparseable", "no_ts", "no_page", "nobody", "kept", "duplicate")
LOGGED_OUT: dict[str, Any] = {"auth": "Logged Out", "firstName": None, "gender": None, "registration": None}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    """One engine for all tests here: an ingest leaves nothing behind in it."""
    made = DuckDBEngine(memory=1_000_000_000, scratch=tmp_path_factory.mktemp("scratch"), threads=2)
    yield made
    made.close()


def ingest(
    engine: DuckDBEngine, log: Path, out: Path, max_refused: float = 1, columns: Mapping[str, str] = OWN_NAMES
) -> Account:
    out.mkdir()
    return Ingest(engine, find_sources([log]), out, columns, max_refused).run()


def counts(account: Account) -> dict[str, int]:
    return {status: account.count(status) for status in STATUSES if account.count(status)}


def quarantine(out: Path) -> list[Row]:
    texts = [path.read_text(encoding="utf-8") for path in sorted((out / "quarantine").iterdir())]
    return [json.loads(line) for line in "".join(texts).split("\n") if line]


def events(engine: DuckDBEngine, out: Path) -> list[tuple[Any, ...]]:
    """The kept rows, in order of their values."""
    rows = engine.fetch(engine.read(out / "events").select(*COLUMNS)).to_pylist()
    return sorted((tuple(row[name] for name in COLUMNS) for row in rows), key=repr)


def as_event(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in COLUMNS)


# What stands between two good lines -> what becomes of the whole file.
ONE_LINE: dict[str, tuple[bytes, dict[str, int]]] = {
    "blank": (b"", {"blank": 1, "kept": 2}),
    "white space": (b" \t ", {"blank": 1, "kept": 2}),
    "vertical tab and form feed": (b"\x0b\x0c", {"blank": 1, "kept": 2}),
    "carriage return alone": (b"\r", {"blank": 1, "kept": 2}),
    "cut in the middle": (GOOD[:20], {"unparseable": 1, "kept": 2}),
    "two objects": (GOOD + GOOD, {"unparseable": 1, "kept": 2}),
    "byte-order mark": (b"\xef\xbb\xbf" + GOOD, {"unparseable": 1, "kept": 2}),
    "invalid UTF-8": (GOOD.replace(b"Home", b"H\xffme"), {"unparseable": 1, "kept": 2}),
    "Latin-1": (GOOD.replace(b"Home", b"\xe9t\xe9"), {"unparseable": 1, "kept": 2}),
    "surrogate in UTF-8": (GOOD.replace(b"Home", b"\xed\xa0\x80"), {"unparseable": 1, "kept": 2}),
    "unit separator": (GOOD.replace(b"Home", b"H\x1fme"), {"unparseable": 1, "kept": 2}),
    "NUL": (GOOD.replace(b"Home", b"H\x00me"), {"unparseable": 1, "kept": 2}),
    "carriage return in text": (GOOD.replace(b"Home", b"H\rme"), {"unparseable": 1, "kept": 2}),
    "carriage return between": (GOOD[:-1] + b"\r}", {"unparseable": 1, "kept": 2}),
    "CRLF": (GOOD + b"\r", {"kept": 2, "duplicate": 1}),
    "two carriage returns": (GOOD + b"\r\r", {"kept": 2, "duplicate": 1}),
    "quotes and commas": (b'","",\'";\\', {"unparseable": 1, "kept": 2}),
}
# A whole file -> its lines, and what becomes of them.
NEWLINES: dict[bytes, tuple[int, dict[str, int]]] = {
    GOOD: (1, {"kept": 1}),
    GOOD + b"\n": (1, {"kept": 1}),
    GOOD + b"\n\n": (2, {"kept": 1, "blank": 1}),
    b"\xef\xbb\xbf" + GOOD + b"\n" + LATER: (2, {"kept": 2}),
    b"\xef\xbb\xbf" + GOOD + b"\r\n" + LATER + b"\r\n": (2, {"kept": 2}),
    GOOD + b"\r\n" + LATER + b"\r\n": (2, {"kept": 2}),
    GOOD + b"\r\n" + LATER: (2, {"kept": 2}),
    b"\r\n" + GOOD + b"\n\r\n \r\n" + LATER + b"\r\n": (5, {"blank": 3, "kept": 2}),
    GOOD + b"\n" + b"[]\r\n" + b"\r\n" + LATER + b"\r\n": (4, {"unparseable": 1, "blank": 1, "kept": 2}),
    b"\n": (1, {"blank": 1}),
    b"\r\n\r\n": (2, {"blank": 2}),
    NOBODY + b"\n": (1, {"nobody": 1}),
}
FILL = b" " * 5000 + b"\n"
"""A blank line that moves a NUL out of the first bytes, by which a binary file is told."""


def user_of(content: bytes, user: int) -> bytes:
    """The same lines of another user: no duplicates of what other files hold."""
    nobody = b'"userId":"","itemInSession":%d' % user
    return content.replace(b'"7"', b'"%d"' % user).replace(b'"userId":""', nobody)


@pytest.mark.parametrize("packing", PACK)
def test_one_line_between_good_ones(engine: DuckDBEngine, tmp_path: Path, packing: Packing) -> None:
    for i, (line, _) in enumerate(ONE_LINE.values()):
        content = user_of(FILL + GOOD + b"\n" + line + b"\n" + LATER, 100 + i)
        put(tmp_path / "logs" / f"{i:02d}.json", PACK[packing](content))
    account = ingest(engine, tmp_path / "logs", tmp_path / "o")
    found = quarantine(tmp_path / "o")
    for (name, (_, expected)), file in zip(ONE_LINE.items(), account.files, strict=True):
        assert {s: n for s, n in file.counts.items() if n} == {**expected, "blank": 1 + expected.get("blank", 0)}, name
        refused = [(row["line"], row["reason"]) for row in found if row["file"] == file.path]
        assert refused == ([(3, "unparseable")] if "unparseable" in expected else []), name


@pytest.mark.parametrize("packing", PACK)
def test_newlines_of_any_kind(engine: DuckDBEngine, tmp_path: Path, packing: Packing) -> None:
    for i, content in enumerate(NEWLINES):
        put(tmp_path / "logs" / f"{i:02d}.json", PACK[packing](user_of(content, 100 + i)))
    account = ingest(engine, tmp_path / "logs", tmp_path / "o")
    found = [(file.lines, {s: n for s, n in file.counts.items() if n}) for file in account.files]
    assert found == list(NEWLINES.values())


@pytest.mark.parametrize("name", ["blank", "cut in the middle", "invalid UTF-8", "NUL", "carriage return in text"])
def test_one_line_in_the_only_file(engine: DuckDBEngine, tmp_path: Path, name: str) -> None:
    line, expected = ONE_LINE[name]
    account = ingest(engine, put(tmp_path / "log", FILL + GOOD + b"\n" + line + b"\n" + LATER), tmp_path / "o")
    assert counts(account) == {**expected, "blank": 1 + expected.get("blank", 0)}
    assert account.lines == 4


@pytest.mark.parametrize("packing", ["none", "bz2"])
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (MAX_LINE, {"kept": 3}),
        (MAX_LINE + 1, {"unparseable": 1, "kept": 2}),
        (MAX_LINE + 1_000_000, {"unparseable": 1, "kept": 2}),
    ],
)
def test_a_line_may_have_ten_million_bytes_in_any_packing(
    engine: DuckDBEngine, tmp_path: Path, packing: Packing, size: int, expected: dict[str, int]
) -> None:
    long = GOOD[:-1] + b',"artist":"' + b"x" * (size - len(GOOD) - 12) + b'"}'
    assert len(long) == size
    content = b"\n".join((GOOD, long, LATER))
    account = ingest(engine, put(tmp_path / "log", PACK[packing](content)), tmp_path / "o")
    assert counts(account) == expected
    assert [(row["line"], row["text"][:90]) for row in quarantine(tmp_path / "o")] == (
        [(2, long[:90].decode())] if size > MAX_LINE else []
    )


@pytest.mark.parametrize("packing", ["none", "bz2"])
def test_a_line_that_grows_too_long_when_it_is_made_readable(
    engine: DuckDBEngine, tmp_path: Path, packing: Packing
) -> None:
    content = b"\n".join((GOOD, b"\xff" * (MAX_LINE // 4 + 1), LATER))
    account = ingest(engine, put(tmp_path / "log", PACK[packing](content)), tmp_path / "o")
    assert counts(account) == {"unparseable": 1, "kept": 2}


# Files of lines -> what becomes of each file.
DUPLICATES: dict[str, tuple[list[list[bytes]], list[dict[str, int]]]] = {
    "within a file": ([[GOOD, LATER, GOOD]], [{"kept": 2, "duplicate": 1}]),
    "tripled": ([[GOOD, GOOD, GOOD]], [{"kept": 1, "duplicate": 2}]),
    "across files": ([[GOOD, LATER], [GOOD], [LATER, GOOD]], [{"kept": 2}, {"duplicate": 1}, {"duplicate": 2}]),
    "nobody's": ([[NOBODY, NOBODY, GOOD], [NOBODY]], [{"nobody": 1, "duplicate": 1, "kept": 1}, {"duplicate": 1}]),
    "fields in another order": (
        [[GOOD], [b'{"page":"Home","userId":"7","ts":1538352000000}']],
        [{"kept": 1}, {"duplicate": 1}],
    ),
    "other spelling": (
        [[b'{"ts":1538352000000.0,"userId":7.0,"page":"Hom\\u0065","status":null,"x":1}', b" " + GOOD, GOOD + b"\t"]],
        [{"kept": 1, "duplicate": 2}],
    ),
    "1 and 1.0 and '1'": (
        [[GOOD[:-1] + b',"status":' + one + b"}" for one in (b"1", b"1.0", b'"1"', b"1e0", b"2")]],
        [{"kept": 2, "duplicate": 3}],
    ),
    "a coerced value equals an absent one": (
        [[GOOD[:-1] + b',"status":true}', GOOD, GOOD[:-1] + b',"length":"x"}']],
        [{"kept": 1, "duplicate": 2}],
    ),
    "refused lines are never duplicates": (
        [[b"[]", b"[]", b"{}", b"{}", GOOD]],
        [{"unparseable": 2, "no_ts": 2, "kept": 1}],
    ),
    "one column differs": (
        [[GOOD, *(GOOD[:-1] + b',"%s":"1"}' % n.encode() for n in COLUMNS if n not in ("ts", "userId", "page"))]],
        [{"kept": 16}],
    ),
    "another case or a space is another text": (
        [[GOOD, GOOD.replace(b"Home", b"home"), GOOD.replace(b"Home", b"Home ")]],
        [{"kept": 3}],
    ),
    "empty text is not an absent one": ([[GOOD, GOOD[:-1] + b',"song":""}']], [{"kept": 2}]),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_the_earliest_file_keeps_a_repeated_line(engine: DuckDBEngine, tmp_path: Path, name: str) -> None:
    files, expected = DUPLICATES[name]
    for i, lines in enumerate(files):
        put(tmp_path / "logs" / f"{i}.json", b"\n".join(lines))
    account = ingest(engine, tmp_path / "logs", tmp_path / "o")
    found = [{status: n for status, n in file.counts.items() if n} for file in account.files]
    assert found == expected
    assert account.lines == sum(map(len, files))


def test_values_of_a_wrong_type_are_counted_on_lines_that_stay(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [
        event(ts=T, artist=1, length="x"),
        event(ts=T + 1, artist=True),
        event(user="", ts=T + 2, song=[1]),
        event(ts=5, level=1),
        event(ts=T + 3),
    ]
    account = ingest(engine, write_log(tmp_path / "log.json", rows), tmp_path / "o")
    assert counts(account) == {"kept": 3, "nobody": 1, "no_ts": 1}
    assert dict(account.coerced) == {"artist": 2, "length": 1, "song": 1}


def test_kept_rows_are_the_lines_typed(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [
        event(ts=T, artist="BjÃ¶rk", song="кино \u2028 \U0001f3b5", lastName='O"Neill\\', length=218.93179),
        event(ts=T + 1, page="Home", registration=None),
    ]
    given = [dict(rows[0], userId=7.0, ts=float(T), status="200"), dict(rows[1], registration=None, userId=7)]
    ingest(engine, write_log(tmp_path / "log.json", given), tmp_path / "o")
    assert events(engine, tmp_path / "o") == sorted(map(as_event, rows), key=repr)


# Quarantine.


def test_quarantine_tells_file_line_reason_and_text_of_files_with_bad_lines_only(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    bad = ['{"ts":1', '{"page":"Ä \\"x\\""}', '{"ts":1538352000000}', "[null]"]
    names = ["0.json", "1.json.gz", "2.json.bz2", "3.json.zst", "4.json", "5.json"]
    contents = {
        "0.json": "\n".join(["", bad[0], GOOD.decode(), bad[1]]).encode(),
        "1.json.gz": gzip.compress("\r\n".join([bad[2], "", bad[3], "", ""]).encode()),
        "2.json.bz2": bz2.compress("\n".join([bad[1], "", bad[0], "\n"]).encode()),
        "3.json.zst": PACK["zstd"]("\n".join([GOOD.decode(), bad[3]]).encode()),
        "4.json": LATER,
        "5.json": b'{"a":"\xff\x1f"}\n' + GOOD + b"\n" + b"\r,\n" + bad[2].encode(),
    }
    for name, content in contents.items():
        put(tmp_path / "logs" / name, content)
    account = ingest(engine, tmp_path / "logs", tmp_path / "o")
    expected = [
        (0, 2, "unparseable", bad[0]),
        (0, 4, "no_ts", bad[1]),
        (1, 1, "no_page", bad[2]),
        (1, 3, "unparseable", bad[3]),
        (2, 1, "no_ts", bad[1]),
        (2, 3, "unparseable", bad[0]),
        (3, 2, "unparseable", bad[3]),
        (5, 1, "unparseable", '{"a":"\\xff\\x1f"}'),
        (5, 3, "unparseable", "\\x0d,"),
        (5, 4, "no_page", bad[2]),
    ]
    assert quarantine(tmp_path / "o") == [
        {"file": str(tmp_path / "logs" / names[i]), "line": line, "reason": reason, "text": text}
        for i, line, reason, text in expected
    ]
    assert [file.refused for file in account.files] == [2, 2, 2, 1, 0, 3]
    assert len(list((tmp_path / "o" / "quarantine").iterdir())) == 5


def test_line_numbers_are_exact_in_a_file_read_by_several_threads(engine: DuckDBEngine, tmp_path: Path) -> None:
    lines = [json.dumps(event(ts=T + i)).encode() for i in range(20_000)]
    bad = random.Random(1).sample(range(20_000), 200)
    for i in bad:
        lines[i] = b'{"bad":%d}' % i
    ingest(engine, put(tmp_path / "log", b"\n".join(lines)), tmp_path / "o")
    found = [(row["line"], row["text"]) for row in quarantine(tmp_path / "o")]
    assert found == [(i + 1, f'{{"bad":{i}}}') for i in sorted(bad)]


def test_more_refused_lines_than_allowed_stop_the_ingest(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [json.dumps(event(ts=T + i)).encode() for i in range(18)]
    log = put(tmp_path / "log.json", b"\n".join([*rows[:9], b'{"ts":1', *rows[9:], b"[]"]))
    with pytest.raises(QuarantineError) as caught:
        ingest(engine, log, tmp_path / "o", max_refused=0.05)
    assert str(caught.value) == (
        f'2 of 20 lines were refused, more than 5%; the first: {log}, line 10, unparseable: {{"ts":1; '
        "mend the log (all refused lines are in quarantine/), or raise --max-refused"
    )
    assert [row["line"] for row in quarantine(tmp_path / "o")] == [10, 20]
    assert not {"events", "nobody", "ingest.json"} & {path.name for path in (tmp_path / "o").iterdir()}
    account = ingest(engine, log, tmp_path / "again", max_refused=0.1)
    assert counts(account) == {"kept": 18, "unparseable": 2}
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"events", "ingest.json", "quarantine"}


@pytest.mark.parametrize(
    ("refused", "allowed", "passes"), [(5, 0.05, True), (6, 0.05, False), (1, 0, False), (0, 0, True)]
)
def test_exactly_the_allowed_share_passes(
    engine: DuckDBEngine, tmp_path: Path, refused: int, allowed: float, passes: bool
) -> None:
    rows = [json.dumps(event(ts=T + i)).encode() for i in range(100 - refused)]
    log = put(tmp_path / "log.json", b"\n".join([*rows, *[b"[]"] * refused]))
    if passes:
        assert ingest(engine, log, tmp_path / "o", allowed).refused == refused
    else:
        with pytest.raises(QuarantineError):
            ingest(engine, log, tmp_path / "o", allowed)


def test_what_is_written_says_the_same_as_what_is_returned(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = put(tmp_path / "log.json", b"\n".join([GOOD, NOBODY, NOBODY, b"{", b"", LATER]))
    account = ingest(engine, log, tmp_path / "o")
    written = (tmp_path / "o" / "ingest.json").read_text(encoding="utf-8")
    assert Account.from_json(written).to_json() == written == account.to_json()
    assert counts(account) == {"blank": 1, "unparseable": 1, "nobody": 1, "kept": 2, "duplicate": 1}
    assert (account.first_ts, account.last_ts) == (T, T + 1000)
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"events", "nobody", "ingest.json", "quarantine"}
    assert [path.name for path in (tmp_path / "o" / "events").iterdir()] == ["day=2018-10-01"]


# Logs that cannot be taken.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\n \n", "the log has no line that is not blank"),
        (gzip.compress(b"", mtime=0), "the log has no line that is not blank"),
        (NOBODY, "no line of the log belongs to a user; check the column userId"),
        (b'{"time":1,"who":"7"}\n[]', "columns missing from the log: page, ts, userId; found: time, who; "),
        (b'{"ts":1538352000000,"userId":"7"}', "columns missing from the log: page; found: ts, userId; "),
        (b'{"ts":1538352000000,"page":"Home"}', "columns missing from the log: userId; found: page, ts; "),
        (b"a,b\n1,2", "no line of the log belongs to a user"),
    ],
)
def test_a_log_without_events_of_a_user_is_refused_with_the_reason(
    engine: DuckDBEngine, tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message.replace("(", r"\(")):
        ingest(engine, put(tmp_path / "log", content), tmp_path / "o")


def test_a_log_with_foreign_columns_is_a_schema_error_before_it_is_a_quarantine_error(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    with pytest.raises(SchemaError):
        ingest(engine, put(tmp_path / "log", b'{"time":1}\n' * 9), tmp_path / "o", 0.05)


@pytest.mark.parametrize(("packing", "ending"), [("gzip", "gz"), ("bz2", "bz2"), ("zstd", "zst")])
def test_a_packed_log_that_was_cut_short_is_refused_though_its_first_lines_are_good(
    engine: DuckDBEngine, tmp_path: Path, packing: Packing, ending: str
) -> None:
    packed = PACK[packing](b"".join(json.dumps(event(ts=T + i * 7919)).encode() + b"\n" for i in range(3000)))
    put(tmp_path / "logs" / "a.json", GOOD)
    put(tmp_path / "logs" / f"b.json.{ending}", packed[: len(packed) // 2])
    with pytest.raises(SourceError, match=rf"b\.json\.{ending}: cut short or damaged after"):
        ingest(engine, tmp_path / "logs", tmp_path / "o")


def test_several_streams_in_one_packed_file_are_all_read(engine: DuckDBEngine, tmp_path: Path) -> None:
    for packing in ("gzip", "bz2", "zstd"):
        put(tmp_path / f"{packing}.json", PACK[packing](GOOD + b"\n") + PACK[packing](LATER + b"\n"))
        account = ingest(engine, tmp_path / f"{packing}.json", tmp_path / packing)
        assert counts(account) == {"kept": 2}, packing


@pytest.mark.parametrize("packing", PACK)
def test_a_wrong_ending_does_not_matter(engine: DuckDBEngine, tmp_path: Path, packing: Packing) -> None:
    for i, ending in enumerate(["json", "json.gz", "json.bz2", "json.zst"]):
        put(tmp_path / "logs" / f"log.{ending}", PACK[packing](user_of(GOOD + b"\n" + LATER, 100 + i)))
    assert counts(ingest(engine, tmp_path / "logs", tmp_path / "o")) == {"kept": 8}


@pytest.mark.parametrize("name", ["it's.json", "a[1].json", "a*b?.json", "Ä {x}, y.json", "line=5/day=x/file=1/a.json"])
def test_names_of_files_have_no_meaning(engine: DuckDBEngine, tmp_path: Path, name: str) -> None:
    put(tmp_path / "logs" / name, GOOD + b"\n{}")
    put(tmp_path / "logs" / "a1.json", LATER)
    account = ingest(engine, tmp_path / "logs", tmp_path / "[o]'s out")
    assert counts(account) == {"kept": 2, "no_ts": 1}
    assert events(engine, tmp_path / "[o]'s out") == sorted(
        (as_event({"ts": ts, "userId": "7", "page": "Home"}) for ts in (T, T + 1000)), key=repr
    )


def test_a_folder_that_would_be_read_as_a_column_is_refused(engine: DuckDBEngine, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="day=5: a folder key=value is read as a column"):
        ingest(engine, put(tmp_path / "log", GOOD), tmp_path / "day=5")


def test_columns_may_have_other_names(engine: DuckDBEngine, tmp_path: Path) -> None:
    names = {**OWN_NAMES, "userId": "user", "ts": "at", "page": "action"}
    lines = b'{"at":1538352000000,"user":7,"action":"Home","userId":"x"}\n{"at":1538352000000,"user":7}'
    account = ingest(engine, put(tmp_path / "log", lines), tmp_path / "o", 1, names)
    assert counts(account) == {"kept": 1, "no_page": 1}
    assert events(engine, tmp_path / "o") == [as_event({"ts": T, "userId": "7", "page": "Home"})]
    with pytest.raises(SchemaError, match="columns missing from the log: action, at, user; found: page, ts, userId"):
        ingest(engine, put(tmp_path / "other", GOOD), tmp_path / "p", 1, names)


# Parquet.


def parquet(path: Path, rows: Sequence[Row], **types: pa.DataType) -> Path:
    table = pa.Table.from_pylist([{name: row.get(name) for name in COLUMNS} for row in rows])
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(kind))
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize(
    "types",
    [
        {},
        {"ts": pa.timestamp("ms"), "registration": pa.timestamp("ms")},
        {"ts": pa.timestamp("ms", "UTC")},
        {"ts": pa.timestamp("ms", "America/New_York")},
        {"ts": pa.float64(), "registration": pa.float64(), "status": pa.int16(), "userId": pa.int32()},
        {"ts": pa.string(), "length": pa.string(), "userId": pa.float64()},
        {"level": pa.dictionary(pa.int32(), pa.string()), "artist": pa.large_string(), "userId": pa.decimal128(9, 0)},
    ],
    ids=repr,
)
def test_parquet_of_any_types_equals_the_json_lines(
    engine: DuckDBEngine, tmp_path: Path, types: dict[str, pa.DataType]
) -> None:
    rows = [event(user=str(i), ts=T + i * 12_345, length=i / 3) for i in range(5)]
    account = ingest(engine, parquet(tmp_path / "log.parquet", rows, **types), tmp_path / "o")
    assert counts(account) == {"kept": 5}
    assert account.coerced == {}
    assert events(engine, tmp_path / "o") == sorted(map(as_event, rows), key=repr)


def test_finer_times_of_parquet_are_cut_to_milliseconds(engine: DuckDBEngine, tmp_path: Path) -> None:
    for unit, ticks in (("s", T // 1000), ("us", T * 1000 + 999), ("ns", T * 1_000_000 + 999_999)):
        log = parquet(tmp_path / f"{unit}.parquet", [event(ts=ticks)], ts=pa.timestamp(unit))
        assert ingest(engine, log, tmp_path / unit).first_ts == T, unit


def test_a_row_of_parquet_is_judged_like_a_line(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [event(ts=5), event(page=""), event(user=None), event(), event(), event(user="1261737", **LOGGED_OUT)]
    account = ingest(engine, parquet(tmp_path / "log.parquet", rows), tmp_path / "o")
    assert counts(account) == {"no_ts": 1, "no_page": 1, "nobody": 2, "kept": 1, "duplicate": 1}
    refused = quarantine(tmp_path / "o")
    assert [(row["line"], row["reason"], json.loads(row["text"])["ts"]) for row in refused] == [
        (1, "no_ts", 5),
        (2, "no_page", T),
    ]


def test_wrong_types_of_parquet_become_null_and_are_counted(engine: DuckDBEngine, tmp_path: Path) -> None:
    table = pa.table(
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
    pq.write_table(table, tmp_path / "log.parquet")
    account = ingest(engine, tmp_path / "log.parquet", tmp_path / "o")
    assert counts(account) == {"kept": 2, "nobody": 1}
    assert account.coerced == {"artist": 2, "length": 2, "song": 2, "status": 2, "userId": 1}
    assert events(engine, tmp_path / "o") == sorted(
        (
            as_event({"ts": T, "userId": "7", "page": "Home"}),
            as_event({"ts": T + 1, "userId": "8", "page": "Home", "length": 1.5}),
        ),
        key=repr,
    )


def test_parquet_files_may_lack_columns_and_stand_beside_json_lines(engine: DuckDBEngine, tmp_path: Path) -> None:
    put(tmp_path / "logs" / "a.json", GOOD + b"\n[]\n")
    two = pa.table({"ts": [T, T + 5], "userId": ["7", "8"], "page": ["Home", "Help"]})
    pq.write_table(two, tmp_path / "logs" / "b.parquet")
    other = pa.table({"ts": [T + 9], "userId": [9], "page": ["Home"], "x": [1]})
    pq.write_table(other, tmp_path / "logs" / "c.parquet")
    account = ingest(engine, tmp_path / "logs", tmp_path / "o")
    assert [{s: n for s, n in file.counts.items() if n} for file in account.files] == [
        {"kept": 1, "unparseable": 1},
        {"kept": 1, "duplicate": 1},
        {"kept": 1},
    ]


@pytest.mark.parametrize(("keep", "message"), [(slice(0, -10), "damaged Parquet"), (slice(0, 30), "damaged Parquet")])
def test_parquet_that_was_cut_short_is_refused(engine: DuckDBEngine, tmp_path: Path, keep: slice, message: str) -> None:
    whole = parquet(tmp_path / "whole.parquet", [event()]).read_bytes()
    put(tmp_path / "logs" / "log.parquet", whole[keep])
    put(tmp_path / "logs" / "log.json", GOOD)
    with pytest.raises(SourceError, match=f"{message}.*log.parquet"):
        ingest(engine, tmp_path / "logs", tmp_path / "o")


def test_parquet_of_another_log_names_its_columns(engine: DuckDBEngine, tmp_path: Path) -> None:
    pq.write_table(pa.table({"time": [1], "who": ["x"]}), tmp_path / "log.parquet")
    with pytest.raises(SchemaError, match="columns missing from the log: page, ts, userId; found: time, who"):
        ingest(engine, tmp_path / "log.parquet", tmp_path / "o")


# Any mixture of lines, in any arrangement.

KINDS: dict[str, Callable[[int], bytes | Row]] = {
    "kept": lambda i: event(user=str(i % 5), ts=T + i * 977_777, itemInSession=i, artist=(None, "Bj\u00f6rk Ж")[i % 2]),
    "nobody": lambda i: event(user=("", None, "1261737")[i % 3], ts=T + i * 777_777, page="Login", **LOGGED_OUT),
    "no_ts": lambda i: event(ts=i, itemInSession=i),
    "no_page": lambda i: event(page="", ts=T + i, itemInSession=i),
    "blank": lambda i: (b"", b" \t", b"\r")[i % 3],
    "unparseable": lambda i: (
        b'{"ts":%d' % i,
        GOOD + GOOD,
        b"[1,%d]" % i,
        b"null",
        GOOD[:-1] + b",  }",
        b'{"a":"\xff\xfe"}',
        b'{"a":"\x1f%d"}' % i,
        b'{"a":\r1}',
        b'{"a":"\\ud800"}',
    )[i % 9],
}


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[tuple[str, int]], list[tuple[list[str], int, int]]]:
    """Lines as (kind, number), repeated ones being duplicates; and arrangements as (packings, seed, threads)."""
    some = st.lists(st.tuples(st.sampled_from(list(KINDS)), st.integers(0, 30)), max_size=60)
    packings = st.lists(st.sampled_from(["none", "gzip", "bz2", "zstd", "parquet"]), min_size=1, max_size=4)
    arrangements = st.lists(st.tuples(packings, st.integers(0, 99), st.sampled_from([1, 2])), min_size=2, max_size=2)
    return [("kept", 31), *draw(some)], draw(arrangements)


@contextmanager
def arranged(lines: Sequence[bytes | Row], packings: Sequence[str], seed: int) -> Iterator[Path]:
    """A folder with the lines shuffled over files; a line that Parquet cannot hold goes to a file beside it."""
    shuffled = random.Random(seed).sample(lines, len(lines))
    with TemporaryDirectory() as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        for i, packing in enumerate(packings):
            part = shuffled[i :: len(packings)]
            rows = [line for line in part if packing == "parquet" and isinstance(line, dict)]
            if rows:
                parquet(logs / f"{i}.parquet", rows)
            texts = [json.dumps(line).encode() if isinstance(line, dict) else line for line in part]
            rest = [text for line, text in zip(part, texts, strict=True) if not (rows and isinstance(line, dict))]
            newline = (b"\n", b"\r\n")[seed % 2]
            content = b"".join(text + newline for text in rest)
            put(logs / f"{i}.json", content if packing == "parquet" else PACK[packing](content))
        yield Path(folder)


def expected_counts(mixture: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Every line of its kind, except that a repeated event stays once; 0, 3, 6, … are one and the same nobody."""
    found = Counter(kind for kind, _ in mixture)
    for kind in ("kept", "nobody"):
        once = len({i for k, i in mixture if k == kind})
        found["duplicate"] += found[kind] - once
        found[kind] = once
    return {status: found[status] for status in STATUSES if found[status]}


@pytest.mark.slow
@settings(max_examples=5, deadline=None, derandomize=True)
@given(mixtures())
def test_any_mixture_of_lines_has_its_account_in_any_arrangement(
    mixture: tuple[list[tuple[str, int]], list[tuple[list[str], int, int]]],
) -> None:
    numbered, arrangements = mixture
    lines = [KINDS[kind](i) for kind, i in numbered]
    rows = [KINDS["kept"](i) for i in {i for kind, i in numbered if kind == "kept"}]
    fingerprints = set()
    for packings, seed, threads in arrangements:
        with arranged(lines, packings, seed) as folder:
            engine = DuckDBEngine(memory=500_000_000, scratch=folder / "scratch", threads=threads)
            account = ingest(engine, folder / "logs", folder / "o")
            assert counts(account) == expected_counts(numbered)
            assert account.lines == len(lines)
            assert events(engine, folder / "o") == sorted(
                (as_event(row) for row in rows if isinstance(row, dict)), key=repr
            )
            refused = Counter((row["file"], row["reason"]) for row in quarantine(folder / "o"))
            assert refused == Counter(
                {
                    (file.path, reason): file.counts[reason]
                    for file in account.files
                    for reason in ("unparseable", "no_ts", "no_page")
                    if file.counts.get(reason)
                }
            )
            fingerprints.add(account.fingerprint)
            engine.close()
    assert len(fingerprints) == 1


def test_another_event_gives_another_fingerprint(engine: DuckDBEngine, tmp_path: Path) -> None:
    logs = [[event(ts=T)], [event(ts=T + 1)], [event(ts=T), event(ts=T + 1)], [event(ts=T, length=200.50001)]]
    found = {
        ingest(engine, write_log(tmp_path / f"{i}.json", rows), tmp_path / str(i)).fingerprint
        for i, rows in enumerate(logs)
    }
    assert len(found) == 4


# Real logs.


def plain_counts(paths: Sequence[Path]) -> tuple[Counter[str], int]:
    """Lines by user and nobody's lines, counted without any of our code but the guest's number."""
    users: Counter[str] = Counter()
    nobody = 0
    for path in paths:
        content = path.read_bytes()
        for line in (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines():
            user = str(json.loads(line).get("userId", ""))
            users.update([user] if user not in ("", "1261737") else [])
            nobody += user in ("", "1261737")
    return users, nobody


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lines", "nobody", "users", "first", "last"),
    [
        ("eventsim_mini.json.gz", 288_019, 9_448, 251, 1_538_352_004_000, 1_543_909_480_000),
        ("real/seven_users.json.gz", 6_350, 0, 7, None, None),
        ("real/slice_mini_1.json.gz", 1_000, 52, 23, 1_538_352_117_000, 1_538_395_121_000),
        ("real/slice_mini_2.json.gz", 1_000, 27, 14, 1_542_904_439_000, 1_542_930_233_000),
        ("real/slice_large_1.json.gz", 1_000, 19, 386, 1_538_352_001_000, 1_538_352_527_000),
        ("real/slice_large_2.json.gz", 1_000, 31, 61, 1_540_886_448_000, 1_540_890_775_000),
        ("real/other_log_2018_11", 8_056, 286, 97, None, None),
    ],
)
def test_real_log(
    engine: DuckDBEngine, tmp_path: Path, data: Callable[[str], Path],
    name: str, lines: int, nobody: int, users: int, first: int | None, last: int | None,
) -> None:  # fmt: skip
    log = data(name)
    account = ingest(engine, log, tmp_path / "o", max_refused=0)
    assert account.lines == lines
    assert counts(account) == {"kept": lines - nobody} | ({"nobody": nobody} if nobody else {})
    assert account.coerced == {}
    assert first is None or (account.first_ts, account.last_ts) == (first, last)
    table = engine.read(tmp_path / "o" / "events")
    found = engine.fetch(table.group_by("userId").aggregate(n=table.count())).to_pylist()
    by_user, without = plain_counts(sorted(log.iterdir()) if log.is_dir() else [log])
    assert {row["userId"]: row["n"] for row in found} == by_user
    assert (len(by_user), without) == (users, nobody)


def test_numbers_of_real_logs_are_whole_where_they_should_be(
    engine: DuckDBEngine, tmp_path: Path, data: Callable[[str], Path]
) -> None:
    ingest(engine, data("real/other_log_2018_11"), tmp_path / "o", max_refused=0)
    schema = engine.fetch(engine.read(tmp_path / "o" / "events").limit(1)).schema
    assert {name: str(schema.field(name).type) for name in NUMBERS} == {
        **dict.fromkeys(NUMBERS, "int64"),
        "length": "double",
    }
    assert str(schema.field("userId").type) == "string"
    rows = events(engine, tmp_path / "o")
    assert (COLUMNS.index("registration"), 1_540_919_166_796) in {
        (COLUMNS.index("registration"), row[COLUMNS.index("registration")]) for row in rows
    }


def test_a_line_years_away_from_the_others_is_refused_with_both_sides(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [event(ts=T), event(ts=T + 1), event(ts=T + 40 * 365 * 86_400_000)]
    with pytest.raises(SourceError, match=r"nothing happens from 2018-10-01 to 2058-.*: 2 events lie before, 1 after"):
        ingest(engine, write_log(tmp_path / "log.json", rows), tmp_path / "o")
