"""Releases of EMR and the Spark in each."""

from __future__ import annotations

import re
from typing import Final

from churn.errors import SettingsError

DEFAULT: Final = "emr-7.12.0"

SPARK: Final = {
    "emr-7.13.0": "3.5.6",
    "emr-7.12.0": "3.5.6",
    "emr-7.11.0": "3.5.6",
    "emr-7.10.0": "3.5.5",
    "emr-7.9.0": "3.5.5",
    "emr-7.8.0": "3.5.4",
    "emr-7.7.0": "3.5.3",
    "emr-7.6.0": "3.5.3",
    "emr-7.5.0": "3.5.2",
    "emr-7.4.0": "3.5.2",
    "emr-7.3.0": "3.5.1",
    "emr-7.2.0": "3.5.1",
    "emr-7.1.0": "3.5.0",
    "emr-7.0.0": "3.5.0",
    "emr-6.15.0": "3.4.1",
}
"""Version of Spark by release, from "Spark release history" in the EMR Release Guide (read 2026-11-21)."""

_OLDEST: Final = (7, 0)


def spark_of(release: str) -> str:
    """The Spark in a release; `3.5 or newer` for releases newer than this program.

    Raises:
        SettingsError: if it is no release, or its Spark is older than 3.5.
    """
    found = re.fullmatch(r"emr-(\d+)\.(\d+)\.(\d+)", release)
    if not found:
        raise SettingsError(f"--release {release}: no release is called so", f"write it like {DEFAULT}")
    if (int(found[1]), int(found[2])) < _OLDEST:
        spark = SPARK.get(release, "older than 3.5")
        raise SettingsError(
            f"--release {release}: its Spark is {spark}, and 3.5 or newer is needed", f"take {DEFAULT}, or any emr-7"
        )
    return SPARK.get(release, "3.5 or newer")
