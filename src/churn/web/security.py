"""Who may ask, from where, and what a browser may do with the answer."""

from __future__ import annotations

import hmac
import time
from hashlib import sha256
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, redirect, request
from flask.typing import ResponseReturnValue

from churn.errors import RequestError
from churn.web.settings import LOCAL_NAMES, WebSettings
from churn.web.state import State, state

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
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers call the origin of our own forms null
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
    """Refuse a foreign name for this server: a page elsewhere may have its own name lead here.

    Raises:
        RequestError: 421 for a name that this server does not know itself by.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if name in (*LOCAL_NAMES, *(known.lower() for known in (settings.host, *settings.names))):
        return
    # An address leads nobody astray: only a name can be made to lead here by somebody else.
    if settings.is_local or settings.names or not _is_address(name):
        raise RequestError("this server is not called that", "start it with --allow-host NAME", status=421)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


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
    if is_login(state(), request.cookies.get(cookie_name(state()), "")):
        return None
    if request.method == "GET" and same(request.args.get("token", ""), token):
        rest = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != "token"])
        return logged_in(f"{request.path}?{rest}" if rest else request.path)
    if request.method == "GET" and request.blueprint == "pages":
        return redirect("/login?" + urlencode({"next": request.full_path.rstrip("?")}), 303)
    raise RequestError("a token is needed", "send the header Authorization: Bearer TOKEN", status=401)


def logged_in(target: str) -> Response:
    """On to a page of ours, with the cookie that shows the token was known."""
    response = redirect(local(target), 303)
    assert isinstance(response, Response)
    held = state()
    text = f"{time.time():.0f}"
    response.set_cookie(
        cookie_name(held), f"{text}.{_sign(held, text)}", max_age=int(held.settings.login_seconds),
        httponly=True, samesite="Strict", secure=request.is_secure,
    )  # fmt: skip
    return response


def local(target: str) -> str:
    """A path on this server; the first page in place of anything else."""
    right = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if right else "/"


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are alike, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def cookie_name(held: State) -> str:
    """The name of the cookie of a login: browsers give the same cookies to all ports of a host."""
    return f"{COOKIE}_{held.port}"


def is_login(held: State, cookie: str) -> bool:
    """Whether a cookie was made by this process, not too long ago, for somebody who knew the token."""
    text, _, signature = cookie.partition(".")
    if not (text.isascii() and text.isdigit() and same(signature, _sign(held, text))):
        return False
    return 0 <= time.time() - int(text) + 1 <= held.settings.login_seconds + 1


def _sign(held: State, text: str) -> str:
    return hmac.new(held.secret, f"login {held.settings.token} {text}".encode(), sha256).hexdigest()
