"""Forms that only our own pages can send.

A cookie holds a random text, every form the signature of it, made with a secret of this process. A page of another
site can neither read the cookie nor make the signature. Forty lines, so no library of forms is needed for it.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final

from flask import Flask, Response, g, request

from churn.errors import RequestError
from churn.web.security import same
from churn.web.state import state

COOKIE: Final = "churn_form"
FIELD: Final = "csrf"
HEADER: Final = "X-CSRF-Token"


def csrf_token() -> str:
    """The signature for the forms of the page that is being made."""
    text = request.cookies.get(COOKIE) or g.get("csrf_text")
    if not text:
        text = g.csrf_text = secrets.token_hex(16)
    return _sign(text)


def check_csrf() -> None:
    """Refuse a form that does not come from one of our pages.

    Raises:
        RequestError: 403 if its signature is absent or wrong.
    """
    text = request.cookies.get(COOKIE, "")
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not text or not same(given, _sign(text)):
        raise RequestError("the form is too old or not ours", "load the page again, then send it once more", status=403)


def protect_forms(app: Flask) -> None:
    """Hand out the cookie with every page that has a form, and the function `csrf_token` to templates."""
    app.jinja_env.globals["csrf_token"] = csrf_token

    @app.after_request
    def give(response: Response) -> Response:
        if "csrf_text" in g:
            response.set_cookie(COOKIE, g.csrf_text, httponly=True, samesite="Strict", secure=request.is_secure)
        return response


def _sign(text: str) -> str:
    return hmac.new(state().secret, text.encode("utf-8", "replace"), sha256).hexdigest()
