"""The API against its own description: made-up calls, right and wrong, get the answers that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: make venv")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from churn.web import WebSettings, create_app  # noqa: E402
from churn.web.app import close_app  # noqa: E402

pytestmark = pytest.mark.slow

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
"""Not among them: that every right body is taken. Which features have to be there depends on `fill`."""

CALLS = 30


@pytest.fixture(scope="module")
def schema(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    app = create_app(finished, WebSettings(uploads=tmp_path_factory.mktemp("uploads")))
    app.testing = False
    # Every upload would start a process: tests/web/test_jobs.py makes up wrong ones by hand.
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app).exclude(path="/api/v1/score")
    close_app(app)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_made_up_calls_are_answered_as_described(schema: Any, mode: Any) -> None:
    checks = [*CHECKS, negative_data_rejection] if mode == GenerationMode.NEGATIVE else CHECKS
    called = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode == GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue  # nothing that could be wrong but an id, and an unknown id is a right question

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=CALLS, deadline=None, suppress_health_check=list(HealthCheck))
        def call(case: Any) -> None:
            nonlocal called
            case.call_and_validate(checks=checks)
            called += 1

        call()
    assert called > CALLS
