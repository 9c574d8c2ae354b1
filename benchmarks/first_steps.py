"""The first two steps of `churn run`, ingest and rollups, in a process of their own.

python -m benchmarks.first_steps LOG OUT BYTES [ENGINE]
"""

from __future__ import annotations

import sys
from pathlib import Path

from churn.pipeline import Job, open_engine
from churn.settings import Settings
from churn.sources import find_sources
from churn.steps import Silence, do_steps, run_folder


def main(log: str, out: str, memory: str, engine: str = "duckdb") -> None:
    settings = Settings((log,), Path(out), memory=int(memory), engine=engine)
    with run_folder(settings.out), open_engine(settings) as engine:
        do_steps(settings.out, Job(settings, find_sources(settings.logs), engine).steps(), Silence(), until="rollups")


if __name__ == "__main__":
    main(*sys.argv[1:])
