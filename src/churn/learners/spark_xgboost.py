"""What makes XGBoost wait for ever on Spark, looked at before it starts.

It trains inside one stage whose tasks must all run at once. Such a stage is refused where executors come and go by
themselves, and waits where there are fewer slots than workers.
"""

from __future__ import annotations

from importlib import util
from typing import Any, Final

from churn.errors import SettingsError, UnavailableError

WORKERS: Final = 1
"""Two workers grow other trees than one, and how many there are must not decide what a model is."""

ELSE: Final = "or leave xgboost out of --families, or train with --learner local"


def check_xgboost(session: Any) -> None:
    """Refuse what XGBoost on Spark cannot work with.

    Raises:
        UnavailableError: without pandas, which its Spark part is written with.
        SettingsError: with dynamic allocation of executors.
    """
    if util.find_spec("pandas") is None:
        raise UnavailableError(
            "XGBoost on Spark needs pandas, which is not installed", f"pip install 'sparkify-churn[spark]', {ELSE}"
        )
    context = session.sparkContext
    dynamic = context.getConf().get("spark.dynamicAllocation.enabled", "false").lower() == "true"
    if dynamic and context.master != "local" and not context.master.startswith("local["):
        raise SettingsError(
            "XGBoost cannot be trained on Spark while spark.dynamicAllocation.enabled is true",
            f"add --conf spark.dynamicAllocation.enabled=false (a session that is there must be started anew), {ELSE}",
        )


def check_slots(session: Any) -> None:
    """Refuse a cluster on which the workers cannot all run at once; for when its executors are up.

    Raises:
        SettingsError: if there are fewer slots than workers.
    """
    context = session.sparkContext._jsc.sc()
    slots = context.maxNumConcurrentTasks(context.resourceProfileManager().resourceProfileFromId(0))
    if slots < WORKERS:
        raise SettingsError(
            f"Spark has {slots} slots for tasks, and XGBoost needs {WORKERS}",
            f"raise spark.executor.cores or spark.executor.instances by --conf, or lower spark.task.cpus, {ELSE}",
        )
