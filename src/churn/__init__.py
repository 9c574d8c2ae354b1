"""From the event log of a streaming service to a ranked list of the users who are about to leave, with reasons.

Everything here is loaded when it is first used, so importing `churn` costs nothing.

>>> from churn import Settings, run
>>> summary = run(Settings(logs=("log.json.gz",), out=Path("run")))  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn.errors import ChurnError, UserError
    from churn.features import Feature, feature_list
    from churn.pipeline import profile_log, read_log, run, snapshot
    from churn.problem import Cutoffs, Problem
    from churn.report import compare_runs, write_report
    from churn.score_log import ScoreSettings, score
    from churn.scoring import Reason, Scorer
    from churn.settings import Settings
    from churn.summary import Summary
    from churn.table_training import TableSettings, train_table

_HOMES = {
    "ChurnError": "churn.errors",
    "Cutoffs": "churn.problem",
    "Feature": "churn.features",
    "Problem": "churn.problem",
    "Reason": "churn.scoring",
    "ScoreSettings": "churn.score_log",
    "Scorer": "churn.scoring",
    "Settings": "churn.settings",
    "Summary": "churn.summary",
    "TableSettings": "churn.table_training",
    "UserError": "churn.errors",
    "compare_runs": "churn.report",
    "feature_list": "churn.features",
    "profile_log": "churn.pipeline",
    "read_log": "churn.pipeline",
    "run": "churn.pipeline",
    "score": "churn.score_log",
    "snapshot": "churn.pipeline",
    "train_table": "churn.table_training",
    "write_report": "churn.report",
}

__all__ = [
    "ChurnError",
    "Cutoffs",
    "Feature",
    "Problem",
    "Reason",
    "ScoreSettings",
    "Scorer",
    "Settings",
    "Summary",
    "TableSettings",
    "UserError",
    "compare_runs",
    "feature_list",
    "profile_log",
    "read_log",
    "run",
    "score",
    "snapshot",
    "train_table",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module churn has no attribute {name}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
