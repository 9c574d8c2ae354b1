"""The first two steps of `churn run`, ingest and rollups, in a process of their own.

python -m benchmarks.first_steps LOG OUT BYTES [HEAP]      (with HEAP, like 3814m, on Spark)
"""

from __future__ import annotations

import sys
from pathlib import Path

from churn.job import Job, open_engine
from churn.settings import Settings
from churn.sources import find_sources
from churn.steps import Silence, do_steps, run_folder


def main(log: str, out: str, memory: str, heap: str = "") -> None:
    conf = {"spark.driver.memory": heap} if heap else {}
    settings = Settings((log,), Path(out), memory=int(memory), engine="spark" if heap else "duckdb", conf=conf)
    with run_folder(settings.out), open_engine(settings) as engine:
        do_steps(settings.out, Job(settings, find_sources(settings.logs), engine).steps(), Silence(), until="rollups")


if __name__ == "__main__":
    main(*sys.argv[1:])
