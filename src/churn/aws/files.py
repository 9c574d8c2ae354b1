"""The files that a run needs on S3: wheel, pins, bootstrap and the job itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files as resources
from typing import Final

from churn.aws.pins import constraints
from churn.aws.wheel import wheel

JOB: Final = """\
# What spark-submit starts: the command line of churn, where its wheel is installed.
from churn.cli import main

main()
"""

MOST_BYTES: Final = 30_000_000
"""Of all files together."""


@dataclass(frozen=True)
class JobFiles:
    """Contents by name, and the name of the wheel."""

    contents: dict[str, bytes]
    wheel: str

    @property
    def size(self) -> int:
        """Bytes of all together."""
        return sum(map(len, self.contents.values()))

    @property
    def digest(self) -> str:
        """A hash of all names and contents."""
        digest = hashlib.sha256()
        for name, content in sorted(self.contents.items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        return digest.hexdigest()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Name and content of those that a person can read."""
        for name, content in self.contents.items():
            if name != self.wheel:
                yield name, content.decode()


def job_files(arch: str, *, image: bool) -> JobFiles:
    """The files for machines of one kind.

    Args:
        arch: x86_64 or arm64.
        image: add what builds an image for EMR Serverless.
    """
    name, content = wheel()
    contents = {
        "bootstrap.sh": resource("bootstrap.sh"),
        "job.py": JOB.encode(),
        "constraints.txt": constraints(arch).encode(),
        name: content,
    }
    if image:
        contents["Dockerfile"] = resource("Dockerfile")
    return JobFiles(contents, name)


def resource(name: str) -> bytes:
    """A file that ships with this package."""
    return resources("churn.aws").joinpath(name).read_bytes()
