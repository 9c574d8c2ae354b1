"""What comes in: limits of bodies by route, uploads into the private folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import IO, Final

from flask import Request as FlaskRequest
from flask import current_app
from werkzeug.datastructures import FileStorage

from churn.errors import RequestError
from churn.web.settings import MB, WebSettings
from churn.web.state import State

UPLOADS: Final = ("/api/v1/score", "/score")
CALLS: Final = ("/api/v1/predict",)
FORM: Final = 1 * MB
MOST_PARTS: Final = 10
"""Parts of a form; each file among them would be one on the disk."""
AROUND: Final = 1 * MB
"""Bytes that a form may have around its file."""


def largest_body(settings: WebSettings, path: str) -> int:
    """Bytes that the body of a request may have."""
    if path in UPLOADS:
        return settings.largest_upload + AROUND
    return settings.largest_call if path in CALLS else FORM


class Request(FlaskRequest):
    """A request whose uploaded file is in the private folder from its first byte on."""

    max_form_parts = MOST_PARTS
    _file: IO[bytes]

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.path not in UPLOADS:
            raise RequestError("no file is expected here", "send it to /api/v1/score", status=413)
        if self.uploaded:
            self._file.close()
            raise RequestError("only one file can be sent at a time", "send each in a request of its own", status=413)
        file = self._file = self._state().jobs.folder.new_file()
        self.uploaded.append(Path(file.name))
        return file

    @cached_property
    def uploaded(self) -> list[Path]:
        """Files that came with this request."""
        return []

    @staticmethod
    def _state() -> State:
        held: State = current_app.extensions["churn"]
        return held


def path_of(upload: FileStorage) -> Path:
    """Where an uploaded file is, all of it on the disk."""
    upload.stream.flush()
    path = Path(str(getattr(upload.stream, "name", "")))
    upload.close()
    return path
