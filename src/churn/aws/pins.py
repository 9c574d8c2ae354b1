"""The versions that run here, as constraints for the machines of the cluster."""

from __future__ import annotations

from importlib import metadata
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from churn.aws.wheel import DISTRIBUTION

EXTRAS: Final = frozenset({"aws", "cluster"})
"""What the cluster needs beside the core; Spark is there."""

TWINS: Final = {"xgboost-cpu": "xgboost", "xgboost": "xgboost-cpu"}
"""Two packages of one version: which of them is installed depends on the system."""


def constraints(arch: str) -> str:
    """Everything that the package needs on Linux with Python 3.11, pinned to what is installed here.

    Args:
        arch: x86_64 or arm64, of the cluster.
    """
    target = {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "aarch64" if arch == "arm64" else arch,
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "python_version": "3.11",
        "python_full_version": "3.11.0",
    }
    pins: dict[str, str | None] = {}
    _collect(DISTRIBUTION, EXTRAS, target, pins, set())
    del pins[DISTRIBUTION]
    lines = ["# What the package ran with where this was made."]
    lines += [f"{name}=={version}" if version else f"# {name}: not installed here" for name, version in pins.items()]
    return "\n".join([lines[0], *sorted(lines[1:])]) + "\n"


def _collect(
    name: str,
    extras: frozenset[str],
    target: dict[str, str],
    pins: dict[str, str | None],
    seen: set[tuple[str, frozenset[str]]],
) -> None:
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pins[name] = _version_of_twin(name)
        return
    pins[name] = found.version
    for text in found.requires or ():
        need = Requirement(text)
        wanted = need.marker is None or any(need.marker.evaluate({**target, "extra": e}) for e in extras or {""})
        if wanted:
            _collect(canonicalize_name(need.name), frozenset(need.extras), target, pins, seen)


def _version_of_twin(name: str) -> str | None:
    try:
        return metadata.version(TWINS[name])
    except (KeyError, metadata.PackageNotFoundError):
        return None
