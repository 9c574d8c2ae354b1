"""What is said of a run that is under way."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from churn.aws.state import STEPS
from churn.engines import Engine
from churn.job import Job
from churn.settings import Settings


def test_the_steps_that_are_counted_are_those_of_a_run(tmp_path: Path) -> None:
    job = Job(Settings(("log",), tmp_path), (), cast(Engine, None))
    assert tuple(step.name for step in job.steps()) == STEPS
