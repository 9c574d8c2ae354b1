"""The features: every one a name, a sentence and an expression; one file a family."""

from __future__ import annotations

from churn.features.account import account
from churn.features.activity import activity, trends
from churn.features.base import ALL, Feature, Sums, Window
from churn.features.catalogue import catalogue
from churn.features.follows import follows
from churn.features.pages import pages
from churn.features.rhythm import rhythm
from churn.problem import Problem

__all__ = ["ALL", "Feature", "Sums", "Window", "feature_list"]

FAMILIES = (activity, pages, trends, rhythm, account, catalogue, follows)


def feature_list(problem: Problem) -> tuple[tuple[Feature, ...], Sums]:
    """All features of a problem, in the order of their columns, and the sums they are made of."""
    sums = Sums()
    windows = [Window(days) for days in problem.windows]
    return tuple(feature for family in FAMILIES for feature in family(sums, windows)), sums
