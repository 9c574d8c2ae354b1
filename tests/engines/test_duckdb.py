"""The embedded engine: tables go to Parquet and come back, and its failures speak our language."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.engines.duckdb import DuckDBEngine, _translated
from churn.errors import LineReadError, OutputError, SourceError
from churn.ingest import OWN_NAMES
from churn.sources import Source, find_sources
from tests.conftest import event, write_log
from tests.test_sanitise import PACK
from tests.test_sources import put

ROWS = [
    {"day": "2018-10-01", "n": 1, "x": 0.1, "name": "a"},
    {"day": "2018-10-01", "n": 2**53 + 1, "x": None, "name": "it's \u0416"},
    {"day": "2018-10-02", "n": -3, "x": -0.0, "name": None},
]


@pytest.fixture
def table(engine: DuckDBEngine, tmp_path: Path) -> ir.Table:
    """The rows above, in a Parquet file that another program wrote."""
    (tmp_path / "given").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "given" / "rows.parquet")
    return engine.read(tmp_path / "given")


def written(engine: DuckDBEngine, table: ir.Table, folder: Path, *partition_by: str) -> list[dict[str, object]]:
    engine.write(table, folder, partition_by=partition_by)
    return engine.fetch(engine.read(folder).order_by("name")).to_pylist()


def kinds(path: Path) -> dict[str, str]:
    return {field.name: str(field.type) for field in pq.read_schema(path)}


def test_what_is_written_is_read_back(engine: DuckDBEngine, table: ir.Table, tmp_path: Path) -> None:
    assert written(engine, table, tmp_path / "t" / "u") == ROWS
    assert [path.name for path in (tmp_path / "t" / "u").iterdir()] == ["part-0.parquet"]


def test_partitions_are_folders_and_come_back_as_columns(engine: DuckDBEngine, table: ir.Table, tmp_path: Path) -> None:
    again = written(engine, table, tmp_path / "t", "day")
    assert [{**row, "day": str(row["day"])} for row in again] == ROWS
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["day=2018-10-01", "day=2018-10-02"]


def test_several_folders_are_read_as_one_table(engine: DuckDBEngine, table: ir.Table, tmp_path: Path) -> None:
    written(engine, table, tmp_path / "a")
    written(engine, table, tmp_path / "b")
    assert engine.fetch(engine.read(tmp_path / "a", tmp_path / "b")).num_rows == 2 * len(ROWS)


def test_whole_numbers_stay_64_bit_in_parquet(engine: DuckDBEngine, table: ir.Table, tmp_path: Path) -> None:
    written(engine, table, tmp_path / "a")
    t = engine.read(tmp_path / "a")
    sums = t.aggregate(
        total=t.n.sum(), rows=t.count(), small=ibis.literal(1, type="int8"), half=t.x.sum(), users=t.name.nunique()
    )
    engine.write(sums, tmp_path / "b")
    assert kinds(tmp_path / "b" / "part-0.parquet") == {
        "total": "int64", "rows": "int64", "small": "int8", "half": "double", "users": "int64",
    }  # fmt: skip
    assert engine.fetch(engine.read(tmp_path / "b")).to_pylist()[0]["total"] == 2**53 + 1 + 1 - 3


def test_a_log_is_read_without_a_judgement(engine: DuckDBEngine, tmp_path: Path) -> None:
    put(tmp_path / "a.json", b'{"ts":1.50,"userId":7,"page":true}\n\n[1]\n')
    put(tmp_path / "b.json", b'{"page":"Home"}')
    raw = engine.lines(find_sources([tmp_path]), dict(OWN_NAMES))
    rows = engine.fetch(raw.select("file", "text", "object", "ts", "userId", "page", "odd")).to_pylist()
    bit = 1 << 8  # of `page` among the text columns
    assert sorted((tuple(row.values()) for row in rows), key=repr) == [
        (0, "", False, None, None, None, 0),
        (0, "[1]", False, None, None, None, 0),
        (0, '{"ts":1.50,"userId":7,"page":true}', True, "1.5", "7", None, bit),
        (1, '{"page":"Home"}', True, None, None, "Home", 0),
    ]


def test_keys_are_those_of_the_objects_in_a_file(engine: DuckDBEngine, tmp_path: Path) -> None:
    (source,) = find_sources([put(tmp_path / "a", b'{"b":1,"a":{"c":2}}\n[]\n{"d":3}\nx\n"e"\n')])
    assert engine.keys(source) == ("a", "b", "d")


@pytest.mark.parametrize(
    ("content", "readable"),
    [(b'{"a":1}\n[', True), (b"a\x1fb", False), (b"a\xffb", False), (b"a\nb\r\nc\rd\n", False)],
)
def test_a_file_that_does_not_split_into_lines_is_told(
    engine: DuckDBEngine, tmp_path: Path, content: bytes, readable: bool
) -> None:
    (source,) = find_sources([put(tmp_path / "a", content)])
    assert engine.readable(source) == readable
    if not readable:
        with pytest.raises(LineReadError):
            engine.write(engine.lines([source], dict(OWN_NAMES)), tmp_path / "out")


def test_damaged_parquet_is_a_bad_source(engine: DuckDBEngine, tmp_path: Path) -> None:
    source = Source(put(tmp_path / "a.parquet", b"PAR1 no more"), 12, 0, kind="parquet")
    with pytest.raises(SourceError, match=r"damaged Parquet .*a\.parquet.*; fetch or write it again"):
        engine.lines([source], dict(OWN_NAMES))


def test_lines_are_numbered_in_each_of_many_files(tmp_path: Path) -> None:
    sizes = [2_000, 1, 700, *range(40), 30_000, 1_999, 3_000]
    logs = [
        write_log(tmp_path / f"{k:03d}.json", [event(ts=1_538_352_000_000 + i) for i in range(n)])
        for k, n in enumerate(sizes)
    ]
    logs[2] = put(tmp_path / "002.json.gz", PACK["gzip"](logs[2].read_bytes()))
    for k, other in ((-1, "auth"), (-2, "nothing we know")):  # another one of ours, and one that is not
        cells = {"ts": [1_538_352_000_000 + i for i in range(sizes[k])], other: ["x"] * sizes[k]}
        pq.write_table(pa.table(cells), logs[k], row_group_size=500)
    engine = DuckDBEngine(memory=1_000_000_000, scratch=tmp_path / "scratch", threads=4)
    raw = engine.lines(find_sources(map(str, logs)), dict(OWN_NAMES), counted=sizes)
    rows = engine.fetch(raw.select("file", "line", "ts", "text")).to_pylist()
    engine.close()
    assert sorted((row["file"], row["line"], int(float(row["ts"])) - 1_538_352_000_000) for row in rows) == [
        (k, i + 1, i) for k, n in enumerate(sizes) for i in range(n)
    ]
    shown = {"ts": 1_538_352_000_000, "auth": "x"}  # of a Parquet file: its own columns alone
    assert [json.loads(row["text"]) for row in rows if (row["file"], row["line"]) == (len(sizes) - 1, 1)] == [shown]


def test_progress_is_a_share_or_unknown(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.json", [event(ts=1_538_352_000_000 + i) for i in range(20_000)])
    raw = engine.lines(find_sources([log]), dict(OWN_NAMES))
    worker = threading.Thread(target=engine.write, args=(raw, tmp_path / "out"))
    seen = [engine.progress()]
    worker.start()
    while worker.is_alive():
        seen.append(engine.progress())
    assert {now for now in seen if now is not None and (not 0 <= now.share <= 1 or now.words)} == set()
    assert seen[0] is None
    assert engine.fetch(engine.read(tmp_path / "out")).num_rows == 20_000


def test_progress_of_a_closed_engine_is_unknown(tmp_path: Path) -> None:
    engine = DuckDBEngine(memory=200_000_000, scratch=tmp_path)
    engine.close()
    assert engine.progress() is None


def test_a_folder_below_a_file_cannot_be_written(engine: DuckDBEngine, table: ir.Table, tmp_path: Path) -> None:
    put(tmp_path / "file")
    with pytest.raises(OutputError, match=r"file.*: cannot be written \(.+\); choose another --out"):
        written(engine, table, tmp_path / "file" / "out")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere, whatever its mode")
def test_a_folder_without_permission_cannot_be_written(engine: DuckDBEngine, table: ir.Table, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"cannot be written \(Permission denied\); choose another --out"):
        written(engine, table, tmp_path / "locked" / "out")


FULL_DISK = """
import resource, sys
from pathlib import Path
from churn.engines.duckdb import DuckDBEngine, _translated
from churn.errors import OutputError
from churn.ingest import OWN_NAMES, Ingest
from churn.sources import find_sources

folder = Path(sys.argv[1])
engine = DuckDBEngine(memory=500_000_000, scratch=folder / "scratch", threads=1)
sources = find_sources([folder / "log.json"])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
(folder / "out").mkdir()
try:
    Ingest(engine, sources, folder / "out", OWN_NAMES, 1.0).run()
except OutputError as error:
    print(error)
    engine.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize(
    ("content", "limit"),
    [
        ("".join(f'{{"ts":{1538352000000 + i * 7919},"userId":"{i}","page":"Home"}}\n' for i in range(3000)), 4096),
        ('{"ts":1538352000000,"userId":"7","page":"Home"}\n' + "[]\n" * 2000, 20_000),
        ('{"ts":1538352000000,"userId":"7","page":"\x1f"}\n' + "[]\n" * 2000, 4096),
    ],
    ids=["events", "quarantine", "sanitised copy"],
)
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, content: str, limit: int) -> None:
    (tmp_path / "log.json").write_text(content, encoding="utf-8")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(tmp_path / "out"))
    assert done.stdout.rstrip().endswith("; free some space, then run again")
    assert ": the disk is full" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_ctrl_c_inside_a_statement_is_a_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), _translated(tmp_path):
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="another"), _translated(tmp_path):
        raise RuntimeError("another")


def test_rows_come_in_batches_and_in_order(engine: DuckDBEngine, tmp_path: Path) -> None:
    numbers = pa.table({"n": list(range(25_000))})
    (tmp_path / "given").mkdir()
    pq.write_table(numbers, tmp_path / "given" / "rows.parquet")
    table = engine.read(tmp_path / "given")
    batches = list(engine.batches(table.order_by(table.n.desc())))
    assert len(batches) > 1
    assert [n for batch in batches for n in batch.column(0).to_pylist()] == list(range(24_999, -1, -1))
