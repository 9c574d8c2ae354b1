"""The API under /api/v1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
import orjson
from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from churn.errors import RequestError
from churn.web import schemas
from churn.web.csv_files import file_of
from churn.web.incoming import path_of
from churn.web.openapi import JSON, Description, describes, document
from churn.web.predict import FILLS, Prediction, cut
from churn.web.query import FURTHEST, LARGEST_PAGE, LONGEST, day, wanted_of, wrong
from churn.web.settings import MB
from churn.web.state import State, state
from churn.web.store import SORTS, RiskList

api = Blueprint("api", __name__, url_prefix="/api/v1")

KEYS: Final = ("rows", "fill", "reasons")
FORM: Final = "multipart/form-data"

LARGE: Final = 2 * MB
"""Bytes of a body that is worked on alone."""

MANY: Final = 500
"""Rows of a call that is worked on alone, however short they are."""

LONG: Final = 50_000
"""Names of filled features in an answer that is sent in parts."""


def _or_empty(schema: schemas.Schema) -> schemas.Schema:
    return {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


LIST: Final[dict[str, schemas.Schema]] = {
    "band": _or_empty(schemas.BAND),
    "level": {"type": "string", "maxLength": LONGEST},
    "region": {"type": "string", "maxLength": LONGEST, "description": "A state, as MA, or a whole region, as MA-NH."},
    "q": {"type": "string", "maxLength": LONGEST, "description": "Part of a user's id."},
    "sort": _or_empty({"type": "string", "enum": [sign + name for name in SORTS for sign in ("", "-")]}),
    "page": _or_empty({"type": "integer", "minimum": 1, "maximum": FURTHEST, "default": 1}),
    "size": _or_empty({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 50}),
}
"""The query of a risk list; an empty field is not given; see `churn.web.query.wanted_of`."""


@api.post("/predict")
@describes(Description(schemas.PREDICTIONS, errors=(400, 403, 413, 415, 422, 503), body={JSON: "predict"}))
def predict() -> ResponseReturnValue:
    """Probability, band and reasons for rows of features."""
    held = state()
    with ExitStack() as stack:
        large = (request.content_length or 0) > LARGE
        if large:
            stack.enter_context(held.alone())
        body = _json_body(held)
        rows = body.get("rows")
        if not large and isinstance(rows, list) and len(rows) > MANY:
            stack.enter_context(held.alone())
        found = _predictions(held, body)
    if sum(len(one.filled) for one in found) > LONG:
        return Response(_in_parts(found), mimetype="application/json")
    return as_json({"predictions": [one.as_json() for one in found]})


def _in_parts(found: Sequence[Prediction]) -> Iterator[str]:
    """The same text that `as_json` makes, some rows at a time: it may be a thousand times as long as the request."""
    for start in range(0, len(found), MANY):
        part = json.dumps([one.as_json() for one in found[start : start + MANY]], allow_nan=False)
        yield (", " if start else '{"predictions": [') + part[1:-1]
    yield "]}"


def _predictions(held: State, body: dict[str, Any]) -> list[Prediction]:
    unknown = [key for key in body if key not in KEYS]
    if unknown:
        raise wrong(cut(unknown[0]), f"is unknown; there are {', '.join(KEYS)}")
    rows, fill, reasons = body.get("rows"), body.get("fill", "none"), body.get("reasons", False)
    if not isinstance(rows, list):
        raise wrong("rows", "is no list of objects")
    if fill not in FILLS:
        raise wrong("fill", f"is not one of {', '.join(FILLS)}")
    if not isinstance(reasons, bool):
        raise wrong("reasons", "is neither true nor false")
    found = held.predictor.predict(rows, fill=fill, reasons=reasons)
    held.metrics.predicted(found)
    return found


@api.get("/model")
@describes(Description(schemas.MODEL))
def model() -> ResponseReturnValue:
    """What the model is: its question, data, features, metrics, limits."""
    return as_json(model_of(state()))


@api.get("/risk")
@describes(Description(schemas.RISK, errors=(404, 422), query=LIST))
def risk() -> ResponseReturnValue:
    """The risk list: filtered, ordered, a page at a time."""
    return as_json(listed(state().run))


@api.get("/users/<any_id:user>")
@describes(Description(schemas.USER, errors=(404,)))
def users(user: str) -> ResponseReturnValue:
    """One user: rank, probability, band, reasons, features, daily activity."""
    return as_json(user_of(state(), user))


@api.post("/score")
@describes(Description(schemas.TAKEN, status=202, errors=(400, 403, 413, 422, 503), body={FORM: schemas.UPLOAD}))
def score() -> ResponseReturnValue:
    """Upload a log; `churn score` makes a risk list of it."""
    job = take_upload()
    response = as_json({"job": job["job"], "status": job["status"], "href": f"/api/v1/jobs/{job['job']}"}, 202)
    response.headers["Location"] = f"/api/v1/jobs/{job['job']}"
    return response


@api.get("/jobs/<job>")
@describes(Description(schemas.JOB, errors=(404,)))
def job(job: str) -> ResponseReturnValue:
    """How far an uploaded log is."""
    return as_json(state().jobs.get(job).as_json())


@api.delete("/jobs/<job>")
@describes(Description(schemas.JOB, errors=(403, 404)))
def cancel(job: str) -> ResponseReturnValue:
    """End a job."""
    return as_json(state().jobs.cancel(job).as_json())


@api.get("/jobs/<job>/risk")
@describes(Description(schemas.RISK, errors=(404, 409, 422), query=LIST))
def job_risk(job: str) -> ResponseReturnValue:
    """The risk list of a finished job: filtered, ordered, a page at a time."""
    return as_json(listed(state().jobs.get(job).result))


@api.get("/jobs/<job>/risk.csv")
@describes(Description(kind="text/csv", errors=(404, 409)))
def job_csv(job: str) -> ResponseReturnValue:
    """The risk list of a finished job as CSV."""
    found = state().jobs.get(job)
    found.check_done()
    return file_of(found.risk_csv, "risk.csv")


@api.get("/jobs/<job>/drift.csv")
@describes(Description(kind="text/csv", errors=(404, 409)))
def job_drift(job: str) -> ResponseReturnValue:
    """How far every feature has moved since the model was made, as CSV."""
    return drift_of(job)


@api.get("/openapi.json")
@describes(Description(schemas.ANY))
def openapi() -> ResponseReturnValue:
    """This description."""
    return as_json(described_api())


def described_api() -> dict[str, Any]:
    """The description of this server's API."""
    held = state()
    names, token = held.predictor.names, held.settings.token is not None
    return document(current_app, names, held.settings.most_rows, token=token)


def take_upload() -> dict[str, Any]:
    """The file of a form to a job.

    Raises:
        RequestError: if there is no file, or it cannot be taken.
    """
    jobs = state().jobs
    jobs.check()
    upload = request.files.get("file")
    if upload is None:
        raise wrong("file", "is missing; send the log as a part of a form, multipart/form-data")
    as_of = day(request.form, "as_of")
    return jobs.add(path_of(upload), as_of).as_json()


def listed(risks: RiskList) -> dict[str, Any]:
    """A page of a risk list, as the query wants it."""
    wanted = wanted_of(request.args)
    found = risks.find(wanted)
    return {"total": found.total, "page": found.page, "pages": found.pages, "size": wanted.size, "rows": found.rows}


def user_of(held: State, user: str) -> dict[str, Any]:
    """All that is known of a user.

    Raises:
        RequestError: 404 for a user who is not in the risk list.
    """
    row = held.run.user(user)
    if row is None:
        raise RequestError("no user of the risk list is called that", "see /api/v1/risk?q=", status=404)
    features = held.run.features(user)
    own = {name: _short(features[name]) for name in held.predictor.names}
    (prediction,) = held.predictor.judge(held.predictor.row(own), [()], reasons=True)
    activity = held.run.activity(user)
    return {**row, "reasons": prediction.as_json()["reasons"], "features": own, "activity": activity}


def _short(value: float | None) -> float | None:
    """The shortest number that is the same in 32 bits: 0.1, not 0.10000000149011612."""
    return None if value is None else float(str(np.float32(value)))


def model_of(held: State) -> dict[str, Any]:
    """What the model is."""
    manifest = held.manifest
    features = [
        {
            "name": entry.name,
            "sentence": entry.sentence,
            "group": entry.group,
            "usual": entry.usual,
            "spread": entry.spread,
            "flag": entry.flag,
            "quantiles": {f"{point:g}": value for point, value in held.reference.get(entry.name, {}).items()},
        }
        for entry in manifest.features
    ]
    return {
        "model": manifest.model,
        "task": manifest.task,
        "problem": dict(manifest.problem),
        "threshold": manifest.threshold,
        "base_rate": manifest.base_rate,
        "metrics": dict(manifest.metrics),
        "training": dict(manifest.training),
        "calibration": dict(manifest.calibration),
        "parity": dict(manifest.parity),
        "fingerprint": manifest.fingerprint,
        "versions": dict(manifest.versions),
        "created": manifest.created,
        "features": features,
    }


def drift_of(job: str) -> Response:
    """The drift table of a finished job."""
    found = state().jobs.get(job)
    found.check_done()
    return file_of(found.drift_csv, "drift.csv")


def as_json(content: Any, status: int = 200) -> Response:
    """An answer."""
    return Response(json.dumps(content, allow_nan=False), status, mimetype="application/json")


def _json_body(held: State) -> dict[str, Any]:
    """The body of a request.

    Raises:
        RequestError: 415 if it is not called JSON, 400 if it is none, 422 if it holds more than any call may.
    """
    if request.mimetype != "application/json":
        raise RequestError("the body is not called JSON", "send Content-Type: application/json", status=415)
    content = request.get_data(cache=False)
    if not held.predictor.may_hold(content):
        most = held.settings.most_rows
        raise RequestError(f"the body holds more than {most:,} rows can", f"send at most {most:,} at a time")
    try:
        body = _parsed(content)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is no JSON ({cut(str(error))})", "mend it", status=400) from error
    if not isinstance(body, dict):
        raise RequestError("the body is no JSON object", 'send {"rows": [...]}', status=422)
    return body


def _parsed(content: bytes) -> Any:
    """JSON, read three times faster than Python does; what the fast reader refuses is looked at again by Python's.

    So NaN, Infinity, and a number too large for any float are named with their row and field, not with their place
    in the text.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content)
