"""Forms of the API's bodies, as JSON Schema; the tests hold every answer against them."""

from __future__ import annotations

from typing import Any, Final

from churn.app_data import COUNTS
from churn.web.predict import FILLS
from churn.web.store import BANDS

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "number"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
MAYBE: Final[Schema] = {"type": ["number", "null"]}
SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
BAND: Final[Schema] = {"type": "string", "enum": list(BANDS)}
ANY: Final[Schema] = {"type": "object"}
DATE: Final[Schema] = {"type": "string", "format": "date"}


def record(properties: Schema, *, optional: tuple[str, ...] = (), closed: bool = False) -> Schema:
    """An object with these properties, all of them there unless optional."""
    made: Schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }
    return made | ({"additionalProperties": False} if closed else {})


def some(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


REASON: Final = record(
    {"group": TEXT, "feature": TEXT, "value": MAYBE, "usual": NUMBER, "effect": NUMBER, "text": TEXT}
)
PREDICTION: Final = record({"probability": SHARE, "band": BAND, "reasons": some(REASON), "filled": some(TEXT)})
PREDICTIONS: Final = record({"predictions": some(PREDICTION)})

RISK_ROW: Final = record(
    {
        "rank": COUNT,
        "userId": TEXT,
        "probability": SHARE,
        "band": BAND,
        "reason_1": TEXT,
        "reason_2": TEXT,
        "reason_3": TEXT,
        "level": TEXT,
        "region": TEXT,
        "last_seen": TEXT,
        "as_of": DATE,
    }
)
RISK: Final = record({"total": COUNT, "page": COUNT, "pages": COUNT, "size": COUNT, "rows": some(RISK_ROW)})

DAY: Final = record({"userId": TEXT, "day": DATE, **dict.fromkeys(COUNTS, COUNT)})
FEATURES: Final[Schema] = {"type": "object", "additionalProperties": MAYBE}
USER: Final = record({**RISK_ROW["properties"], "reasons": some(REASON), "features": FEATURES, "activity": some(DAY)})

FEATURE: Final = record(
    {
        "name": TEXT,
        "sentence": TEXT,
        "group": TEXT,
        "usual": NUMBER,
        "spread": NUMBER,
        "flag": {"type": "boolean"},
        "quantiles": {"type": "object", "additionalProperties": NUMBER},
    }
)
MODEL: Final = record(
    {
        "model": TEXT,
        "task": TEXT,
        "problem": ANY,
        "threshold": NUMBER,
        "base_rate": SHARE,
        "metrics": {"type": "object", "additionalProperties": MAYBE},
        "training": ANY,
        "calibration": ANY,
        "parity": ANY,
        "fingerprint": TEXT,
        "versions": {"type": "object", "additionalProperties": TEXT},
        "created": TEXT,
        "features": some(FEATURE),
    }
)

JOB: Final = record(
    {
        "job": TEXT,
        "status": {"type": "string", "enum": ["queued", "running", "done", "failed", "cancelled"]},
        "step": TEXT,
        "progress": SHARE,
        "as_of": {"type": ["string", "null"]},
        "seconds": MAYBE,
        "error": {"type": ["string", "null"]},
        "warnings": some(TEXT),
        "result": {"type": ["string", "null"]},
        "drift": {"type": ["string", "null"]},
    }
)
TAKEN: Final = record({"job": TEXT, "status": TEXT, "href": TEXT})

UPLOAD: Final = record(
    {"file": {"type": "string", "format": "binary", "description": "The log."}, "as_of": DATE}, optional=("as_of",)
)

PROBLEM: Final = record(
    {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": TEXT,
        "errors": some(record({"detail": TEXT, "field": TEXT, "row": COUNT}, optional=("field", "row"))),
    },
    optional=("errors",),
)


def predict_body(names: tuple[str, ...], most_rows: int) -> Schema:
    """The body of a call with features, for one model."""
    row = {"type": "object", "properties": dict.fromkeys(names, MAYBE), "additionalProperties": False}
    rows = {"type": "array", "items": row, "maxItems": most_rows}
    return record(
        {
            "rows": {**rows, "description": "Users; null is an unknown value."},
            "fill": {
                "type": "string",
                "enum": list(FILLS),
                "default": FILLS[0],
                "description": "none: every feature has to be there. reference: what is absent or null is usual.",
            },
            "reasons": {"type": "boolean", "default": False, "description": "Also say why."},
        },
        optional=("fill", "reasons"),
        closed=True,
    )
