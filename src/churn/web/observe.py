"""One line of JSON a request, and its counts; no name, no address, no query: they tell of customers."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Final

from flask import Flask, Response, g, request

from churn.web.state import state

logger = logging.getLogger("churn.web")

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class JsonLines(logging.Formatter):
    """A record as one line of JSON; what `extra={"fields": …}` holds stands beside its message."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        # What Waitress says of an error holds the path, and so the name of a customer; where it stands says enough.
        foreign = record.name.partition(".")[0] == "waitress"
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": "waitress" if foreign else record.getMessage(),
            **({"place": f"{record.module}:{record.lineno}"} if foreign else getattr(record, "fields", {})),
        }
        if record.exc_info and record.exc_info[0]:
            # The lines of the program and the kind of error; its message may hold what somebody sent.
            line["trace"] = "".join(traceback.format_tb(record.exc_info[2])) + record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=True)


def log_to_stderr() -> None:
    """Send the server's lines to standard error, and those of libraries in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("churn.web", logging.INFO), ("waitress", logging.ERROR)):
        named = logging.getLogger(name)
        named.handlers, named.propagate = [handler], False
        named.setLevel(level)


def observe(app: Flask) -> None:
    """Log and count every request of an application."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        rule = request.url_rule
        # What is called otherwise was made up by the caller, and so would be without end.
        route = rule.rule if rule else "(none)"
        method = request.method if request.method in _METHODS else "(other)"
        state().metrics.request(method, route, response.status_code, seconds)
        fields = {"method": method, "route": route, "status": response.status_code, "ms": round(seconds * 1000, 2)}
        logger.info("request", extra={"fields": fields})
        return response
