"""Which engine a run asks for; each engine's library is loaded only where it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import Final

from churn.engines import Engine
from churn.errors import UnavailableError
from churn.files import Files
from churn.settings import Settings

INSTALL: Final = "pip install 'sparkify-churn[spark]', or use --engine duckdb"


@contextmanager
def files_of(settings: Settings) -> Iterator[Files]:
    """Where the run of the settings lies, for as long as it runs; its folder on this machine has to be there.

    Raises:
        OutputError: if the place is somebody else's, or may not be written to.
    """
    if settings.remote is None:
        yield Files()
        return
    from churn.s3.folder import S3Files  # only there is boto3 needed

    files = S3Files(settings.remote, settings.out, pointing=settings.engine == "spark")
    files.begin()
    try:
        yield files
    finally:
        files.end()


def engine_of(settings: Settings, scratch: Path, files: Files | None = None) -> Engine:
    """The engine of the settings, open.

    Args:
        settings: which, and how much memory.
        scratch: folder for temporary files.
        files: where the tables of the run lie; in folders on this machine, unless told otherwise.

    Raises:
        UnavailableError: if it is not installed, lacks Java, is too old, or cannot be reached.
    """
    if settings.engine == "duckdb":
        from churn.engines.duckdb import DuckDBEngine

        return DuckDBEngine(memory=settings.engine_memory, scratch=scratch)
    if util.find_spec("pyspark") is None:
        raise UnavailableError("the engine spark needs pyspark, which is not installed", INSTALL)
    from churn.engines.spark import SparkEngine

    return SparkEngine(
        memory=settings.engine_memory,
        scratch=scratch,
        master=settings.master,
        conf=settings.conf,
        files=files,
    )
