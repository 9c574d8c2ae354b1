"""Run folders that the tests of the report share."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn.pipeline import profile_log, run
from churn.report import write_report
from churn.settings import Settings
from tests.conftest import write_log
from tests.e2e.small import finished_run
from tests.report.logs import hostile_rows, nobody_leaves


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="session")
def finished(base: Path) -> Path:
    """A whole run on a small log."""
    return finished_run(base)[1]


@pytest.fixture(scope="session")
def hostile(base: Path) -> Path:
    """A whole run on a log in which every text is hostile."""
    log = write_log(base / "hostile.json", hostile_rows())
    run(Settings((str(log),), base / "hostile", families=("logistic_regression",)))
    return base / "hostile"


@pytest.fixture(scope="session")
def bare(base: Path) -> Path:
    """A folder with statistics alone, of a log without leavers, songs, locations and registrations."""
    log = write_log(base / "bare.json", nobody_leaves())
    profile_log(Settings((str(log),), base / "bare"))
    write_report(base / "bare")
    return base / "bare"
