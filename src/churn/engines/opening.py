"""Which engine a run asks for; each engine's library is loaded only where it is used."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Final

from churn.engines import Engine
from churn.engines.java import check_java
from churn.errors import UnavailableError
from churn.settings import Settings

INSTALL: Final = "pip install 'sparkify-churn[spark]', or use --engine duckdb"


def engine_of(settings: Settings, scratch: Path) -> Engine:
    """The engine of the settings, open.

    Raises:
        UnavailableError: if it is not installed, lacks Java, or cannot be reached.
    """
    if settings.engine == "duckdb":
        from churn.engines.duckdb import DuckDBEngine

        return DuckDBEngine(memory=settings.engine_memory, scratch=scratch)
    if util.find_spec("pyspark") is None:
        raise UnavailableError("the engine spark needs pyspark, which is not installed", INSTALL)
    check_java()
    from churn.engines.spark import SparkEngine

    return SparkEngine(memory=settings.engine_memory, scratch=scratch, master=settings.master, conf=settings.conf)
