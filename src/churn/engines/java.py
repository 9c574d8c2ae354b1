"""What Spark needs: versions that are new enough, Java, and a master that answers. Asked before it starts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from churn.errors import UnavailableError

OLDEST: Final = 17
OLDEST_SPARK: Final = (3, 5)
PATIENCE: Final = 10
"""Seconds that a master has for an answer; several share twice that."""

YARN_PORT: Final = "8032"
"""Of a resource manager, where its address names none."""

HOW: Final = (
    f"install Java {OLDEST} or newer (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install "
    "openjdk@17; conda: conda install openjdk) and put it on the PATH or set JAVA_HOME; or use --engine duckdb, "
    "which needs no Java"
)

NEWER: Final = (
    "pip install 'sparkify-churn[spark]'; on a cluster take a newer release (EMR 7, Databricks 16.4 LTS, "
    "Dataproc 2.3); or use --engine duckdb"
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


def spark_too_old(version: str) -> bool:
    """Whether this is older than what the engine needs; a version that is no number is taken for a new one."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < OLDEST_SPARK


def check_spark(version: str) -> None:
    """Refuse a Spark that lacks what the engine asks of it.

    Raises:
        UnavailableError: with its version and the remedy.
    """
    if spark_too_old(version):
        raise UnavailableError(f"Spark {'.'.join(map(str, OLDEST_SPARK))} or newer is needed: this is {version}", NEWER)


def check_reachable(master: str) -> None:
    """Refuse a standalone, Kubernetes or YARN master that nobody answers for; Spark itself would try for minutes.

    Raises:
        UnavailableError: with the address.
    """
    if master.startswith("yarn"):
        addresses = yarn_addresses()
    elif master.startswith(("spark://", "k8s://")):
        addresses = re.sub(r"^(spark|k8s)://(https?://)?", "", master).split(",")
    else:
        return
    patience = min(PATIENCE, 2 * PATIENCE / max(len(addresses), 1))
    failures = [failure for address in addresses if (failure := _unreachable(address, patience))]
    if failures and len(failures) == len(addresses):
        raise UnavailableError(
            f"no Spark master answers at {master} ({'; '.join(failures)})",
            "check the address and that the master runs, or use --master 'local[*]'",
        )


def yarn_addresses() -> list[str]:
    """host:port of the resource managers, as yarn-site.xml has them; none where it says so by other means.

    Raises:
        UnavailableError: where nothing says in which folder that file is.
    """
    folder = os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")
    if not folder:
        raise UnavailableError(
            "--master yarn needs HADOOP_CONF_DIR or YARN_CONF_DIR", "set one to the folder with yarn-site.xml"
        )
    known = _properties(Path(folder, "yarn-site.xml"))
    prefix = "yarn.resourcemanager"
    ids = [f".{name.strip()}" for name in known.get(f"{prefix}.ha.rm-ids", "").split(",") if name.strip()] or [""]
    found = []
    for one in ids:
        host = known.get(f"{prefix}.hostname{one}", known.get(f"{prefix}.hostname", ""))
        address = known.get(f"{prefix}.address{one}", f"{host}:{YARN_PORT}" if host else "")
        address = address.replace(f"${{{prefix}.hostname}}", host)
        if address and "$" not in address:
            found.append(address if ":" in address else f"{address}:{YARN_PORT}")
    return found


def _properties(path: Path) -> dict[str, str]:
    """Names and values of a file of Hadoop's settings; nothing where there is none that can be read."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return {}
    pairs = ((entry.findtext("name"), entry.findtext("value")) for entry in root.iter("property"))
    return {name.strip(): (value or "").strip() for name, value in pairs if name}


def _unreachable(address: str, patience: float) -> str | None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return f"{address!r} is not host:port"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=patience).close()
    except (OSError, OverflowError) as error:
        return f"{address}: {error}"
    return None
