"""What a feature is: a name, a sentence, and an expression over sums of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import ibis
import ibis.expr.types as ir
from ibis import _
from ibis.common.deferred import Deferred

MS_PER_HOUR: Final = 3_600_000
MS_PER_DAY: Final = 86_400_000


@dataclass(frozen=True)
class Window:
    """Days before a cut-off: `days` of them, after leaving out the `skip` nearest.

    Attributes:
        days: length in days; None for the whole past.
        skip: days right before the cut-off that do not belong to it.
    """

    days: int | None = None
    skip: int = 0

    @property
    def name(self) -> str:
        """As part of a column name: `7d`, `all`, `8_14d`."""
        if self.days is None:
            return "all"
        return f"{self.skip + 1}_{self.skip + self.days}d" if self.skip else f"{self.days}d"

    @property
    def words(self) -> str:
        """As the end of a sentence."""
        if self.days is None:
            return "over all time"
        return f"in the {self.days} days before the last {self.skip}" if self.skip else f"in the last {self.days} days"

    @property
    def edges(self) -> tuple[int, ...]:
        """Ages at which a day begins or ceases to belong to this window; none for the whole past."""
        return () if self.days is None else (self.skip, self.skip + self.days)

    def holds(self, age: ir.Value) -> ir.Value:
        """Condition: a day that ended `age` - 1 days before the cut-off belongs to this window."""
        inside = age > self.skip
        return inside if self.days is None else inside & (age <= self.skip + self.days)


ALL: Final = Window()


@dataclass(frozen=True)
class Feature:
    """One column of the snapshots.

    Attributes:
        name: the column.
        family: the topic it belongs to, one file each.
        sentence: what it says of a user, readable by anybody; the start of a reason.
        expression: over the columns that `Sums` promised, and those of `churn.snapshots.PAST`.
        group: features that say the same in other words; reasons swap a whole group.
        clock: measures how long the user was observed, so it gives the answer away in `history`.
        flag: is 1 where the sentence is true, else 0.
        trait: belongs to the user, not to what the user does; never given as a reason.
    """

    name: str
    family: str
    sentence: str
    expression: Deferred
    group: str
    clock: bool = False
    flag: bool = False
    trait: bool = False


class Described(Protocol):
    """What results and bundles say of a feature, whether it is one of ours or a column of somebody's table."""

    @property
    def sentence(self) -> str:
        """See `Feature`."""
        ...

    @property
    def group(self) -> str:
        """See `Feature`."""
        ...

    @property
    def flag(self) -> bool:
        """See `Feature`."""
        ...

    @property
    def trait(self) -> bool:
        """See `Feature`."""
        ...


class Sums:
    """Hands out sums of a `user_days` column over a window, and remembers which were asked for.

    >>> sums = Sums()
    >>> songs = sums("songs", Window(7))
    >>> sorted(sums.asked)
    ['songs__7d']
    """

    def __init__(self) -> None:
        self.asked: dict[str, tuple[str, Window]] = {}

    def __call__(self, column: str, window: Window = ALL) -> Deferred:
        """The sum of a column over a window, 0 where nothing happened."""
        name = f"{column}__{window.name}"
        self.asked[name] = (column, window)
        return _[name]


def smoothed(part: Deferred, whole: Deferred, usual: float, weight: float) -> Deferred:
    """The ratio part / whole, drawn towards its usual value as if `weight` more of the whole had been seen.

    Counts are small, so a raw ratio of a user with three songs would say more than it knows.
    """
    return (part + usual * weight) / (whole + weight)


def flag(condition: Deferred | ir.Value) -> Deferred:
    """A condition as 0 or 1; unknown is 0."""
    return ibis.ifelse(condition, 1, 0)
