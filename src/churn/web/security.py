"""Who may ask, from where, and what a browser may do with the answer."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, redirect, request
from flask.typing import ResponseReturnValue

from churn.errors import RequestError
from churn.web.settings import LOCAL_NAMES, WebSettings
from churn.web.state import state

COOKIE: Final = "churn_login"
SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))

OPEN: Final = frozenset(("ops.healthz", "pages.login", "pages.log_in", "static"))
"""Endpoints that ask for no token: the sign of life, the way in, and the style of the page that leads there."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def secure(app: Flask) -> None:
    """Guard every route of an application."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        settings = state().settings
        check_host(settings, request.host)
        check_origin()
        return check_token(settings)

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"  # it is about customers
        return response


def check_host(settings: WebSettings, host: str) -> None:
    """Refuse a foreign name for this machine: a page elsewhere may have its own name lead to loopback.

    Raises:
        RequestError: 421 for a name that this server does not know itself by.
    """
    if not settings.is_local:
        return
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name is None or name not in (*LOCAL_NAMES, settings.host, *(known.lower() for known in settings.names)):
        raise RequestError("this server is not called that", "start it with --allow-host NAME", status=421)


def check_origin() -> None:
    """Refuse what a page of another site sends, whatever cookies the browser adds.

    Raises:
        RequestError: 403 for a change asked for by another site.
    """
    if request.method in SAFE:
        return
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    own = origin is None or (origin != "null" and urlsplit(origin).netloc == request.host)
    if not own or site not in ("none", "same-origin"):
        raise RequestError("another site sent this request", "send it from this server's own pages", status=403)


def check_token(settings: WebSettings) -> ResponseReturnValue | None:
    """Ask for the token, if there is one: in the header, in the cookie, or once in the query.

    Returns:
        Where a browser has to go first; None where the request may go on.

    Raises:
        RequestError: 401 for a call without the right token.
    """
    token = settings.token
    if token is None or request.endpoint in OPEN:
        return None
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        if same(given.strip(), token):
            return None
        raise RequestError("the token is wrong", "send the one that the server was started with", status=401)
    if same(request.cookies.get(COOKIE, ""), cookie_of(token)):
        return None
    if request.method == "GET" and same(request.args.get("token", ""), token):
        rest = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != "token"])
        return logged_in(token, f"{request.path}?{rest}" if rest else request.path)
    if request.method == "GET" and request.blueprint == "pages":
        return redirect("/login?" + urlencode({"next": request.full_path.rstrip("?")}), 303)
    raise RequestError("a token is needed", "send the header Authorization: Bearer TOKEN", status=401)


def logged_in(token: str, target: str) -> Response:
    """On to a page of ours, with the cookie that shows the token was known."""
    response = redirect(local(target), 303)
    assert isinstance(response, Response)
    response.set_cookie(COOKIE, cookie_of(token), httponly=True, samesite="Strict", secure=request.is_secure)
    return response


def local(target: str) -> str:
    """A path on this server; the first page in place of anything else."""
    right = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if right else "/"


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are alike, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def cookie_of(token: str) -> str:
    """What the cookie holds: made from the token, which it does not give away."""
    return hmac.new(token.encode(), b"cookie", sha256).hexdigest()
