"""Which learner a run asks for; each learner's library is loaded only where it is used."""

from __future__ import annotations

from importlib import util
from typing import TYPE_CHECKING, Final, cast

from churn.engines import Engine
from churn.errors import UnavailableError
from churn.learners.families import Family, choose
from churn.settings import Settings

if TYPE_CHECKING:
    from churn.learners.spark import Cluster

INSTALL: Final = "pip install 'sparkify-churn[cluster]' where the driver runs, or use --learner local"


def families_of(settings: Settings, engine: Engine) -> tuple[Family, ...]:
    """The families of the settings, with what trains them; settings see to it that learner and engine fit.

    Raises:
        UnavailableError: for Spark's learners without pandas, without which PySpark has none.
        UserError: if the learner cannot work as things are.
    """
    chosen = choose(settings.families)
    if settings.trainer == "local":
        return chosen
    check_pandas()
    from churn.learners.spark import on_spark

    return on_spark(chosen, cast("Cluster", engine))


def check_pandas() -> None:
    """Refuse to train on Spark without pandas.

    Raises:
        UnavailableError: with the remedy.
    """
    if util.find_spec("pandas") is None:
        raise UnavailableError("the learner spark needs pandas, which is not installed", INSTALL)
