"""The web page and the API: `create_app` makes the application, `churn serve` runs it."""

from __future__ import annotations

from churn.web.app import create_app
from churn.web.settings import WebSettings

__all__ = ["WebSettings", "create_app"]
