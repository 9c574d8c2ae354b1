"""What Spark needs around it: a Java that is new enough, and a master that answers. Asked before Spark starts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from churn.errors import UnavailableError

OLDEST: Final = 17
PATIENCE: Final = 10
"""Seconds that a master has for an answer."""

HOW: Final = (
    f"install Java {OLDEST} or newer (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install "
    "openjdk@17; conda: conda install openjdk) and put it on the PATH or set JAVA_HOME; or use --engine duckdb, "
    "which needs no Java"
)


def java_path() -> Path | None:
    """The Java that Spark would start: that of JAVA_HOME, else the first on the PATH."""
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home, "bin", "java")
        return java if os.access(java, os.X_OK) else None
    found = shutil.which("java")
    return Path(found) if found else None


def java_version(java: Path) -> int | None:
    """Its version, like 17; None if it does not say."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found[1]) if found else None


def missing_java() -> str | None:
    """What is wrong with Java, in words; None if nothing is."""
    java, home = java_path(), os.environ.get("JAVA_HOME")
    if java is None:
        return f"no Java in JAVA_HOME ({home})" if home else "no Java on the PATH"
    version = java_version(java)
    if version is None:
        return f"{java} does not start"
    return f"{java} is Java {version}" if version < OLDEST else None


def check_java() -> None:
    """Refuse to start Spark without Java.

    Raises:
        UnavailableError: with what is missing and how to get it.
    """
    wrong = missing_java()
    if wrong:
        raise UnavailableError(f"Spark needs Java {OLDEST} or newer: {wrong}", HOW)


def check_reachable(master: str) -> None:
    """Refuse a standalone or Kubernetes master that nobody answers for; Spark itself would try for a minute.

    Raises:
        UnavailableError: with the address.
    """
    if master.startswith("yarn") and not os.environ.get("HADOOP_CONF_DIR") and not os.environ.get("YARN_CONF_DIR"):
        raise UnavailableError(
            "--master yarn needs HADOOP_CONF_DIR or YARN_CONF_DIR", "set one to the folder with yarn-site.xml"
        )
    if not master.startswith(("spark://", "k8s://")):
        return
    addresses = re.sub(r"^(spark|k8s)://(https?://)?", "", master).split(",")
    failures = [failure for address in addresses if (failure := _unreachable(address))]
    if len(failures) == len(addresses):
        raise UnavailableError(
            f"no Spark master answers at {master} ({'; '.join(failures)})",
            "check the address and that the master runs, or use --master 'local[*]'",
        )


def _unreachable(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return f"{address!r} is not host:port"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError) as error:
        return f"{address}: {error}"
    return None
