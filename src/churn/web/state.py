"""What the views share; kept in the application, so that there may be several in one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

from flask import current_app

from churn.bundle import Manifest
from churn.errors import RequestError
from churn.reference import read_reference
from churn.scoring import Scorer
from churn.web.jobs import Jobs
from churn.web.metrics import Metrics
from churn.web.opening import Opened
from churn.web.predict import Predictor
from churn.web.settings import WebSettings
from churn.web.store import Store

MOST_LARGE: Final = 3
"""Large calls that are worked on or wait: fewer than the server has threads, so that one is left for the others."""

RETRY: Final = 5
"""Seconds after which a large call may be sent again."""


@dataclass
class State:
    """What a server holds.

    Attributes:
        settings: how it is run.
        opened: the folder it serves.
        scorer: the model.
        predictor: answers calls with features.
        jobs: uploaded logs that are being scored.
        metrics: what it counts of itself.
        secret: of this process; forms are signed with it.
        port: of TCP that it is reached at; 0 where none is known.
    """

    settings: WebSettings
    opened: Opened
    scorer: Scorer
    predictor: Predictor
    jobs: Jobs
    metrics: Metrics
    secret: bytes
    port: int = 0
    _large: threading.Lock = field(default_factory=threading.Lock)
    _turns: threading.Semaphore = field(default_factory=lambda: threading.BoundedSemaphore(MOST_LARGE))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Only one large call at a time is worked on: it takes many times its size in memory.

        Raises:
            RequestError: 503 where its turn does not come.
        """
        busy = RequestError("large calls are being worked on", "send it again", status=503, retry_after=RETRY)
        if not self._turns.acquire(blocking=False):
            raise busy
        try:
            if not self._large.acquire(timeout=self.settings.patience):
                raise busy
            try:
                yield
            finally:
                self._large.release()
        finally:
            self._turns.release()

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.opened.bundle.manifest

    @property
    def store(self) -> Store | None:
        """Everything of the run; None where a bundle alone is served."""
        return self.opened.store

    @property
    def run(self) -> Store:
        """Everything of the run.

        Raises:
            RequestError: where a bundle alone is served.
        """
        if self.opened.store is None:
            remedy = "start the server with the folder of a run: churn serve RUN"
            raise RequestError("a model alone is served here, without a risk list", remedy, status=404)
        return self.opened.store

    @cached_property
    def reference(self) -> dict[str, dict[float, float]]:
        """By feature, the values at its quantiles when the model was made."""
        store = self.opened.store
        columns = store.reference() if store else read_reference(self.opened.bundle.reference)
        found: dict[str, dict[float, float]] = {}
        rows = zip(columns["feature"], columns["quantile"], columns["value"], strict=True) if columns else ()
        for feature, quantile, value in rows:
            found.setdefault(feature, {})[round(quantile, 4)] = value
        return found


def state() -> State:
    """The state of the application that answers the current request."""
    return cast(State, current_app.extensions["churn"])


def put_state(extensions: dict[str, Any], made: State) -> None:
    """Keep a state in an application."""
    extensions["churn"] = made
