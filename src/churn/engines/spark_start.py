"""The session that the engine works in: the one that is there, or a new application that is known to get machines."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import util
from pathlib import Path
from typing import Any, Final

import pyspark
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from churn.engines.java import check_java, check_reachable, check_spark
from churn.engines.spark_words import GONE, gist_of
from churn.errors import SettingsError, UnavailableError

PATIENCE: Final = "spark.scheduler.maxRegisteredResourcesWaitingTime"
"""How long Spark itself waits for its executors before it begins with fewer; so long we wait for the first one."""

_SILENCE: Final = 25
"""Seconds from the start of Java until a standalone master has taken an application."""

_RESULT: Final = "spark.driver.maxResultSize"
"""What may come to the driver at a time. Spark's 1 GB would end a training that fits; beyond the heap none does."""

_START: Final[dict[str, str]] = {
    "spark.app.name": "churn",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
"""For an application that we start ourselves; `--conf` goes before."""


def session_for(master: str | None, conf: Mapping[str, str], memory: int, scratch: Path) -> tuple[SparkSession, bool]:
    """A session to derive ours from, and whether its application is ours to end.

    Args:
        master: as in `spark-submit --master`; None for what is there.
        conf: Spark settings that go before ours.
        memory: bytes for the heap of a driver that is started here.
        scratch: folder for temporary files.

    Raises:
        UnavailableError: without Java, with a Spark that is too old, or without a machine to work on.
        SettingsError: if a session on another master is there.
    """
    if SparkContext._active_spark_context is not None:
        # The active session is one of this thread; the application is that of the process.
        there = SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()
        check_spark(there.version)
        return _checked(there, master), False
    made = _started(master, conf, memory, scratch)
    try:
        _check_executors(made)
    except BaseException:
        with suppress(*GONE):
            made.stop()
        raise
    return made, True


def _started(master: str | None, conf: Mapping[str, str], memory: int, scratch: Path) -> SparkSession:
    """A new application."""
    check_java()
    check_spark(pyspark.__version__)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ  # by spark-submit, which has its own master
    chosen = master or conf.get("spark.master") or (None if submitted else "local[*]")
    if chosen:
        check_reachable(chosen)
    heap = f"{memory // 2**20}m"
    quiet = Path(__file__).with_name("log4j2.properties").as_uri()
    start = {
        **_START,
        "spark.driver.memory": heap,
        **({} if submitted else {_RESULT: conf.get("spark.driver.memory", heap)}),
        "spark.driver.extraJavaOptions": " ".join((f"-Dlog4j2.configurationFile={quiet}", *collector(chosen, conf))),
        "spark.local.dir": str(scratch.absolute()),
        "spark.sql.warehouse.dir": str((scratch / "warehouse").absolute()),
        **conf,
    }
    builder = SparkSession.builder
    for name, value in start.items():
        builder = builder.config(name, value)
    if chosen:
        builder = builder.master(chosen)
    _hush()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # or its workers miss our packages
    try:
        with _watched(chosen, conf):
            return builder.getOrCreate()
    except (PySparkException, RuntimeError, *GONE) as error:
        raise UnavailableError(
            f"Spark does not start on {chosen or 'its master'}: {gist_of(error)}",
            "see --master and --conf, and the lines above",
        ) from error


@contextmanager
def _watched(master: str | None, conf: Mapping[str, str]) -> Iterator[None]:
    """End a Java that waits for a master that takes connections and says nothing: Spark itself asks for a minute.

    Raises:
        UnavailableError: if it was ended.
    """
    done, turn = threading.Event(), threading.Lock()
    silent: list[float] = []

    def watch() -> None:
        gateway: Any = None
        while gateway is None and not done.wait(0.1):
            gateway = SparkContext._gateway
        if not done.is_set() and not done.wait(waited := _patience(gateway, conf)):
            with turn:
                if not done.is_set():
                    silent.append(waited)
                    gateway.proc.kill()
                    gateway.proc.wait()

    if (master or "").startswith("spark://") and "PYSPARK_GATEWAY_PORT" not in os.environ:
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        with turn:
            done.set()
        if silent:
            SparkContext._gateway = SparkContext._jvm = None  # so that another application can be started
            raise UnavailableError(
                f"what listens at {master} has not answered as a Spark master for some {silent[0]:g} s",
                "check the port (that of the master's web page is another) and that the master runs Spark "
                f"{pyspark.__version__}, as this machine does, or wait longer with --conf {PATIENCE}=2m",
            )


def _patience(gateway: Any, conf: Mapping[str, str]) -> float:
    """Seconds for a master to answer: ours, or what the user gives the cluster where that is more."""
    given = conf.get(PATIENCE)
    asked = gateway.jvm.org.apache.spark.network.util.JavaUtils.timeStringAsSec(given) if given else 0
    return max(_SILENCE, float(asked))


def collector(master: str | None, conf: Mapping[str, str]) -> tuple[str, ...]:
    """Java's option for the collector that costs the least, for a driver that does all the work: pauses hurt nobody.

    None where another one is chosen in the environment or for Spark: Java does not start with two.
    """
    named = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "SPARK_SUBMIT_OPTS")
    chosen = " ".join((*(os.environ.get(name, "") for name in named), conf.get("spark.driver.defaultJavaOptions", "")))
    local = (master or "").split("[")[0] == "local"
    return ("-XX:+UseParallelGC",) if local and not re.search(r"-XX:\+Use\w+GC\b", chosen) else ()


def _check_executors(session: SparkSession) -> None:
    """Wait for the first executor; a cluster that has none to spare would let the first query wait for ever.

    Raises:
        UnavailableError: if there is none in time, with what was asked for.
    """
    context: Any = session.sparkContext
    if context.master.split("[")[0] == "local":
        return
    spark = context._jsc.sc()
    waited = spark.conf().getTimeAsMs(PATIENCE, "30s") / 1000
    until = time.monotonic() + waited
    # Where executors come and go as they are needed, nobody asks for one before there is a task.
    threading.Thread(target=_try, args=(session,), daemon=True).start()
    while len(spark.statusTracker().getExecutorInfos()) < 2:  # the driver counts as one
        if time.monotonic() > until:
            conf = context.getConf()
            size = conf.get("spark.executor.memory", "1g")
            cores = conf.get("spark.executor.cores", "all")
            raise UnavailableError(
                f"{context.master} gave no executor with {size} of memory and {cores} cores within {waited:g} s",
                "wait until others have finished, ask for less with --conf spark.executor.memory=… and "
                f"spark.executor.cores=…, or wait longer with --conf {PATIENCE}=5m",
            )
        time.sleep(0.2)


def _try(session: SparkSession) -> None:
    """A job of one row; what goes wrong with it will also go wrong with the first real one, which is told."""
    with suppress(PySparkException, *GONE):
        session.range(1).count()


def _hush() -> None:
    """PySpark 4 also prints each failed query as JSON; it comes back as an exception anyway."""
    if util.find_spec("pyspark.logger"):
        from pyspark.logger import PySparkLogger

        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
            PySparkLogger.getLogger(name).disabled = True


def _checked(there: SparkSession, master: str | None) -> SparkSession:
    """The session that is there, if it is where the caller wants it."""
    at = there.sparkContext.master
    if master and master != at:
        raise SettingsError(f"a Spark session on {at} is active, not on {master}", "stop it, or leave out --master")
    return there
