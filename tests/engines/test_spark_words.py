"""What Spark says, in the words of this package: by real messages of Spark, YARN and Kubernetes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

py4j = pytest.importorskip("py4j.protocol")

from churn.engines.spark_words import in_our_words  # noqa: E402
from churn.errors import ChurnError, CloudError, EngineError, LineReadError, OutputError  # noqa: E402

ABORTED = (
    "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent failure: Lost task 0.3 in stage "
    "3.0 (TID 9) (10.0.0.7 executor 2): "
)
LOST = f"{ABORTED}ExecutorLostFailure (executor 2 exited caused by one of the running tasks) Reason: "

WRITING = f"{ABORTED}[TASK_WRITE_FAILED] Task failed while writing rows to s3a://out/run/lines. SQLSTATE: 58030"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (f"{ABORTED}java.lang.OutOfMemoryError: Java heap space", OutputError, "ran out of memory .*executor.memory"),
        (f"{ABORTED}org.apache.spark.memory.SparkOutOfMemoryError: No enough memory", OutputError, "out of memory"),
        (f"{LOST}Command exited with code 137", OutputError, "out of memory"),
        (f"{LOST}Command exited with code 52", OutputError, "out of memory"),
        (f"{LOST}Container from a bad node: container_1_0001_01_000003. Exit status: 137.", OutputError, "out of mem"),
        (
            f"{LOST}Container killed by YARN for exceeding physical memory limits. 5.5 GB of 5.5 GB physical memory "
            "used. Consider boosting spark.executor.memoryOverhead.",
            OutputError,
            "ran out of memory .*; raise --memory on a local master, --conf spark.executor.memory",
        ),
        (
            f"{LOST}The executor with id 2 exited with exit code 137(SIGKILL, possible container OOM).",
            OutputError,
            "ran out of memory",
        ),
        (f"{LOST}Command exited with code 1", EngineError, "an executor of Spark was lost .*; see its log, or run the"),
        (f"{LOST}Container from a bad node: container_1. Exit status: 143.", EngineError, "an executor of Spark was"),
        (f"{LOST}Remote RPC client disassociated. Likely due to containers exceeding thresholds, or network issues. "
         "Check driver logs for WARN messages.", EngineError, "an executor of Spark was lost"),
        (f"{LOST}worker lost: Not receiving heartbeat for 60 seconds", EngineError, "an executor of Spark was lost"),
        (f"{ABORTED}java.io.IOException: No space left on device", OutputError, "/run: the disk is full"),
        (f"{ABORTED}java.io.EOFException: Unexpected end of input stream", LineReadError, "Unexpected end"),
        (f"{ABORTED}java.io.IOException: Mkdirs failed to create file:/run", OutputError, "/run: cannot be written"),
        ("Job aborted due to stage failure: Total size of serialized results of 90 tasks (1025.1 MiB) is bigger than "
         "spark.driver.maxResultSize (1024.0 MiB)", OutputError, "table of users does not fit .*--memory"),
        (f"{ABORTED}org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file "
         "s3a://logs/a.json. SQLSTATE: KD001\nCaused by: java.io.IOException: Server error accessing s3://logs/a.json, "
         "request failed with: no (Service: S3, Status Code: 403, Request ID: null) (SDK Attempt Count: 1)", CloudError,
         "^s3://logs/a.json: permission denied .*; the user needs s3:ListBucket"),
        ("java.nio.file.AccessDeniedException: s3a://logs/run/part-0: PUT 0-byte object on run/part-0: "
         "AmazonS3Exception: no (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)", CloudError,
         "^s3://logs/run/part-0: permission denied"),
        (f"{ABORTED}file s3a://logs/a.json. SQLSTATE: KD001\nCaused by: org.apache.http.NoHttpResponseException: The "
         "target server failed to respond", CloudError, "^s3://logs/a.json: the connection to S3 broke off .*; check"),
        (f"{ABORTED}java.io.FileNotFoundException: No such file or directory: s3a://logs/a.json", CloudError,
         "^s3://logs/a.json: it was there and is gone"),
        (f"{WRITING}\nCaused by: java.io.IOException: Server error accessing s3://logs/a.json, request failed with: no "
         "(Service: S3, Status Code: 403)", CloudError, "^s3://logs/a.json: permission denied"),
        (f"{WRITING}\nCaused by: org.apache.http.NoHttpResponseException: no answer", CloudError,
         "^s3://out/run/lines: the connection"),
        (f"{WRITING}\nCaused by: java.io.FileNotFoundException: /mnt/shuffle_0_1_0.data", EngineError, "Spark: "),
        (f"{WRITING}\nCaused by: org.apache.spark.rpc.RpcTimeoutException: askTimeout", EngineError, "Spark: "),
        (f"{WRITING}\nCaused by: java.io.EOFException: Unexpected end of input stream", LineReadError, "Unexpected"),
        ("[DIVIDE_BY_ZERO] Division by zero.", EngineError, r"Spark: \[DIVIDE_BY_ZERO\]"),
    ],
)  # fmt: skip
def test_a_message_of_spark(text: str, kind: type[ChurnError], words: str) -> None:
    found = in_our_words(py4j.Py4JError(text), Path("/run"))
    assert type(found) is kind
    assert re.search(words, str(found)), found


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connection refused"),
        ConnectionResetError(104, "Connection reset by peer"),
        py4j.Py4JNetworkError("Error while sending or receiving"),
        py4j.Py4JError("An error occurred while calling o29.sc"),  # all that PySpark 3.5 says
        py4j.Py4JNetworkError("Answer from Java side is empty"),
    ],
)
def test_a_connection_that_broke_means_that_java_has_ended(error: Exception) -> None:
    found = in_our_words(error, Path("/run"))
    assert type(found) is EngineError
    assert "Spark's own Java process has ended" in str(found)
