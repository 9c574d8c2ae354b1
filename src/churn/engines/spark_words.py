"""Spark's failures in the words of this package. Nothing here imports pyspark: a failure is known by its text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from py4j.protocol import Py4JError

from churn.errors import ChurnError, CloudError, EngineError, LineReadError, OutputError

GONE: Final = (Py4JError, ConnectionError)
"""What a call ends with where Spark's Java process has ended."""

_AGAIN: Final = "run the same command again; it goes on after the last finished step"
_FULL: Final = ("No space left", "Disk quota", "File too large")
_CUT: Final = ("EOFException", "ZipException", "incorrect header check", "invalid block", "not a gzip", "data error")
_NO_MEMORY: Final = re.compile(
    r"OutOfMemoryError|\bOOM\b|exceeding (?:physical |virtual )?memory limits|memory used"
    r"|[Ee]xit(?:ed)?(?: with)?(?: exit)? (?:code|status):? (?:137|52)\b|exited with code (?:137|52)\b"
)
"""Java's own words, those of YARN and Kubernetes, and what a process says that the system ended for its memory."""
_LOST: Final = ("ExecutorLostFailure", "SparkContext was shut down", "executor lost")
_ENDED: Final = ("Error while sending", "Answer from Java side is empty", "Connection refused", "Connection reset")
_SILENT: Final = re.compile(r"An error occurred while calling \S+")
"""All of a message: Java has said nothing more."""

_ADDRESS: Final = re.compile(r"\bs3[an]?://(\S+)")
_READING: Final = re.compile(r"error while reading file s3[an]?://(\S+)")
_OF_S3: Final = re.compile(r"\bs3[an]?://|awssdk|amazonaws|org\.apache\.http\.|fs\.s3a")
"""In the line of a cause: it is S3 that it speaks of."""

_S3_SAYS: Final = (
    (
        re.compile(r"Status Code: 403|AccessDenied"),
        "permission denied",
        "the user needs s3:ListBucket and s3:GetObject there, and s3:PutObject and s3:DeleteObject where --out lies",
    ),
    (re.compile(r"Status Code: 503|Slow ?Down"), "S3 was too busy each time it was asked", _AGAIN),
    (
        re.compile(r"Status Code: 404|NoSuchKey|FileNotFoundException"),
        "it was there and is gone",
        f"see who removes it, then {_AGAIN}",
    ),
    (
        re.compile(r"NoHttpResponse|ConnectionClosed|Connection (?:reset|refused)|Premature end of Content|Timeout"),
        "the connection to S3 broke off each time",
        f"check the network; {_AGAIN}",
    ),
)
"""What S3 answers in the middle of the work, after Hadoop has tried again: the signs, what that is, what to do."""

_UNWRITABLE: Final = ("Permission denied", "Mkdirs failed", "PATH_ALREADY_EXISTS")


def in_our_words(error: Exception, folder: Path) -> ChurnError:
    """What Spark raises, as one of our errors.

    Args:
        error: Spark's, or that of the connection to it.
        folder: what was being written.
    """
    text, gist = str(error), gist_of(error)
    if any(sign in text for sign in _FULL):
        return OutputError(f"{folder}: the disk is full ({gist})", "free some space, then run again")
    if _NO_MEMORY.search(text):
        return OutputError(
            f"a Spark task ran out of memory ({gist})",
            "raise --memory on a local master, --conf spark.executor.memory=… on a cluster",
        )
    if "spark.driver.maxResultSize" in text:
        return OutputError(
            f"the table of users does not fit into the driver ({gist})",
            "raise --memory; by spark-submit, spark.driver.memory and spark.driver.maxResultSize",
        )
    refused = _refused_by_s3(text, gist)
    if refused:
        return refused
    if any(sign in text for sign in _CUT):
        return LineReadError(gist)
    if any(sign in text for sign in _UNWRITABLE):
        return OutputError(f"{folder}: cannot be written ({gist})", "choose another --out")
    if any(sign in text for sign in _LOST):
        return EngineError(f"an executor of Spark was lost ({gist})", f"see its log, or {_AGAIN}")
    if isinstance(error, ConnectionError) or any(text.startswith(sign) for sign in _ENDED) or _SILENT.fullmatch(text):
        return EngineError(
            f"Spark's own Java process has ended ({gist})",
            f"if the system ended it for its memory, lower --memory; {_AGAIN}",
        )
    return EngineError(f"Spark: {gist}")


def _refused_by_s3(text: str, gist: str) -> CloudError | None:
    """What S3 has answered, by the causes that speak of it: what was written there is named for any failure."""
    causes = [line for line in text.splitlines() if _OF_S3.search(line) and not line.lstrip().startswith("at ")]
    for signs, what, remedy in _S3_SAYS:
        for cause in causes:
            if signs.search(cause):
                there = _ADDRESS.findall(cause)[:1] or _READING.findall(text)[-1:] or _ADDRESS.findall(text)[:1]
                place = f"s3://{there[0].rstrip('.,:;)')}" if there else "S3"
                return CloudError(f"{place}: {what} ({gist})", remedy)
    return None


def gist_of(error: Exception) -> str:
    """What went wrong in one line: the last cause, without its stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [type(error).__name__])[-1 if causes else 0][:300]
