"""The record of a run, `submit.json` in its job folder: which attempts there were, and what each started.

Written only under the condition that nobody else has written since it was read, so that of two submits at the same
time one wins. An attempt is first claimed, then started: a claim without a start is looked for by its tag.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from churn.aws import objects
from churn.aws.client import Clients
from churn.aws.places import Place
from churn.errors import OutputError

FORMAT: Final = 1
NAME: Final = "submit.json"

LEASE: Final = timedelta(minutes=2)
"""How long a claim without a start keeps others away."""


@dataclass(frozen=True)
class Attempt:
    """One try.

    Attributes:
        number: from 1.
        claimed: when, ISO 8601 in UTC.
        nonce: of the process that claimed it.
        kind: cluster, step or serverless.
        id: cluster or application; empty until it is started.
        job: step or job run; empty where the cluster has one step only.
    """

    number: int
    claimed: str
    nonce: str
    kind: str
    id: str = ""
    job: str = ""

    @property
    def fresh(self) -> bool:
        """Whether somebody may still be about to start it."""
        return datetime.now(UTC) - datetime.fromisoformat(self.claimed) < LEASE


@dataclass(frozen=True)
class Record:
    """A run as its job folder knows it.

    Attributes:
        key: of the run, see `churn.aws.plan.Plan.key`.
        region: where it runs.
        asked: the options it was submitted with.
        estimate: what it was expected to take.
        hours: its hard limit.
        attempts: in order.
        etag: of the object that this was read from; None for a new one.
    """

    key: str
    region: str
    asked: dict[str, Any]
    estimate: dict[str, Any]
    hours: float
    attempts: tuple[Attempt, ...]
    etag: str | None = field(default=None, compare=False)

    @property
    def last(self) -> Attempt:
        """The latest attempt."""
        return self.attempts[-1]

    @property
    def token(self) -> str:
        """What the latest attempt's cluster is tagged with."""
        return self.token_of(self.last)

    def token_of(self, attempt: Attempt) -> str:
        """What the cluster of an attempt is tagged with."""
        return f"{self.key}-{attempt.number}"

    def claimed(self, kind: str) -> Record:
        """With one more attempt, ours."""
        number = len(self.attempts) + 1
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, attempts=(*self.attempts, Attempt(number, now, secrets.token_hex(8), kind)))

    def started(self, where: str, job: str) -> Record:
        """With the latest attempt running."""
        return replace(self, attempts=(*self.attempts[:-1], replace(self.last, id=where, job=job)))

    def renewed(self) -> Record:
        """With the latest attempt taken over by us."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        last = replace(self.last, claimed=now, nonce=secrets.token_hex(8))
        return replace(self, attempts=(*self.attempts[:-1], last))

    def written(self, clients: Clients, out: Place) -> Record | None:
        """Write it; None if somebody else has written since we read."""
        value = {"format": FORMAT, **asdict(self)}
        del value["etag"]
        etag = objects.put_json(clients.s3, out.job / NAME, value, self.etag, self.asked.get("kms_key"))
        return replace(self, etag=etag) if etag else None


def read(clients: Clients, out: Place) -> Record | None:
    """The record of a run folder; None if there is none.

    Raises:
        OutputError: if it is damaged, or of a newer program.
    """
    place = out.job / NAME
    found = objects.read(clients.s3, place)
    if found is None:
        return None
    content, etag = found
    try:
        value = json.loads(content)
        if value.pop("format") != FORMAT:
            raise OutputError(f"{place} was written by a newer program", "update this one")
        attempts = tuple(Attempt(**attempt) for attempt in value.pop("attempts"))
        return Record(attempts=attempts, etag=etag, **value)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{place} is damaged ({error})", "choose another --out, or remove that object") from error


def required(clients: Clients, out: Place) -> Record:
    """The record of a run folder.

    Raises:
        OutputError: if there is none.
    """
    found = read(clients, out)
    if found is None:
        raise OutputError(f"{out}: no run was submitted with this --out", "check the address, or: churn emr submit")
    return found
