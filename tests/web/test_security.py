"""Who is let in, from where, and what every answer tells the browser."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from churn.errors import SettingsError
from churn.web import WebSettings
from churn.web.csrf import COOKIE as FORM_COOKIE
from churn.web.security import COOKIE, HEADERS, OPEN, local
from tests.web.conftest import TOKEN, MakeApp, csrf_of

ARGUMENTS = {"user": "1", "job": "0" * 32, "filename": "no.js"}


def calls(app: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every rule with every method, and an address for it."""
    for rule in app.url_map.iter_rules():
        built = rule.build({name: ARGUMENTS[name] for name in rule.arguments}, append_unknown=False)
        assert built
        for method in sorted(rule.methods or ()):
            yield rule, method, built[1]


def test_every_answer_carries_the_headers(app: Flask) -> None:
    client = app.test_client()
    paths = [(method, path) for _, method, path in calls(app)] + [("GET", "/none"), ("GET", "/api/v1/none")]
    for method, path in paths:
        response = client.open(path, method=method)
        for name, value in HEADERS.items():
            assert response.headers.get(name) == value, (method, path, name)
        if not path.startswith("/static"):
            assert response.headers["Cache-Control"] == "no-store", (method, path)
        assert response.status_code < 500, (method, path)


def test_the_policy_lets_nothing_in_from_elsewhere_and_nothing_inline() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_without_the_token_nothing_answers_but_the_way_in(make_app: MakeApp) -> None:
    app = make_app(token=TOKEN)
    client = app.test_client()
    asked = 0
    for rule, method, path in calls(app):
        response = client.open(path, method=method)
        if rule.endpoint in OPEN:
            assert response.status_code in (200, 403, 404), (method, path)
        elif rule.endpoint.startswith("pages.") and method == "GET":
            assert response.status_code == 303
            assert response.headers["Location"].startswith("/login?next=")
        else:
            assert response.status_code == 401, (method, path)
        asked += rule.endpoint not in OPEN
    assert asked > 30
    assert client.get("/none").status_code == 401
    assert client.get("/healthz").data == b"ok\n"


def test_with_the_token_calls_are_answered(make_app: MakeApp) -> None:
    client = make_app(token=TOKEN).test_client()
    right = {"Authorization": f"Bearer {TOKEN}"}
    for path in ("/", "/risk", "/api/v1/risk", "/readyz", "/metrics"):
        assert client.get(path, headers=right).status_code == 200, path


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer é"])
def test_a_wrong_token_is_refused_and_the_way_is_named(make_app: MakeApp, header: str) -> None:
    response = make_app(token=TOKEN).test_client().get("/api/v1/risk", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.mimetype == "application/problem+json"
    assert TOKEN not in response.get_data(as_text=True)


def test_logging_in_by_form(make_app: MakeApp) -> None:
    client = make_app(token=TOKEN).test_client()
    sent = {"csrf": csrf_of(client, "/login"), "next": "/risk?band=high", "token": "wrong-one"}
    assert client.post("/login", data=sent).status_code == 401
    assert client.get("/risk").status_code == 303
    response = client.post("/login", data={**sent, "token": TOKEN})
    assert (response.status_code, response.headers["Location"]) == (303, "/risk?band=high")
    (cookie,) = [text for text in response.headers.getlist("Set-Cookie") if text.startswith(COOKIE)]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/risk").status_code == 200
    assert client.get("/api/v1/risk").status_code == 200
    assert client.post("/logout", data={"csrf": csrf_of(client)}).status_code == 303
    assert client.get("/risk").status_code == 303


def test_a_link_with_the_token_logs_in_and_the_token_leaves_the_address(make_app: MakeApp) -> None:
    client = make_app(token=TOKEN).test_client()
    response = client.get(f"/risk?band=high&token={TOKEN}&q=a+b")
    assert (response.status_code, response.headers["Location"]) == (303, "/risk?band=high&q=a+b")
    assert client.get("/risk").status_code == 200
    assert make_app(token=TOKEN).test_client().get("/risk?token=wrong").status_code == 303


@pytest.mark.parametrize("token", [TOKEN, TOKEN + "2"])
def test_the_cookie_of_another_server_does_not_fit(make_app: MakeApp, token: str) -> None:
    first, second = make_app(token=TOKEN).test_client(), make_app(token=token).test_client()
    first.get(f"/?token={TOKEN}")
    found = first.get_cookie(f"{COOKIE}_0")
    assert found is not None
    second.set_cookie(f"{COOKIE}_0", found.value)
    assert second.get("/risk").status_code == 303


@pytest.mark.parametrize("age", [0, 99, 101, -60])
def test_a_login_holds_for_a_while(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, age: int) -> None:
    client = make_app(token=TOKEN, login_seconds=100.0).test_client()
    client.get(f"/?token={TOKEN}")
    there = time.time() + age
    monkeypatch.setattr("churn.web.security.time.time", lambda: there)
    assert client.get("/api/v1/risk").status_code == (200 if age in (0, 99) else 401)


@pytest.mark.parametrize("cookie", ["", ".", "1.", "9999999999.", "x.y", "1", "²." + "0" * 64])
def test_a_made_up_cookie_is_no_login(make_app: MakeApp, cookie: str) -> None:
    client = make_app(token=TOKEN).test_client()
    client.set_cookie(f"{COOKIE}_0", cookie)
    assert client.get("/risk").status_code == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/a\nb"])
def test_a_login_leads_nowhere_else(target: str) -> None:
    assert local(target) == "/"


@pytest.mark.parametrize("token", ["short", "with space", "é" * 9, "x" * 201, ""])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(SettingsError, match="token"):
        WebSettings(token=token)


FOREIGN_NAMES = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "a b", ""]


@pytest.mark.parametrize("host", FOREIGN_NAMES)
def test_a_foreign_name_for_loopback_is_refused(client: FlaskClient, host: str) -> None:
    assert client.get("/risk", headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "localhost:8001", "127.0.0.1:1", "[::1]:8001", "LOCALHOST"])
def test_loopback_may_be_called_by_its_names(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def asked_as(client: FlaskClient, host: str) -> int:
    return client.get("/risk", headers={"Host": host}).status_code


def test_further_names_may_be_allowed(make_app: MakeApp) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        client = make_app(names=("churn.Example.com",), host=host).test_client()
        assert asked_as(client, "churn.example.com:8001") == 200
        assert asked_as(client, "localhost") == 200
        assert asked_as(client, "evil.example") == 421
        assert asked_as(client, "192.0.2.7") == 421


def test_a_name_that_is_made_to_lead_here_is_refused_on_the_network_too(make_app: MakeApp) -> None:
    client = make_app(host="0.0.0.0").test_client()
    for host in ("192.0.2.7:8001", "[2001:db8::1]", "127.0.0.1", "localhost:1"):
        assert asked_as(client, host) == 200, host
    for host in ("evil.example", "192.0.2.7.evil.example", "a b", "[::x]", ""):
        assert asked_as(client, host) in (400, 421), host
    assert asked_as(make_app(host="churn.lan").test_client(), "churn.lan") == 200


@pytest.mark.parametrize("path", ["/score", "/jobs/" + "0" * 32 + "/cancel", "/login", "/logout"])
@pytest.mark.parametrize("given", [None, "", "0" * 64])
def test_a_form_without_its_signature_is_refused(client: FlaskClient, path: str, given: str | None) -> None:
    client.get("/login")
    assert client.post(path, data={} if given is None else {"csrf": given}).status_code == 403


def test_a_signature_holds_only_with_its_cookie_and_only_here(make_app: MakeApp) -> None:
    here, there = make_app().test_client(), make_app().test_client()
    signature = csrf_of(here, "/login")
    cookie = here.get_cookie(FORM_COOKIE)
    assert cookie is not None
    assert cookie.http_only
    assert here.post("/logout", data={"csrf": signature}).status_code == 303
    there.set_cookie(FORM_COOKIE, cookie.value)
    assert there.post("/logout", data={"csrf": signature}).status_code == 403
    here.delete_cookie(FORM_COOKIE)
    assert here.post("/logout", data={"csrf": signature}).status_code == 403


def test_a_signature_may_come_in_a_header(client: FlaskClient) -> None:
    signature = csrf_of(client, "/login")
    assert client.post("/logout", headers={"X-CSRF-Token": signature}).status_code == 303


FOREIGN = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:9"}, {"Origin": "x"},
           {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/api/v1/predict", "/api/v1/score", "/score", "/logout"])
def test_another_site_cannot_have_anything_done(client: FlaskClient, headers: dict[str, str], path: str) -> None:
    assert client.post(path, headers=headers, json={"rows": []}).status_code == 403
    assert client.delete("/api/v1/jobs/" + "0" * 32, headers=headers).status_code == 403


def test_our_own_pages_can(client: FlaskClient) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/predict", headers=own, json={"rows": []}).status_code == 200
