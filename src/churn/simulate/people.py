"""Who the simulated users are: names, places, browsers, when they registered, how often they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churn.simulate import words
from churn.simulate.calendar import DAY
from churn.simulate.chain import Floats, Ints
from churn.simulate.groups import GROUPS, RHYTHMS

MANY_USERS = 10_000
"""From so many users on, ids have seven digits and nobody's lines an id of their own, as in the full real log."""

VISITS = (2.46, 1.02)
"""Mean and deviation of the logarithm of sessions in 61 busy days."""

PAID_AT_START = 0.22
NEWCOMERS = 0.09
"""Share of users who register inside the window; most of them soon after it starts."""

REGISTERED_LATE = 0.0065
"""Share of users whose registration lies after their first event, as in the real log (144 of 22,277)."""

AGE = (3.16, 0.93)
"""Mean and deviation of the logarithm of the days between registration and the start of the window."""


@dataclass(frozen=True)
class People:
    """All users of a simulated log; every array has one entry a user.

    Attributes:
        ids: user ids.
        first_names: of the user; `last_names`, `genders` (`F`, `M`), `locations`, `agents` likewise.
        last_names: see above.
        genders: see above.
        locations: see above.
        agents: see above.
        registration: seconds after the start of the window (mostly before it).
        joined: from which second on the user may come; below 0 for before the window.
        group: index into `GROUPS`.
        rhythm: index into `RHYTHMS`.
        rate: sessions per busy day.
        level: at the start, 0 free, 1 paid.
    """

    ids: NDArray[np.object_]
    first_names: NDArray[np.object_]
    last_names: NDArray[np.object_]
    genders: NDArray[np.object_]
    locations: NDArray[np.object_]
    agents: NDArray[np.object_]
    registration: Ints
    joined: Ints
    group: Ints
    rhythm: Ints
    rate: Floats
    level: Ints

    def __len__(self) -> int:
        """Number of users."""
        return len(self.ids)

    @property
    def guest_id(self) -> str:
        """The user id on lines of nobody."""
        return "1261737" if len(self) >= MANY_USERS else ""


def people(users: int, days: int, seed: int) -> People:
    """Make up users.

    Args:
        users: how many.
        days: length of the log.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng([seed, 1])
    group = rng.choice(len(GROUPS), users, p=[group.share for group in GROUPS])
    rhythm = np.array([RHYTHMS.index(GROUPS[g].rhythm) for g in range(len(GROUPS))])[group]
    female = rng.random(users) < 0.477
    joined, registration = _joined(rng, users, days)
    visits = np.array([r.visits for r in RHYTHMS])[rhythm]
    return People(
        ids=_ids(rng, users),
        first_names=np.where(female, _first_names(rng, words.FEMALE, users), _first_names(rng, words.MALE, users)),
        last_names=_pick(rng, words.LAST, users, 1.0),
        genders=np.where(female, "F", "M").astype(object),
        locations=_locations(rng, users),
        agents=_agents(rng, users),
        registration=registration,
        joined=joined,
        group=group,
        rhythm=rhythm,
        rate=np.exp(rng.normal(*VISITS, users)) / 61 * 7 / 5.7 * visits,
        level=(rng.random(users) < PAID_AT_START).astype(np.int64),
    )


def _joined(rng: np.random.Generator, users: int, days: int) -> tuple[Ints, Ints]:
    """From when on each user may come, and when each registered."""
    before = -np.minimum(np.exp(rng.normal(*AGE, users)), 351) * DAY
    inside = np.minimum(rng.exponential(days / 3, users), days * 0.9) * DAY
    new = rng.random(users) < NEWCOMERS
    joined = np.where(new, inside, before)
    # A newcomer registers minutes before the first session; of some, the date was written down too late.
    late = rng.random(users) < REGISTERED_LATE
    registration = joined + np.where(late, np.abs(joined) * ~new + rng.uniform(0.2, 23, users) * DAY, 0)
    return joined.astype(np.int64), registration.astype(np.int64)


def _ids(rng: np.random.Generator, users: int) -> NDArray[np.object_]:
    if users >= MANY_USERS:
        space = max(999_971, 2 * users)
        found = 1_000_025 + rng.permutation(space)[:users]
        found[found == 1_261_737] = 1_000_024  # the id of nobody's lines
    else:
        family = rng.choice([0, 100_000, 200_000, 300_000], users, p=[0.7, 0.12, 0.1, 0.08])
        found = family + 1 + np.arange(users)
    return found.astype(str).astype(object)


def _pick(rng: np.random.Generator, names: list[str] | tuple[str, ...], n: int, skew: float) -> NDArray[np.object_]:
    """Some names more often than others: the chance falls with the place in a random order."""
    weights = (np.arange(len(names)) + 5.0) ** -skew
    order = rng.permutation(len(names))
    return np.array(names, dtype=object)[order[rng.choice(len(names), n, p=weights / weights.sum())]]


def _first_names(rng: np.random.Generator, common: list[str], n: int) -> NDArray[np.object_]:
    """Common names for most, and rare ones made of syllables."""
    parts = [np.array(words.SYLLABLES, dtype=object)[rng.integers(0, len(words.SYLLABLES), n)] for _ in range(2)]
    ends = np.array(words.NAME_ENDS, dtype=object)[rng.integers(0, len(words.NAME_ENDS), n)]
    rare = np.array([name.capitalize() for name in parts[0] + parts[1] + ends], dtype=object)
    return np.where(rng.random(n) < 0.25, rare, _pick(rng, common, n, 0.5))


def _locations(rng: np.random.Generator, n: int) -> NDArray[np.object_]:
    """Metropolitan areas: the largest by name, the others made up, some across the border of two states."""
    small = 850
    heads = rng.integers(0, len(words.TOWN_STARTS), (2, small))
    tails = rng.integers(0, len(words.TOWN_ENDS), (2, small))
    towns = [
        [words.TOWN_STARTS[i] + words.TOWN_ENDS[j] for i, j in zip(a, b, strict=True)]
        for a, b in zip(heads, tails, strict=True)
    ]
    one, other = rng.integers(0, len(words.STATES), (2, small))
    kind = rng.random((2, small))
    made = [
        f"{towns[0][i]}{'-' + towns[1][i] if kind[0, i] < 0.35 else ''}, {words.STATES[one[i]]}"
        f"{'-' + words.STATES[other[i]] if kind[1, i] < 0.1 and one[i] != other[i] else ''}"
        for i in range(small)
    ]
    names = np.array(list(words.METROS) + made, dtype=object)
    rest = (np.arange(small) + 30.0) ** -0.9
    shares = np.concatenate([list(words.METROS.values()), rest / rest.sum() * (100 - sum(words.METROS.values()))])
    return names[rng.choice(len(names), n, p=shares / shares.sum())]


def _agents(rng: np.random.Generator, n: int) -> NDArray[np.object_]:
    """User agents; those of WebKit browsers are wrapped in quotes of their own, as in the real log."""
    names, shares = [], []
    for device, (share, systems) in words.DEVICES.items():
        for i, system in enumerate(systems):
            found = _browsers(device, system)
            names += [name for name, _ in found]
            shares += [share * part * 0.5**i for _, part in found]
    return np.array(names, dtype=object)[rng.choice(len(names), n, p=np.array(shares) / sum(shares))]


def _browsers(device: str, system: str) -> list[tuple[str, float]]:
    """The browsers of a system, each with its share."""
    webkit = f'"Mozilla/5.0 ({system}) AppleWebKit/537.{{}} (KHTML, like Gecko) {{}}"'
    if device == "compatible":
        return [(f"Mozilla/5.0 ({system}; Trident/5.0)", 1.0)]
    if device in ("iPhone", "iPad"):
        return [(webkit.format("51.2", "Version/7.0 Mobile/11D257 Safari/9537.53"), 1.0)]
    parts = [(webkit.format("36", f"Chrome/{v} Safari/537.36"), 0.72 * 0.5**i) for i, v in enumerate(words.CHROME)]
    parts += [
        (f"Mozilla/5.0 ({system}; rv:{v}) Gecko/20100101 Firefox/{v}", 0.26 * 0.35**i)
        for i, v in enumerate(words.FIREFOX)
    ]
    if device == "Macintosh":
        parts.append((webkit.format("77.4", "Version/7.0.5 Safari/537.77.4"), 0.5))
    return parts
