"""What is asked of the log: who counts as a leaver, how far ahead, and at which cut-offs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from churn.errors import NotEnoughData, SettingsError
from churn.schema import CANCEL_PAGES

HISTORY_NEEDED = 7
"""Days of log that must lie before a training cut-off."""

LONGEST = 3650
"""Longest horizon, gap, window or spacing, in days: beyond ten years it is a slip of the keyboard."""


def _days(name: str, value: int, least: int) -> None:
    if type(value) is not int or not least <= value <= LONGEST:
        raise SettingsError(f"{name} is {value} days", f"give a whole number from {least} to {LONGEST}")


@dataclass(frozen=True)
class Problem:
    """A forecast: who will reach a churn page in the next `horizon` days?

    A row may use only events before its cut-off; its label looks only at events from cut-off + `gap`
    to cut-off + `gap` + `horizon`. All times are whole UTC days.

    Attributes:
        churn_pages: pages that mean "this user has left".
        horizon: days that a label looks ahead.
        gap: days between the cut-off and the first day that a label looks at.
        windows: look-back windows in days, ascending; the whole past is always there as well.
        every: days between training cut-offs.

    Raises:
        SettingsError: for values that make no sense, with the reason.
    """

    churn_pages: tuple[str, ...] = ("Cancellation Confirmation",)
    horizon: int = 14
    gap: int = 0
    windows: tuple[int, ...] = (7, 14, 30)
    every: int = 7

    def __post_init__(self) -> None:
        if not self.churn_pages or not all(page.strip() for page in self.churn_pages):
            raise SettingsError("no churn page is given", "name at least one page, as the log writes it")
        _days("the horizon", self.horizon, 1)
        _days("the gap", self.gap, 0)
        _days("the spacing of cut-offs", self.every, 1)
        for window in self.windows:
            _days("a look-back window", window, 1)
        if not self.windows:
            raise SettingsError("no look-back window is given", "give at least one number of days")
        if list(self.windows) != sorted(set(self.windows)):
            raise SettingsError(f"look-back windows {self.windows} are not ascending", "sort them, each once")

    @property
    def hidden_pages(self) -> tuple[str, ...]:
        """Pages that no feature may see: the churn pages and the pages of cancelling, sorted."""
        return tuple(sorted({*self.churn_pages, *CANCEL_PAGES}))

    @property
    def reach(self) -> timedelta:
        """From a cut-off to the end of what its label looks at."""
        return timedelta(days=self.gap + self.horizon)

    @property
    def days_needed(self) -> int:
        """Days of log that one training and one test cut-off need."""
        return HISTORY_NEEDED + 2 * self.reach.days


def utc_day(ts: int) -> date:
    """The UTC day of a time in ms since 1970."""
    return datetime.fromtimestamp(ts / 1000, UTC).date()


@dataclass(frozen=True)
class Cutoffs:
    """The cut-offs of one log, each a UTC midnight.

    Attributes:
        first_day: the day of the first event.
        as_of: the last midnight that is not after the last event; risk is judged here.
        test: the latest cut-off whose label is known.
        train: earlier cut-offs, ascending; nothing that their labels look at lies after `test`.

    Raises:
        SettingsError: if the order of the cut-offs makes no sense.
    """

    first_day: date
    as_of: date
    test: date
    train: tuple[date, ...]

    def __post_init__(self) -> None:
        days = (self.first_day, *self.train, self.test, self.as_of)
        if not self.train or list(days) != sorted(set(days)):
            raise SettingsError(f"cut-offs {days} are not ascending, or none is left to train on")

    @classmethod
    def of_log(cls, problem: Problem, first_ts: int, last_ts: int) -> Cutoffs:
        """The cut-offs for a log whose events lie from `first_ts` to `last_ts` (ms, both included).

        Raises:
            NotEnoughData: if the log is too short for one training and one test cut-off.
        """
        first, as_of = utc_day(first_ts), utc_day(last_ts)
        test = as_of - problem.reach
        latest = test - problem.reach
        count = ((latest - first).days - HISTORY_NEEDED) // problem.every + 1
        if count < 1:
            raise NotEnoughData(
                f"the log covers {(as_of - first).days} whole days ({first} to {as_of}), too few for a forecast "
                f"{problem.horizon} days ahead",
                f"give a log of at least {problem.days_needed} days, or ask for a shorter --horizon or --gap",
            )
        train = tuple(latest - timedelta(days=problem.every * k) for k in reversed(range(count)))
        return cls(first, as_of, test, train)

    @property
    def all(self) -> tuple[date, ...]:
        """Every cut-off, ascending: training, test, `as_of`."""
        return (*self.train, self.test, self.as_of)


def check_cutoff(cutoff: date, first_ts: int, last_ts: int) -> None:
    """Refuse a cut-off that lies outside the log.

    Raises:
        SettingsError: unless the cut-off is after the first day and not after the end of the last one.
    """
    first, last = utc_day(first_ts) + timedelta(days=1), utc_day(last_ts) + timedelta(days=1)
    if not first <= cutoff <= last:
        raise SettingsError(f"the cut-off {cutoff} lies outside the log", f"give a date from {first} to {last}")
