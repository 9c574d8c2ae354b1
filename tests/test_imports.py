"""What is loaded by whom: scoring must start fast, and run where no engine and no learner is installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import churn

HEAVY = {"duckdb", "ibis", "sklearn", "xgboost", "pyspark", "pyarrow", "onnxmltools", "skl2onnx", "pandas", "scipy"}

ASK = """
import json, os, sys, threading
print(json.dumps({
    "modules": sorted({name.split(".")[0] for name in sys.modules}),
    "own": sorted(name for name in sys.modules if name.startswith("churn.")),
    "threads": threading.active_count(),
    "files": os.listdir("."),
}))
"""


def after(code: str, folder: Path) -> dict[str, Any]:
    """What a new process, started in an empty folder, has loaded and left behind after some code."""
    environment = os.environ | {"PYTHONPATH": str(Path(churn.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code + ASK], env=environment, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)  # so nothing else was printed


@pytest.mark.parametrize("code", ["import churn.scoring", "import churn.bundle", "from churn.scoring import Scorer"])
def test_scoring_and_bundles_load_no_engine_and_no_learner(code: str, tmp_path: Path) -> None:
    found = after(code, tmp_path)
    assert not HEAVY & set(found["modules"])
    assert not [name for name in found["own"] if name.startswith(("churn.learners", "churn.engines", "churn.features"))]


def test_reading_a_bundle_needs_not_even_onnx(tmp_path: Path) -> None:
    assert not {"onnx", "onnxruntime", "numpy"} & set(after("import churn.bundle", tmp_path)["modules"])


def test_the_package_alone_loads_nothing_and_starts_nothing(tmp_path: Path) -> None:
    found = after("import churn", tmp_path)
    assert not (HEAVY | {"onnx", "onnxruntime", "numpy", "click", "rich"}) & set(found["modules"])
    assert found["threads"] == 1
    assert found["files"] == []


@pytest.mark.parametrize("code", ["import churn.learners.families", "import churn.evaluation, churn.calibration"])
def test_a_learners_library_is_loaded_only_when_it_trains(code: str, tmp_path: Path) -> None:
    assert not {"sklearn", "xgboost", "onnxmltools", "onnx"} & set(after(code, tmp_path)["modules"])


def test_what_this_file_forbids_would_be_seen(tmp_path: Path) -> None:
    found = after("import churn.learners.sklearn, churn.engines.duckdb", tmp_path)
    assert {"sklearn", "duckdb", "ibis"} <= set(found["modules"])


def test_no_python_sees_a_row_of_the_log_on_spark() -> None:
    given = {}
    for path in Path(churn.__file__).parent.rglob("*.py"):
        found = re.findall(
            r"\b(?:udf|pandas_udf|mapIn\w+|applyIn\w+|mapPartitions\w*|foreach\w*|rdd)\b", path.read_text()
        )
        if found:
            given[path.name] = set(found)
    assert given == {"spark_batches.py": {"mapInArrow"}}  # one row a user, to be judged
