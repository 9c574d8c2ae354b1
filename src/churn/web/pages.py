"""The pages that people see; all figures come from `churn.web.store` and `churn.web.predict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from churn.bundle import FeatureEntry
from churn.web.api import described_api, drift_of, model_of, take_upload, user_of
from churn.web.csrf import check_csrf
from churn.web.csv_files import list_of
from churn.web.fields import Form
from churn.web.model_card import facts, limits, measures
from churn.web.overview import overview_of
from churn.web.query import FIELDS, FURTHEST, wanted_of, whole
from churn.web.security import cookie_name, local, logged_in, same
from churn.web.spread import Spread, spread
from churn.web.state import state
from churn.web.store import BANDS, SORTS, RiskList
from churn.web.timeline import timeline
from churn.web.what_if import what_if

pages = Blueprint("pages", __name__)


@pages.get("/")
def overview() -> ResponseReturnValue:
    """What the run found, in pictures."""
    store = state().store
    if store is None:
        return render_template("empty.html", title="Overview")
    return render_template("overview.html", store=store, shown=overview_of(store), bands=store.bands())


@pages.get("/risk")
def risk() -> ResponseReturnValue:
    """The ranked list."""
    store = state().store
    if store is None:
        return render_template("empty.html", title="At risk")
    return render_template("risk.html", as_of=store.as_of, **risk_context(store))


@pages.get("/risk.csv")
def risk_csv() -> ResponseReturnValue:
    """The list as it is shown, all pages of it."""
    return as_csv(state().run)


@pages.get("/user")
def user() -> ResponseReturnValue:
    """One user; the id stands in the query, since browsers fold ids like `..` in a path."""
    if state().store is None:
        return render_template("empty.html", title="One user")
    held = state()
    asked = request.args.get("id", "")
    if held.run.user(asked) is None:
        return render_template("nobody.html"), 404
    found = user_of(held, asked)
    return render_template(
        "user.html",
        user=found,
        total=sum(held.run.bands().values()),
        entries=entries_of(),
        spreads=spreads_of(found["features"]),
        timeline=timeline(found["activity"], held.run.as_of),
        changes=what_if(held, found, request.args),
    )


@pages.get("/ask")
def ask() -> ResponseReturnValue:
    """The form for one customer's figures."""
    form = form_of()
    return render_template("ask.html", form=form, asked=form.read(request.args))


@pages.get("/go")
def go() -> ResponseReturnValue:
    """The answer to the form."""
    held, form = state(), form_of()
    asked = form.read(request.args)
    if asked.errors:
        return render_template("ask.html", form=form, asked=asked), 422
    (prediction,) = held.predictor.predict([dict(asked.features)], fill="reference", reasons=True)
    held.metrics.predicted([prediction])
    spreads = spreads_of(asked.features)
    context = {"form": form, "asked": asked, "prediction": prediction, "entries": entries_of(), "spreads": spreads}
    return render_template("go.html", **context)


@pages.get("/score")
def score() -> ResponseReturnValue:
    """The form for a log."""
    jobs = state().jobs
    return render_template("score.html", missing=jobs.missing(), jobs=jobs.list(), settings=state().settings)


@pages.post("/score")
def upload() -> ResponseReturnValue:
    """A log; on to the page of its job."""
    check_csrf()
    return redirect(url_for("pages.job", job=take_upload()["job"]), 303)


@pages.get("/jobs/<job>")
def job(job: str) -> ResponseReturnValue:
    """How far a job is, and its result."""
    found = state().jobs.get(job)
    context: dict[str, Any] = risk_context(found.result) if found.status == "done" else {}
    return render_template("job.html", job=found, **context)


@pages.post("/jobs/<job>/cancel")
def cancel(job: str) -> ResponseReturnValue:
    """End a job."""
    check_csrf()
    state().jobs.cancel(job)
    return redirect(url_for("pages.job", job=job), 303)


@pages.get("/jobs/<job>/risk.csv")
def job_csv(job: str) -> ResponseReturnValue:
    """The list of a job as it is shown, all pages of it."""
    return as_csv(state().jobs.get(job).result)


@pages.get("/jobs/<job>/drift.csv")
def job_drift(job: str) -> ResponseReturnValue:
    """How far every feature has moved."""
    return drift_of(job)


@pages.get("/model")
def model() -> ResponseReturnValue:
    """The model card."""
    held = state()
    card = held.opened.card
    return render_template(
        "model.html",
        model=model_of(held),
        card=card,
        measures=measures(held.manifest),
        facts=facts(held.manifest),
        limits=limits(card),
        spreads=spreads_of({}),
    )


@pages.get("/api")
def api_page() -> ResponseReturnValue:
    """The API in words."""
    return render_template("api.html", document=described_api())


@pages.get("/login")
def login() -> ResponseReturnValue:
    """The form for the token."""
    return render_template("login.html", next=local(request.args.get("next", "/")), wrong=False)


@pages.post("/login")
def log_in() -> ResponseReturnValue:
    """Take the token."""
    check_csrf()
    token = state().settings.token
    target = local(request.form.get("next", "/"))
    if token is None:
        return redirect(target, 303)
    if not same(request.form.get("token", "").strip(), token):
        return render_template("login.html", next=target, wrong=True), 401
    return logged_in(target)


@pages.post("/logout")
def log_out() -> ResponseReturnValue:
    """Forget that the token was known."""
    check_csrf()
    response = redirect(url_for("pages.login"), 303)
    response.delete_cookie(cookie_name(state()), httponly=True, samesite="Strict")
    return response


def form_of() -> Form:
    """The form for this server's model."""
    return Form(state().manifest, state().reference)


def entries_of() -> dict[str, FeatureEntry]:
    """What the bundle says of its features, by name."""
    return {entry.name: entry for entry in state().manifest.features}


def spreads_of(own: Mapping[str, float | None]) -> dict[str, Spread | None]:
    """The reference distribution of every feature, with the values of somebody where they are known."""
    return {name: spread(quantiles, own.get(name)) for name, quantiles in state().reference.items()}


def contact_of(default: int) -> int:
    """How many users somebody wants to contact.

    Raises:
        RequestError: for what is no whole number.
    """
    given = {name: value for name, value in request.args.items() if value}
    return whole(given, "contact", default, least=0, most=FURTHEST)


def risk_context(risks: RiskList) -> dict[str, Any]:
    """What a list needs: its rows, its filters, and what contacting some users should bring."""
    query = {name: request.args[name] for name in FIELDS if request.args.get(name)}  # templates make links of it
    bands = risks.bands()
    contact = contact_of(max(1, bands["high"]))
    wanted = wanted_of(query, strict=False)
    found, reach = risks.find(wanted), risks.reach(contact, wanted)
    return {
        "found": found,
        "wanted": wanted,
        "bands": bands,
        "total": sum(bands.values()),
        "top": risks.reach(1).leavers,
        "levels": risks.choices("level"),
        "regions": risks.choices("region"),
        "contact": contact,
        "reach": reach,
        "filtered": wanted.is_filtered,
        "take_away": {
            **{name: value for name, value in query.items() if name not in ("page", "size")},
            "contact": contact,
        },
        "choices": {"band": BANDS, "sort": SORTS},
        "query": query,
    }


def as_csv(risks: RiskList) -> Response:
    """A list as CSV, with the filters and the order of the query; with `contact`, those to contact alone."""
    wanted = wanted_of({name: value for name, value in request.args.items() if name in FIELDS}, strict=False)
    return list_of(risks, wanted, contact_of(0) if request.args.get("contact") else None)
