"""Who the simulated users are: temperaments times rhythms make two dozen behaviour groups.

The numbers are our own. They were tuned until page rates, sessions, levels and the way churn depends on them
came out as in public analyses of the real log (`make fit` prints the comparison).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Temperament:
    """What users meet and do, and how they take it.

    Attributes:
        name: of the temperament.
        share: of all users.
        thumbs_up: how often, as a multiple of what is usual; the four that follow too.
        thumbs_down: see above.
        adverts: see above.
        errors: see above.
        views: of the page Downgrade.
        upgrade: probability that a look at Upgrade is followed by the upgrade.
        downgrade: probability that a look at Downgrade is followed by the downgrade.
        cancel_view: probability that a look at Downgrade is followed by Cancel.
        cancel_advert: the same for an advert.
        cancel_down: the same for a thumbs-down.
        cancel_error: the same for an error.
    """

    name: str
    share: float
    thumbs_up: float
    thumbs_down: float
    adverts: float
    errors: float
    views: float
    upgrade: float
    downgrade: float
    cancel_view: float
    cancel_advert: float
    cancel_down: float
    cancel_error: float


@dataclass(frozen=True)
class Rhythm:
    """When users come.

    Attributes:
        name: of the rhythm.
        share: of all users.
        visits: how often they start a session, as a multiple of what is usual.
        peak: UTC hour at which most sessions start.
        swing: 0 for all hours alike, 1 for none at the quietest hour.
        saturday: sessions started on a Saturday for each one on a weekday.
        sunday: the same for Sundays.
    """

    name: str
    share: float
    visits: float
    peak: float
    swing: float
    saturday: float
    sunday: float


TEMPERAMENTS: Final = (
    #                         meets and does, usual = 1          follows up with
    #           name    share   up  down   ads  errs views   upgr  dwngr  c.view  c.ad   c.down c.err
    Temperament("devoted", 0.16, 1.40, 0.70, 0.80, 0.9, 0.8, 0.34, 0.025, 0.0040, 0.00040, 0.0010, 0.002),
    Temperament("settled", 0.24, 1.08, 0.90, 0.90, 1.0, 0.8, 0.34, 0.035, 0.0080, 0.00100, 0.0030, 0.006),
    Temperament("casual", 0.20, 0.95, 0.95, 0.85, 1.0, 0.9, 0.32, 0.042, 0.0130, 0.00150, 0.0050, 0.010),
    Temperament("silent", 0.12, 0.70, 0.80, 0.95, 1.0, 0.8, 0.32, 0.042, 0.0210, 0.00250, 0.0120, 0.010),
    Temperament("critical", 0.09, 0.86, 1.70, 0.95, 1.0, 1.0, 0.32, 0.042, 0.0250, 0.00300, 0.0250, 0.010),
    Temperament("thrifty", 0.08, 0.92, 1.00, 0.95, 1.0, 1.80, 0.34, 0.060, 0.0360, 0.00400, 0.0080, 0.010),
    Temperament("advert-weary", 0.07, 0.92, 1.05, 2.40, 1.0, 1.0, 0.40, 0.060, 0.0340, 0.01500, 0.0080, 0.010),
    Temperament("unlucky", 0.04, 0.92, 1.10, 1.00, 3.0, 1.0, 0.32, 0.042, 0.0250, 0.00300, 0.0120, 0.080),
)

RHYTHMS: Final = (
    Rhythm("office", 0.45, visits=1.00, peak=14.0, swing=0.62, saturday=0.33, sunday=0.22),
    Rhythm("evening", 0.35, visits=0.95, peak=17.0, swing=0.50, saturday=0.50, sunday=0.37),
    Rhythm("anytime", 0.20, visits=1.15, peak=12.0, swing=0.15, saturday=0.85, sunday=0.75),
)


@dataclass(frozen=True)
class Group:
    """One behaviour group: a temperament with a rhythm."""

    temperament: Temperament
    rhythm: Rhythm

    @property
    def name(self) -> str:
        """For the truth file."""
        return f"{self.temperament.name}/{self.rhythm.name}"

    @property
    def share(self) -> float:
        """Of all users."""
        return self.temperament.share * self.rhythm.share


GROUPS: Final = tuple(Group(t, r) for t, r in itertools.product(TEMPERAMENTS, RHYTHMS))
