"""Which learner a run asks for; each learner's library is loaded only where it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from churn.engines import Engine
from churn.learners.families import Family, choose
from churn.settings import Settings

if TYPE_CHECKING:
    from churn.learners.spark import Cluster


def families_of(settings: Settings, engine: Engine) -> tuple[Family, ...]:
    """The families of the settings, with what trains them; settings see to it that learner and engine fit.

    Raises:
        UserError: if the learner cannot work as things are.
    """
    chosen = choose(settings.families)
    if settings.trainer == "local":
        return chosen
    from churn.learners.spark import on_spark

    return on_spark(chosen, cast("Cluster", engine))
