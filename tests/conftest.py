"""Fixtures shared by all tests: the real data where it is there, an engine, and logs made by hand."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before any library starts its threads: two test processes share the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A Java machine of a test lives for a minute: compiling for long lives costs more than it saves.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC")

from churn.engines import Engine
from churn.engines.duckdb import DuckDBEngine
from churn.engines.java import missing_java
from tests import aws_server
from tests.cluster import Cluster, cluster

# The same examples every time: a change is judged by what it does, not by its luck. Search anew with
# `pytest --hypothesis-profile=default`.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

JAVA_SAYS = "NOTE: Picked up JDK_JAVA_OPTIONS"
"""How a line of Java about these options begins."""

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SPARKIFY_DATA", ROOT.parent / "shared" / "data"))

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)

OTHER_PROGRAMS = {"spark_application", "spark_cluster", "aws_address"}
"""Fixtures that start one."""

Row = dict[str, Any]

MakeSpark = Callable[..., Engine]
"""Makes a Spark engine: `make(**conf)`, with dots of names written as two underscores."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a Java or an AWS of its own is slow: both take seconds to start."""
    for item in items:
        if not OTHER_PROGRAMS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="session")
def _odd_time_zone() -> Iterator[None]:
    """Everything is UTC whatever the machine says: test in a zone with half hours and daylight saving."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Australia/Adelaide"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """A path below the shared data; skips the test where that data is not."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"{path} is absent; set SPARKIFY_DATA to the folder with the logs")
        return path

    return find


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    """An embedded engine of its own for each test."""
    made = DuckDBEngine(memory=1_000_000_000, scratch=tmp_path / "scratch", threads=2)
    yield made
    made.close()


@pytest.fixture(scope="session")
def spark_application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeSpark]:
    """One Spark application a test process; every engine has a session of its own in it."""
    if util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: pip install 'sparkify-churn[spark]'")
    if missing_java():
        pytest.skip(f"{missing_java()}; Spark is NOT tested")
    from churn.engines.spark import SparkEngine

    def make(**conf: str) -> Engine:
        settings = {name.replace("__", "."): value for name, value in conf.items()}
        return SparkEngine(memory=1_500_000_000, scratch=scratch, conf=settings)

    scratch = tmp_path_factory.mktemp("spark")
    first = SparkEngine(memory=1_500_000_000, scratch=scratch, master="local[2]")
    yield make
    first.close()


@pytest.fixture
def make_spark(spark_application: MakeSpark) -> Iterator[MakeSpark]:
    """Makes Spark engines and closes them."""
    made: list[Engine] = []

    def make(**conf: str) -> Engine:
        made.append(spark_application(**conf))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def spark(make_spark: MakeSpark) -> Engine:
    """A Spark engine of its own for each test."""
    return make_spark()


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A standalone cluster of two workers with one core each, one a test process."""
    if util.find_spec("pyspark") is None or missing_java():
        pytest.skip(f"Spark is NOT tested: {missing_java() or 'pyspark is not installed'}")
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="session")
def aws_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an AWS on loopback, one a test process."""
    with aws_server.server(tmp_path_factory.mktemp("aws")) as address:
        yield address


@pytest.fixture
def aws(aws_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty AWS on loopback, and the environment of one of its users; gives its address."""
    aws_server.empty(aws_address)
    with aws_server.as_user(aws_address, monkeypatch) as address:
        yield address


def event(user: str | int | None = "7", ts: int = 1_538_352_000_000, page: str = "NextSong", **fields: Any) -> Row:
    """One line of a log: a paying member plays a song, unless told otherwise; None leaves a field out."""
    row: Row = {
        "ts": ts,
        "userId": user,
        "sessionId": 1,
        "page": page,
        "auth": "Logged In",
        "method": "PUT",
        "status": 200,
        "level": "paid",
        "itemInSession": 0,
        "location": "Boston-Cambridge-Newton, MA-NH",
        "userAgent": '"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 Chrome/36.0 Safari/537.36"',
        "lastName": "Doe",
        "firstName": "Ann",
        "registration": 1_537_000_000_000,
        "gender": "F",
    }
    if page == "NextSong":
        row |= {"artist": "Muse", "song": "Undo", "length": 200.5}
    return {name: value for name, value in (row | fields).items() if value is not None}


def write_log(path: Path, rows: Sequence[Row]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright; skips where either is absent."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make venv")
    if CHROMIUM is None:
        pytest.skip("chromium is absent; as root, make browser installs it")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM)
        yield made
        made.close()
