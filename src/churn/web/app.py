"""The application: made by a factory, so that there may be several, each with a folder of its own."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from churn.scoring import Scorer
from churn.web.api import api
from churn.web.csrf import protect_forms
from churn.web.incoming import Request, largest_body
from churn.web.jobs import Jobs
from churn.web.metrics import Metrics
from churn.web.observe import observe
from churn.web.opening import open_folder
from churn.web.ops import ops
from churn.web.pages import pages
from churn.web.predict import Predictor
from churn.web.problems import answer_errors
from churn.web.security import secure
from churn.web.settings import WebSettings
from churn.web.state import State, put_state
from churn.web.words import add_words


class AnyId(BaseConverter):
    """A user's id in a path, whatever it is made of: also a slash in front."""

    regex = ".+"
    part_isolating = False


def create_app(source: Path, settings: WebSettings | None = None) -> Flask:
    """An application that serves a folder; `close_app` gives back what it holds.

    Args:
        source: the folder of a run, or of a bundle.
        settings: how it is run.

    Raises:
        SourceError: if the folder is neither a run nor a bundle.
        BundleError: if the bundle is damaged.
    """
    chosen = settings or WebSettings()
    opened = open_folder(source)
    scorer = Scorer(opened.bundle, threads=1)  # requests run side by side; a second thread each would only wait
    app = Flask(__name__)
    app.request_class = Request
    app.url_map.converters["any_id"] = AnyId
    app.url_map.merge_slashes = False  # a user's id may hold two of them
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    held = State(
        settings=chosen,
        opened=opened,
        scorer=scorer,
        predictor=Predictor(scorer, most_rows=chosen.most_rows, most_fields=chosen.most_fields),
        jobs=Jobs(chosen, opened.bundle_folder),
        metrics=Metrics(),
        secret=secrets.token_bytes(32),
    )
    _ = held.reference  # read now: the next run writes another one to the same place
    put_state(app.extensions, held)
    observe(app)
    secure(app)
    protect_forms(app)
    answer_errors(app)
    add_words(app)
    for blueprint in (ops, api, pages):
        app.register_blueprint(blueprint)

    @app.before_request
    def check_length() -> None:
        # Before anything reads the body, and also where nothing ever does.
        limit = request.max_content_length = largest_body(chosen, request.path)
        if (request.content_length or 0) > limit:
            raise RequestEntityTooLarge(f"the body is larger than the {limit:,} bytes that are taken here")

    @app.teardown_request
    def tidy(_: BaseException | None) -> None:
        for path in getattr(request, "uploaded", ()):
            path.unlink(missing_ok=True)  # what became a job has been renamed

    return app


def close_app(app: Flask) -> None:
    """End the jobs of an application and remove its private folder."""
    held: State = app.extensions["churn"]
    held.jobs.close()
