"""What a result is made with: versions of libraries, and this package's own source."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import Final

LIBRARIES: Final = (
    "sparkify-churn", "duckdb", "pyspark", "ibis-framework", "pyarrow", "numpy", "scikit-learn", "onnx", "onnxruntime",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in (*LIBRARIES, "xgboost-cpu", "xgboost"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def code() -> str:
    """A hash of this package's source: whoever changes a feature gets new numbers, not those of an earlier run."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
