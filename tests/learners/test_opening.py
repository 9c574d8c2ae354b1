"""Which learner a run gets, and what it needs beside Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from churn.engines import Engine
from churn.errors import UnavailableError
from churn.learners.families import FAMILIES
from churn.learners.opening import families_of
from churn.settings import Settings

NOTHING = cast(Engine, None)


def test_without_pandas_spark_trains_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        return None if name == "pandas" else object()

    monkeypatch.setattr("churn.learners.opening.util.find_spec", absent)
    with pytest.raises(UnavailableError, match=r"the learner spark needs pandas.*sparkify-churn\[cluster\].*local"):
        families_of(Settings(("log",), tmp_path, engine="spark"), NOTHING)
    local = families_of(Settings(("log",), tmp_path, engine="spark", learner="local"), NOTHING)
    assert [family.name for family in local] == list(FAMILIES)
