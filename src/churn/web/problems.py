"""Errors as answers: problem details (RFC 9457) for programs, a page for people."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from churn.errors import ChurnError, RequestError

logger = logging.getLogger("churn.web")

TYPE = "application/problem+json"


def answer_errors(app: Flask) -> None:
    """Answer every error of an application in a form that fits who asked."""

    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> ResponseReturnValue:
        response = problem(error.status, error.what, error.remedy, *error.errors)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> ResponseReturnValue:
        if error.response is not None or error.code is None:
            return error  # a redirect
        response = problem(error.code, error.description or HTTPStatus(error.code).phrase)
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                response.headers.setdefault(name, value)
        return response

    @app.errorhandler(ChurnError)
    def ours(error: ChurnError) -> ResponseReturnValue:
        logger.error("failed", extra={"fields": {"error": type(error).__name__}}, exc_info=error)
        return problem(500, error.what, error.remedy)

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> ResponseReturnValue:
        logger.error("failed", extra={"fields": {"error": type(error).__name__}}, exc_info=error)
        return problem(500, "this server failed in a way nobody foresaw", "look into its log; please report it")


def problem(status: int, detail: str, remedy: str = "", *errors: Any) -> Response:
    """An error as an answer."""
    title = HTTPStatus(status).phrase
    if not for_program():
        page = render_template("error.html", status=status, title=title, detail=detail, remedy=remedy, errors=errors)
        return Response(page, status, mimetype="text/html")
    told = f"{detail}; {remedy}" if remedy else detail
    body = {"type": "about:blank", "title": title, "status": status, "detail": told, "instance": request.path}
    if errors:
        body["errors"] = list(errors)
    response = Response(json.dumps(body), status, mimetype=TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def for_program() -> bool:
    """Whether a program asked, not a browser for a page."""
    return request.path.startswith(("/api/", "/healthz", "/readyz", "/metrics"))
