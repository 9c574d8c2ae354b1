"""What the figures were measured on: the machine, the libraries, the program."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

LIBRARIES: Final = (
    "duckdb", "polars", "pyspark", "ibis-framework", "pyarrow", "numpy", "scikit-learn", "xgboost-cpu", "xgboost",
    "onnxruntime",
)  # fmt: skip

JAVA_NEEDED: Final = 17
"""What Spark 4 asks for."""


@dataclass(frozen=True)
class Machine:
    """What makes figures comparable: they are, between equal machines.

    Attributes:
        system: its name and the kind of processor.
        cpu: model of the processor.
        cores: cores that this process may use.
        memory_gib: memory of the machine, rounded.
        python: version.
        java: version, empty without one.
        libraries: versions of those that are installed.
    """

    system: str
    cpu: str
    cores: int
    memory_gib: int
    python: str
    java: str
    libraries: Mapping[str, str]

    @classmethod
    def this(cls) -> Machine:
        """The one that this runs on."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        return cls(
            system=f"{platform.system()} {platform.machine()}",
            cpu=_cpu(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_gib=round(memory),
            python=platform.python_version(),
            java=java_version(),
            libraries={name: version for name in LIBRARIES if (version := version_of(name))},
        )

    def words(self) -> str:
        """One sentence."""
        java = [f"Java {self.java}"] if self.java else []
        libraries = [f"{name} {version}" for name, version in self.libraries.items()]
        hardware = [self.system, self.cpu, f"{self.cores} cores", f"{self.memory_gib} GiB"]
        return ", ".join([*hardware, f"Python {self.python}", *java, *libraries])


def version_of(library: str) -> str:
    """Its installed version, empty if it is not installed."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


@cache
def java_version() -> str:
    """Version of the Java that Spark would start, empty without one."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        return ""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "([^"]+)"', said.stderr)
    return found[1] if found else ""


def java_is_enough(version: str) -> bool:
    """Whether Spark runs on a Java of this version.

    >>> [java_is_enough(version) for version in ("17.0.15", "21", "1.8.0_412", "11.0.2", "")]
    [True, True, False, False, False]
    """
    found = re.match(r"\d+", version)
    return found is not None and int(found[0]) >= JAVA_NEEDED


def program() -> str:
    """A short hash of the source of this program and its rivals: figures of others say nothing about growth."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "src" / "churn").rglob("*.py"), *(ROOT / "benchmarks").glob("rival_*.py")]):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1].strip() if found else platform.processor() or "unknown processor"
