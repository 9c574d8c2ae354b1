"""What Waitress refuses before the application sees it, answered in the form of all other errors."""

from __future__ import annotations

import json
import logging
import time
from http import HTTPStatus
from typing import Final

from waitress.task import ErrorTask

from churn.web.problems import TYPE
from churn.web.security import HEADERS
from churn.web.state import State

logger = logging.getLogger("churn.web")

ROUTE: Final = "(refused)"
"""Stands in the log and in the counts for a route: none was looked for."""

WORDS: Final = {
    400: "this is no request of HTTP that can be read; send one that follows RFC 9112",
    413: "the body is too large for this path; send less",
    431: "the head of the request is too long; send less",
    500: "this server failed in a way nobody foresaw; look into its log",
    501: "this transfer encoding is unknown here; send the body as it is, or chunked",
}
"""Said in place of Waitress' own words, which may hold what somebody sent."""


def refusal_class(held: State) -> type[ErrorTask]:
    """Answers what Waitress refuses: problem details with the headers of every answer, counted and logged."""

    class Refusal(ErrorTask):  # type: ignore[misc]
        def execute(self) -> None:
            status = int(self.request.error.code)
            title = HTTPStatus(status).phrase
            told = {"type": "about:blank", "title": title, "status": status, "detail": WORDS.get(status, title)}
            body = json.dumps(told).encode()
            self.status = f"{status} {title}"
            self.response_headers.extend({**HEADERS, "Content-Type": TYPE, "Cache-Control": "no-store"}.items())
            self.set_close_on_finish()
            self.content_length = len(body)
            seconds = time.time() - self.start_time
            held.metrics.request("(other)", ROUTE, status, seconds)
            fields = {"method": "(other)", "route": ROUTE, "status": status, "ms": round(seconds * 1000, 2)}
            logger.info("request", extra={"fields": fields})
            self.write(body)

    return Refusal
