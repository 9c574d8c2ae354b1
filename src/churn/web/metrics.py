"""What a server counts of itself, in the form that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from churn.web.predict import Prediction

BUCKETS = (0.001, 0.002, 0.004, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Upper ends in seconds."""


class Metrics:
    """Requests, their latency, predictions by band; a registry of its own, so that two servers do not mix."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "churn_requests", "Requests by route and status.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "churn_request_seconds",
            "Seconds from the whole request to the start of the answer.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._predictions = Counter("churn_predictions", "Predictions by band.", ("band",), registry=self._registry)
        for band in ("high", "medium", "low"):
            self._predictions.labels(band)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is a pattern, so that nobody's name becomes a label."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def predicted(self, predictions: Iterable[Prediction]) -> None:
        """Count predictions."""
        for prediction in predictions:
            self._predictions.labels(prediction.band).inc()

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
