"""The description of the API in OpenAPI 3.1, made from the routes themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from churn.web.state import State

F = TypeVar("F", bound=Callable[..., Any])


def describes(name: str) -> Callable[[F], F]:
    """Tie a view to its part of the description."""

    def mark(view: F) -> F:
        view.described = name  # type: ignore[attr-defined]
        return view

    return mark


def document(held: State) -> dict[str, Any]:
    """The whole description."""
    return {"openapi": "3.1.0", "info": {"title": "sparkify-churn", "version": "1"}, "paths": {}}
