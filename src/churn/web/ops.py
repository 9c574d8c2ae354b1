"""For whoever keeps the server running: alive, ready, metrics."""

from __future__ import annotations

import json

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from churn.web.state import state

ops = Blueprint("ops", __name__)


@ops.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Alive."""
    return Response("ok\n", mimetype="text/plain")


@ops.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Ready: the model judges a usual user, and the run can be read."""
    held = state()
    (prediction,) = held.predictor.predict([{}], fill="reference")
    users = sum(held.store.bands().values()) if held.store else None
    body = {"status": "ready", "model": held.manifest.model, "users": users, "band_of_a_usual_user": prediction.band}
    return Response(json.dumps(body), mimetype="application/json")


@ops.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Counts, as Prometheus reads them."""
    return Response(state().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")
