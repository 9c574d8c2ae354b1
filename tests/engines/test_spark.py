"""The Spark engine: tables go to Parquet and come back, its session is its own, its failures speak our language."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.engines import Engine
from churn.engines.java import check_reachable, check_spark, missing_java, yarn_addresses
from churn.engines.opening import engine_of
from churn.engines.spark_shared import check_shared
from churn.errors import EngineError, LineReadError, OutputError, SettingsError, SourceError, UnavailableError
from churn.ingest import OWN_NAMES
from churn.settings import Settings
from churn.sources import Source, find_sources
from tests.cluster import Cluster
from tests.conftest import MakeSpark, event, write_log
from tests.e2e.small import churn, environment
from tests.engines.test_duckdb import ROWS, kinds, written
from tests.test_sanitise import PACK
from tests.test_sources import put

pytestmark = pytest.mark.spark


@pytest.fixture
def table(spark: Engine, tmp_path: Path) -> ir.Table:
    """The rows above, in a Parquet file that another program wrote."""
    (tmp_path / "given").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "given" / "rows.parquet")
    return spark.read(tmp_path / "given")


def test_what_is_written_is_read_back(spark: Engine, table: ir.Table, tmp_path: Path) -> None:
    assert written(spark, table, tmp_path / "t" / "[u]'s {v}") == ROWS
    assert {path.suffix for path in (tmp_path / "t" / "[u]'s {v}").iterdir()} == {".parquet"}


def test_partitions_are_folders_and_come_back_as_columns(spark: Engine, table: ir.Table, tmp_path: Path) -> None:
    again = written(spark, table, tmp_path / "t", "day")
    assert sorted(((row["n"], str(row["day"])) for row in again), key=repr) == sorted(
        ((row["n"], row["day"]) for row in ROWS), key=repr
    )
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["day=2018-10-01", "day=2018-10-02"]
    both = spark.read(tmp_path / "t" / "day=2018-10-01", tmp_path / "t" / "day=2018-10-02")
    assert spark.fetch(both).num_rows == len(ROWS)


def test_whole_numbers_keep_their_width_and_floats_are_no_decimals(
    spark: Engine, table: ir.Table, tmp_path: Path
) -> None:
    sums = table.aggregate(
        total=table.n.sum(), rows=table.count(), small=ibis.literal(1, type="int8"), ratio=table.n.sum() / 3.0 * 1e-7
    )
    spark.write(sums, tmp_path / "b")
    (part,) = (tmp_path / "b").iterdir()
    assert kinds(part) == {"total": "int64", "rows": "int64", "small": "int8", "ratio": "double"}
    (row,) = spark.fetch(spark.read(tmp_path / "b")).to_pylist()
    assert row["total"] == 2**53 + 1 + 1 - 3
    assert row["ratio"] == float(2**53 - 1) / 3.0 * 1e-7


def test_division_by_zero_is_an_error_and_no_null(spark: Engine, table: ir.Table) -> None:
    with pytest.raises(EngineError, match="DIVIDE_BY_ZERO"):
        spark.fetch(table.select(x=table.n / (table.n - table.n)))


def test_a_log_is_read_without_a_judgement(spark: Engine, tmp_path: Path) -> None:
    put(tmp_path / "a.json", b'{"ts":1.50,"userId":7,"page":true}\n\n[1]\n')
    put(tmp_path / "b.json", b'{"page":"Home"}')
    raw = spark.lines(find_sources([tmp_path]), dict(OWN_NAMES))
    rows = spark.fetch(raw.select("file", "text", "object", "ts", "userId", "page", "odd")).to_pylist()
    assert sorted((tuple(row.values()) for row in rows), key=repr) == [
        (0, "", False, None, None, None, 0),
        (0, "[1]", False, None, None, None, 0),
        (0, '{"ts":1.50,"userId":7,"page":true}', True, 1.5, "7", None, 1 << 8),
        (1, None, True, None, None, "Home", 0),  # plain, so nobody will want to see it
    ]


def test_lines_are_numbered_over_all_parts_of_a_file(make_spark: MakeSpark, tmp_path: Path) -> None:
    spark = make_spark(spark__sql__files__maxPartitionBytes="10000", spark__sql__files__openCostInBytes="1")
    sizes = (2_000, 1, 700, 30, 1_999)
    logs = [
        write_log(tmp_path / f"{k}.json", [event(ts=1_538_352_000_000 + i) for i in range(n)])
        for k, n in enumerate(sizes)
    ]
    logs[2].write_bytes(PACK["gzip"](logs[2].read_bytes()))
    table = pa.table({"ts": [1_538_352_000_000 + i for i in range(sizes[4])], "page": ["Home"] * sizes[4]})
    pq.write_table(table, logs[4], row_group_size=100)
    raw = spark.lines(find_sources(map(str, logs)), dict(OWN_NAMES), counted=sizes)
    rows = spark.fetch(raw.select("file", "line", "ts")).to_pylist()
    assert sorted((row["file"], row["line"], int(float(row["ts"])) - 1_538_352_000_000) for row in rows) == [
        (k, i + 1, i) for k, n in enumerate(sizes) for i in range(n)
    ]


def test_keys_are_those_of_the_objects_in_a_file(spark: Engine, tmp_path: Path) -> None:
    (source,) = find_sources([put(tmp_path / "a", b'{"b":1,"a":{"c":2}}\n[]\n{"d":3}\nx\n"e"\n')])
    assert spark.keys(source) == ("a", "b", "d")


def test_an_archive_that_was_cut_short_is_told(spark: Engine, tmp_path: Path) -> None:
    packed = PACK["gzip"](b"".join(b'{"a":%d}\n' % (i * 7919 % 1000) for i in range(20_000)))
    (source,) = find_sources([put(tmp_path / "a", packed[: len(packed) // 2])])
    assert not spark.readable(source)
    with pytest.raises(LineReadError):
        spark.write(spark.lines([source], dict(OWN_NAMES)), tmp_path / "out")


def test_damaged_parquet_is_a_bad_source(spark: Engine, tmp_path: Path) -> None:
    source = Source(put(tmp_path / "a.parquet", b"PAR1 no more"), 12, 0, kind="parquet")
    with pytest.raises(SourceError, match=r"damaged Parquet .*a\.parquet.*; fetch or write it again"):
        spark.lines([source], dict(OWN_NAMES))


def test_a_folder_that_exists_is_not_overwritten(spark: Engine, table: ir.Table, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"given: cannot be written"):
        spark.write(table, tmp_path / "given")
    assert [path.name for path in (tmp_path / "given").iterdir()] == ["rows.parquet"]


def test_rows_come_in_batches_and_in_order(
    make_spark: MakeSpark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.engines.spark.BATCH", 400)
    numbers = pa.table({"n": list(range(1000)), "text": [None, *map(str, range(1, 1000))]})
    (tmp_path / "given").mkdir()
    pq.write_table(numbers, tmp_path / "given" / "rows.parquet")
    spark = make_spark()
    table = spark.read(tmp_path / "given")
    batches = list(spark.batches(table.order_by(table.n.desc())))
    assert [batch.num_rows for batch in batches] == [400, 400, 200]
    assert pa.Table.from_batches(batches).to_pylist() == numbers.to_pylist()[::-1]
    assert list(spark.batches(table.filter(table.n < 0))) == []


def test_rows_that_other_machines_have_kept_to_themselves_are_told(make_spark: MakeSpark, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "given" / "rows.parquet")
    spark = make_spark()
    spark._counting = True  # type: ignore[attr-defined]
    spark.write(spark.read(tmp_path / "given"), tmp_path / "t", partition_by=("day",))
    check_shared(tmp_path / "t", len(ROWS))
    next((tmp_path / "t").rglob("*.parquet")).unlink()
    with pytest.raises(OutputError, match=rf"the machines do not share .*/t: Spark has written {len(ROWS)} rows, and"):
        check_shared(tmp_path / "t", len(ROWS))


def test_tasks_behind_a_shuffle_are_as_many_as_the_input_is_worth(
    make_spark: MakeSpark, table: ir.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churn.engines import spark as module

    given = tmp_path / "given"
    size = sum(path.stat().st_size for path in given.iterdir())

    def tasks(**conf: str) -> str | None:
        engine = make_spark(**conf)
        assert isinstance(engine, module.SparkEngine)
        engine.fetch(engine.read(given))
        return engine.session.conf.get("spark.sql.shuffle.partitions")

    for a_task, a_partition, expected in ((10**9, 10**9, "1"), (1, 10**9, "2"), (10**9, size // 5 + 1, "5")):
        monkeypatch.setattr(module, "_BYTES_WORTH_A_TASK", a_task)
        monkeypatch.setattr(module, "_BYTES_A_PARTITION", a_partition)
        assert tasks() == expected
    assert tasks(spark__sql__shuffle__partitions="11") == "11"


def test_progress_is_a_share_or_unknown(spark: Engine, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.json", [event(ts=1_538_352_000_000 + i) for i in range(20_000)])
    raw = spark.lines(find_sources([log]), dict(OWN_NAMES))
    worker = threading.Thread(target=spark.write, args=(raw, tmp_path / "out"))
    seen = [spark.progress()]
    worker.start()
    while worker.is_alive():
        seen.append(spark.progress())
    assert seen[0] is None
    known = [now for now in seen if now is not None]
    assert {now.share for now in known if not 0 <= now.share <= 1} == set()
    assert known
    assert {now.words for now in known if not re.fullmatch(r"\d of \d+ tasks, \d of \d+ stages", now.words)} == set()
    spark.close()
    assert spark.progress() is None


def test_an_active_session_is_taken_and_left_as_it_was(make_spark: MakeSpark) -> None:
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    assert active is not None
    before = {name: active.conf.get(name) for name in ("spark.sql.session.timeZone", "spark.sql.shuffle.partitions")}
    engine = make_spark()
    engine.close()
    assert before == {name: active.conf.get(name) for name in before}
    assert active.range(3).count() == 3


def test_another_master_than_that_of_the_active_session_is_refused(make_spark: MakeSpark, tmp_path: Path) -> None:
    settings = Settings(("log",), tmp_path, engine="spark", master="local[7]")
    with pytest.raises(SettingsError, match=r"a Spark session on local\[2\] is active, not on local\[7\]"):
        engine_of(settings, tmp_path)


# What Spark needs, found before Spark starts.


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, r"Spark needs Java 17 or newer: no Java in JAVA_HOME \(.*\); install Java 17 or newer \(Debian"),
        ("echo 'openjdk version \"1.8.0_392\"' >&2", "is Java 8; install Java 17"),
        ("echo 'openjdk version \"11.0.2\" 2019' >&2", "is Java 11; install Java 17"),
        ("exit 1", "does not start; install Java 17"),
    ],
)
def test_java_that_is_missing_or_too_old_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, message: str
) -> None:
    monkeypatch.setattr(pytest.importorskip("pyspark").SparkContext, "_active_spark_context", None)
    if script is not None:
        java = put(tmp_path / "bin" / "java", f"#!/bin/sh\n{script}\n".encode())
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UnavailableError, match=message):
        engine_of(Settings(("log",), tmp_path, engine="spark"), tmp_path)


@pytest.mark.parametrize(
    ("master", "options", "expected"),
    [
        ("local[2]", "-Xmx1g", ("-XX:+UseParallelGC",)),
        ("local", "", ("-XX:+UseParallelGC",)),
        ("local[*]", "-Xmx1g -XX:+UseG1GC", ()),
        ("spark://localhost:7077", "", ()),
        (None, "", ()),
    ],
)
def test_one_machine_gets_the_collector_that_costs_least_unless_another_is_chosen(
    monkeypatch: pytest.MonkeyPatch, master: str | None, options: str, expected: tuple[str, ...]
) -> None:
    start = pytest.importorskip("churn.engines.spark_start")
    for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "SPARK_SUBMIT_OPTS"):
        monkeypatch.delenv(name, raising=False)
    assert start.collector(master, {"spark.driver.defaultJavaOptions": options}) == expected
    monkeypatch.setenv("JDK_JAVA_OPTIONS", options)
    assert start.collector(master, {}) == expected


def test_without_pyspark_the_command_to_install_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn.engines.opening.util.find_spec", lambda name: None)
    with pytest.raises(
        UnavailableError, match=r"needs pyspark, which is not installed; pip install 'sparkify-churn\[s"
    ):
        engine_of(Settings(("log",), tmp_path, engine="spark"), tmp_path)


def test_a_master_that_nobody_answers_for_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(UnavailableError, match=rf"no Spark master answers at spark://{address} .*refused"):
            check_reachable(f"spark://{address}")
        assert time.monotonic() - started < 30
        with pytest.raises(UnavailableError, match="is not host:port"):
            check_reachable("spark://nowhere")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        check_reachable(f"spark://{address},127.0.0.1:{server.getsockname()[1]}")
    check_reachable("local[2]")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("listening", "message"),
    [(False, "no Spark master answers at spark://"), (True, "has not answered as a Spark master for some 25 s; check")],
)
def test_a_run_on_a_master_that_is_none_ends_soon(listening: bool, message: str, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.json", [event()])
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listening:
            server.listen()
        master = f"spark://127.0.0.1:{server.getsockname()[1]}"
        done = churn("run", log, "--out", tmp_path / "run", "--engine", "spark", "--master", master, "--memory", "1GB")
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "run" / "events").exists()


def test_yarn_needs_to_know_its_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    monkeypatch.delenv("YARN_CONF_DIR", raising=False)
    with pytest.raises(UnavailableError, match="--master yarn needs HADOOP_CONF_DIR or YARN_CONF_DIR"):
        check_reachable("yarn")
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    check_reachable("yarn")  # nothing says where it is: Spark's own search decides


def yarn_site(folder: Path, **values: str) -> None:
    lines = (f"<property><name>{name.replace('__', '.')}</name><value>{text}</value></property>"
             for name, text in values.items())  # fmt: skip
    put(folder / "yarn-site.xml", f"<configuration>{''.join(lines)}</configuration>".encode())


def test_a_resource_manager_that_nobody_answers_for_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    with socket.socket() as unused, socket.socket() as server:
        for one in (unused, server):
            one.bind(("127.0.0.1", 0))
        server.listen()
        nobody, somebody = (f"127.0.0.1:{one.getsockname()[1]}" for one in (unused, server))
        yarn_site(tmp_path, yarn__resourcemanager__address=nobody)
        with pytest.raises(UnavailableError, match=rf"no Spark master answers at yarn \({nobody}: "):
            check_reachable("yarn")
        port = somebody.partition(":")[2]
        yarn_site(tmp_path, yarn__resourcemanager__hostname="127.0.0.1",
                  yarn__resourcemanager__address=f"${{yarn.resourcemanager.hostname}}:{port}")  # fmt: skip
        assert yarn_addresses() == [somebody]
        check_reachable("yarn")
        ha = {"yarn__resourcemanager__ha__rm-ids": "a, b", "yarn__resourcemanager__address.a": nobody}
        yarn_site(tmp_path, **ha, **{"yarn__resourcemanager__hostname.b": "rm2"})
        assert yarn_addresses() == [nobody, "rm2:8032"]
        yarn_site(tmp_path, **ha, **{"yarn__resourcemanager__address.b": somebody})
        check_reachable("yarn")


# Versions, and whose application it is.


def test_a_spark_that_is_too_old_is_named_with_the_remedy(
    make_spark: MakeSpark, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("3.5.0", "3.10.1", "4.1.0.dev1", "custom"):
        check_spark(version)
    with pytest.raises(UnavailableError, match=r"Spark 3\.5 or newer is needed: this is 3\.4\.1; pip install"):
        check_spark("3.4.1")
    make_spark()
    monkeypatch.setattr("churn.engines.java.OLDEST_SPARK", (99, 0))
    with pytest.raises(UnavailableError, match=r"Spark 99\.0 or newer is needed: this is [34]\."):
        make_spark()


def test_java_is_not_looked_for_where_a_session_is_there(
    make_spark: MakeSpark, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_spark()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing"))
    engine_of(Settings(("log",), tmp_path, engine="spark"), tmp_path).close()


def test_an_engine_in_a_thread_leaves_the_application_of_the_process_alone(make_spark: MakeSpark) -> None:
    from pyspark.sql import SparkSession

    there = SparkSession.getActiveSession()
    assert there is not None
    worker = threading.Thread(target=lambda: make_spark().close())
    worker.start()
    worker.join()
    assert there.range(3).count() == 3


def test_a_cluster_without_anything_to_spare_is_told(spark_cluster: Cluster, tmp_path: Path) -> None:
    conf = ("--conf", "spark.executor.memory=3g", "--conf", "spark.scheduler.maxRegisteredResourcesWaitingTime=3s")
    log = write_log(tmp_path / "log.json", [event()])
    words = ("ingest", log, "--out", tmp_path / "run", "--engine", "spark", "--master", spark_cluster.master)
    done = churn(*words, "--memory", "1GB", *conf)
    assert done.returncode == 2
    assert "gave no executor with 3g of memory and all cores within 3 s; wait until others" in done.stderr


GREEDY = """
import sys
from pathlib import Path
from churn.engines.spark import SparkEngine
from churn.errors import OutputError

conf = {"spark.executor.memory": "480m", "spark.task.maxFailures": "2"}
engine = SparkEngine(memory=600_000_000, scratch=Path(sys.argv[1]), master=sys.argv[2], conf=conf)
try:
    with engine.watched():
        engine.session.range(2).selectExpr("max(length(repeat(id, 1000000000)))").collect()
except OutputError as error:
    print(error)
engine.close()
"""


@pytest.mark.slow
def test_an_executor_that_runs_out_of_memory_names_the_setting_to_raise(spark_cluster: Cluster, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREEDY, str(tmp_path / "scratch"), spark_cluster.master],
        env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("a Spark task ran out of memory (")
    assert "--conf spark.executor.memory=" in done.stdout


KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
import ibis
from churn.engines.spark import SparkEngine
from churn.engines.spark_batches import spark_batches
from churn.errors import EngineError
from pyspark import SparkContext

engine = SparkEngine(memory=600_000_000, scratch=Path(sys.argv[1]), master="local[1]")
table = engine.read(Path(sys.argv[2]))
java = SparkContext._active_spark_context._jvm.java.lang.ProcessHandle.current().pid()
try:
    with spark_batches(engine, table, SimpleNamespace(judged=lambda batches: batches)) as batches:
        os.kill(java, signal.SIGKILL)
        batches.counts()
except EngineError as error:
    print(error)
try:
    engine.fetch(table)
except EngineError as error:
    print(error)
print(engine.progress())
engine.close()
print("closed")
"""


@pytest.mark.slow
def test_a_driver_whose_java_was_killed_says_so_and_is_closed(tmp_path: Path) -> None:
    if missing_java():
        pytest.skip(f"{missing_java()}; Spark is NOT tested")
    pytest.importorskip("pandas", reason="pandas is not installed: pip install 'sparkify-churn[spark]'")
    (tmp_path / "given").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "given" / "rows.parquet")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "scratch"), str(tmp_path / "given")],
        env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *said, share, closed = done.stdout.splitlines()
    assert len(said) == 2
    assert all(one.startswith("Spark's own Java process has ended") and "lower --memory" in one for one in said)
    assert (share, closed) == ("None", "closed")
