"""The main job from S3 to S3: the same results as from disk to disk, on both engines."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.engines.java import missing_java
from churn.s3.url import work_folder
from tests.cluster import hadoop_of
from tests.e2e.small import SHORT, churn, complaint, finished_run, short_run
from tests.parity.compare import assert_same_table
from tests.s3.broken import Broken
from tests.s3.conftest import Put, keys
from tests.test_sanitise import PACK

pytestmark = pytest.mark.slow

ONE_FAMILY = ("--families", "logistic_regression")


def snapshots(bucket: Any, task: str) -> pa.Table:
    parts = [entry.get()["Body"].read() for entry in bucket.objects.filter(Prefix=f"run/snapshots/{task}/")]
    return pa.concat_tables([pq.read_table(io.BytesIO(part)) for part in parts])


def local_snapshots(out: Path, task: str) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted((out / "snapshots" / task).glob("*.parquet"))])


def assert_same_results(bucket: Any, whole: Path) -> None:
    """What lies in the bucket is what lies in the folder of a run on this machine."""
    for task in ("forecast", "history"):
        assert_same_table(snapshots(bucket, task), local_snapshots(whole, task), "userId", "cutoff")
    assert bucket.Object("run/risk.csv").get()["Body"].read() == (whole / "risk.csv").read_bytes()
    there = {key.removeprefix("run/") for key in keys(bucket, "run/") if not key.endswith(".parquet")}
    here = {path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()}
    assert there - {".churn/mark"} == {name for name in here if not name.endswith((".parquet", "lock"))}
    run = json.loads(bucket.Object("run/run.json").get()["Body"].read())
    assert all(bucket.Object(f"run/{name}").content_length >= 0 for name in run["files"])
    assert [key for key in keys(bucket) if "/aside/" in key or "_temporary" in key] == []


def test_from_s3_to_s3_and_on_from_there(
    bucket: Any, put: Put, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    settings, whole = finished_run(tmp_path_factory.getbasetemp())
    lines = Path(settings.logs[0]).read_bytes().splitlines(keepends=True)
    put("log/a.json", b"".join(lines[::2]))
    put("log/b/c.json", b"".join(lines[1::2]))
    words = ("run", "s3://logs/log/", "--out", "s3a://logs/run/", *ONE_FAMILY)
    done = churn(*words)
    assert done.returncode == 0, done.stderr
    assert "s3://logs/run/risk.csv" in done.stdout
    assert not work_folder("s3://logs/run").joinpath(".churn").exists()
    work_folder("s3://logs/run").rmdir()
    assert_same_results(bucket, whole)
    assert [file["path"] for file in json.loads(bucket.Object("run/ingest.json").get()["Body"].read())["files"]] == [
        "s3://logs/log/a.json", "s3://logs/log/b/c.json",
    ]  # fmt: skip
    again = churn(*words)
    steps = json.loads((whole / "run.json").read_text())["steps"]
    assert (again.returncode, again.stderr.count("(done before)")) == (0, len(steps))
    less = churn("ingest", "s3://logs/log/a.json", "--out", str(tmp_path / "here"))
    assert (less.returncode, less.stdout.startswith(f"{len(lines[::2]):,} lines")) == (0, True)
    assert not (tmp_path / "here" / ".churn" / "staged").exists()


def test_a_bundle_in_s3_scores_a_log_in_s3_and_a_run_in_s3_gets_its_page(
    bucket: Any, put: Put, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    settings, whole = finished_run(tmp_path_factory.getbasetemp())
    log = put("new/log.json", Path(settings.logs[0]))
    for path in whole.rglob("*"):
        if path.is_file() and path.name != "report.html":
            put(f"run/{path.relative_to(whole).as_posix()}", path)
    run = churn("report", "s3://logs/run/")
    assert (run.returncode, run.stdout) == (0, "see s3://logs/run/report.html\n")
    assert b"<html" in bucket.Object("run/report.html").get()["Body"].read()
    words = ("--as-of", "2018-12-01", "--out")
    done = churn("score", "s3://logs/run/bundle", log, *words, "s3://logs/lists/risk.csv")
    assert done.returncode == 0, done.stderr
    assert keys(bucket, "lists/") == ["lists/risk.csv", "lists/risk.drift.csv"]
    churn("score", whole / "bundle", settings.logs[0], *words, tmp_path / "risk.csv")
    assert bucket.Object("lists/risk.csv").get()["Body"].read() == (tmp_path / "risk.csv").read_bytes()
    gone = churn("score", "s3://logs/gone", log, *words, "s3://logs/lists/risk.csv")
    assert gone.returncode == 2
    assert complaint(gone.stderr) == "s3://logs/gone: there is no such folder; check the address"


def test_mistakes_are_told_in_a_line(bucket: Any, put: Put, tmp_path: Path) -> None:
    put("log.json")
    for words, said in {
        ("s3://logs/gone/", str(tmp_path / "run")): "s3://logs/gone/: there is no such object or folder",
        ("s3://nobody/log", str(tmp_path / "run")): "s3://nobody/log: there is no such bucket",
        ("s3://logs/log.json", "s3://nobody/run"): "s3://nobody/run: there is no such bucket",
        ("s3://logs/log.json", "s3://logs"): "s3://logs/ holds objects that no run of this program made",
    }.items():
        done = churn("run", words[0], "--out", words[1])
        assert done.returncode == 2
        assert complaint(done.stderr).startswith(said)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)


# Spark reads and writes S3 itself, by Hadoop's own library.

SDK_1 = [f"com.amazonaws:aws-java-sdk-{part}:1.12.262" for part in ("s3", "sts", "dynamodb")]
SDK_2 = [
    f"software.amazon.awssdk:{part}:2.35.4"
    for part in ("s3", "s3-transfer-manager", "sts", "apache-client", "netty-nio-client")
]
AWS_SDK = {"3.3.4": (SDK_1, "com.amazonaws:aws-java-sdk-bundle"), "3.5.0": (SDK_2, "software.amazon.awssdk:bundle")}
"""For a version of Hadoop (that of Spark 3.5, that of Spark 4): the parts of Amazon's library that are needed, 11 and
18 MB, and the whole that they stand for."""


def hadoop_aws() -> tuple[str, ...]:
    """The options with which Spark fetches what it needs for S3; skips the test where that is not known."""
    pyspark = pytest.importorskip("pyspark")
    if missing_java():
        pytest.skip(f"{missing_java()}; Spark is NOT tested")
    hadoop = hadoop_of(Path(pyspark.__file__).parent)
    if hadoop not in AWS_SDK:
        pytest.skip(f"S3 by Spark is NOT tested: nobody has said which AWS library goes with Hadoop {hadoop}")
    parts, whole = AWS_SDK[hadoop]
    packages = [f"org.apache.hadoop:hadoop-aws:{hadoop}", *parts]
    return (
        "--engine", "spark", "--master", "local[2]", "--memory", "2GB",
        "--conf", f"spark.jars.packages={','.join(packages)}",
        "--conf", f"spark.jars.excludes={whole}",
    )  # fmt: skip


def tried_on_spark(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A command that ran on Spark; skips the test where Maven Central cannot be reached."""
    done = churn(*words, *hadoop_aws())
    if "UNRESOLVED DEPENDENCIES" in done.stderr:
        pytest.skip("S3 by Spark is NOT tested: Maven Central does not give hadoop-aws")
    return done


def on_spark(*words: str | Path) -> str:
    """What a command says that ends well on Spark."""
    done = tried_on_spark(*words)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.mark.spark
def test_spark_from_s3_to_s3(bucket: Any, put: Put, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    log, whole = short_run(tmp_path_factory.getbasetemp())
    lines = log.read_bytes().splitlines(keepends=True)
    put("log/a b%20é.json", b"".join(lines[::3]) + b"no line\n\x01\n{}\r{}\n")
    put("log/b/[c].json.gz", gzip.compress(b"".join(lines[1::3] + lines[:5]) + b"\xc3\n"))
    put("log/d.json", PACK["zstd"](b"".join(lines[2::3]) + b"\xff\n"))
    words = ("run", "s3://logs/log/", "--out", "s3://logs/run", *SHORT)
    on_spark(*words)
    for task in ("forecast", "history"):
        assert_same_table(snapshots(bucket, task), local_snapshots(whole, task), "userId", "cutoff")
    account = json.loads(bucket.Object("run/ingest.json").get()["Body"].read())
    assert [file["lines"] for file in account["files"]] == [
        len(lines[::3]) + 3, len(lines[1::3]) + 6, len(lines[2::3]) + 1,
    ]  # fmt: skip
    assert (account["quarantined"]["total"], account["duplicate"]) == (5, 5)
    refused = [bucket.Object(key).get()["Body"].read().decode() for key in keys(bucket, "run/quarantine/")]
    known = [json.loads(line) for text in refused for line in text.splitlines()]
    assert [(entry["file"].rpartition("/")[2], entry["line"], entry["text"]) for entry in known] == [
        ("a b%20é.json", len(lines[::3]) + 1, "no line"),
        ("a b%20é.json", len(lines[::3]) + 2, "\\x01"),
        ("a b%20é.json", len(lines[::3]) + 3, "{}\\x0d{}"),
        ("[c].json.gz", len(lines[1::3]) + 6, "\\xc3"),
        ("d.json", len(lines[2::3]) + 1, "\\xff"),
    ]
    assert [key for key in keys(bucket) if "/aside/" in key or "_temporary" in key or "/lines/" in key] == []
    tables = [key.split("/")[1] for key in keys(bucket, "run/") if key.endswith(".parquet")]
    assert set(tables) == {"events", "rollups", "snapshots", "bundle"}
    bucket.Object("run/.churn/steps/risk.json").delete()
    risk = bucket.Object("run/risk.csv").get()["Body"].read()
    assert on_spark(*words).count("(done before)") == 5
    assert bucket.Object("run/risk.csv").get()["Body"].read() == risk


@pytest.mark.spark
def test_spark_scores_from_s3_to_s3_and_leaves_nothing_else(
    bucket: Any, put: Put, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed, so scoring on Spark is NOT tested")
    log, whole = short_run(tmp_path_factory.getbasetemp())
    as_of = ("--as-of", "2018-10-20")
    on_spark("score", whole / "bundle", put("new/log.json", log), *as_of, "--out", "s3://logs/lists/risk.csv")
    assert keys(bucket) == ["lists/risk.csv", "lists/risk.drift.csv", "new/log.json"]
    assert churn("score", whole / "bundle", log, *as_of, "--out", tmp_path / "risk.csv").returncode == 0
    ours = bucket.Object("lists/risk.csv").get()["Body"].read().decode().splitlines()
    here = (tmp_path / "risk.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:2] for line in ours] == [line.split(",")[:2] for line in here]


@pytest.mark.spark
def test_spark_tries_again_what_passes(bucket: Any, put: Put, broken: Broken) -> None:
    put(
        "log/a.json", b"".join(b'{"ts":%d,"userId":"7","page":"Home"}\n' % (1_538_352_000_000 + i) for i in range(9000))
    )
    reading, writing = (None, "busy", "half", "drop"), ("busy", "drop")  # the first look at a file is our own

    def rule(method: str, path: str, times: int) -> str | None:
        if method == "GET" and path == "/logs/log/a.json":
            return reading[times] if times < len(reading) else None
        if method == "PUT" and path.endswith(".parquet"):
            return writing[times] if times < len(writing) else None
        return None

    broken.rule = rule
    on_spark("ingest", "s3://logs/log/", "--out", "s3://logs/run")
    account = json.loads(bucket.Object("run/ingest.json").get()["Body"].read())
    assert (account["lines"], account["kept"]) == (9000, 9000)
    assert broken.asked["GET", "/logs/log/a.json"] > len(reading)
    written = [times for (method, path), times in broken.asked.items() if method == "PUT" and path.endswith(".parquet")]
    assert written
    assert min(written) > len(writing)
    assert [key for key in keys(bucket) if "/aside/" in key or "_temporary" in key] == []


@pytest.mark.spark
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("refused:AccessDenied", "permission denied ("),
        ("gone", "it was there and is gone ("),
        ("busy", "S3 was too busy each time it was asked ("),
        ("drop", "the connection to S3 broke off each time ("),
    ],
)
def test_spark_ends_with_a_line_where_s3_fails_in_the_middle(
    put: Put, broken: Broken, tmp_path: Path, kind: str, words: str
) -> None:
    log = put("log/a.json")
    broken.rule = lambda method, path, times: kind if (method, path) == ("GET", "/logs/log/a.json") and times else None
    few = ("--conf", "spark.hadoop.fs.s3a.attempts.maximum=2", "--conf", "spark.hadoop.fs.s3a.retry.limit=2")
    done = tried_on_spark("ingest", log, "--out", tmp_path / "run", *few)
    assert done.returncode == 2, done.stderr[-3000:]
    assert f"\nchurn: s3://logs/log/a.json: {words}" in done.stderr
    assert not (tmp_path / "run" / "events").exists()


@pytest.mark.spark
def test_spark_without_the_library_for_s3_says_how_to_get_it(put: Put, tmp_path: Path) -> None:
    hadoop_aws()
    done = churn("ingest", put("a.json"), "--out", tmp_path / "run", "--engine", "spark", "--master", "local[1]")
    assert done.returncode == 2
    assert "this Spark cannot read s3://; add --conf spark.jars.packages=org.apache.hadoop:hadoop-aws:" in done.stderr
