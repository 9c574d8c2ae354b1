"""A server that hands requests on to another one, and breaks those that it is told to."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

BUSY: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.'
    b"</Message></Error>"
)

Rule = Callable[[str, str, int], str | None]
"""From method, path and how often it was asked before to `busy`, `refused:CODE`, `gone`, `drop`, `half` or None."""


class Broken(ThreadingHTTPServer):
    """As a context: `address` is up for as long as the block runs."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind).netloc
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.rule: Rule = lambda method, path, times: None
        self.asked: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def __enter__(self) -> Broken:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def times(self, method: str, path: str) -> int:
        """How often this was asked before; counts."""
        with self._lock:
            self.asked[method, path] += 1
            return self.asked[method, path] - 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that we or the client broke off is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Broken

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        kind = self.server.rule(self.command, path, self.server.times(self.command, path)) or ""
        if kind == "busy":
            self._answer(503, {"Content-Type": "application/xml"}, BUSY)
        elif kind.startswith("refused:"):
            self._refuse(403, kind.removeprefix("refused:"))
        elif kind == "gone":
            self._refuse(404, "NoSuchKey")
        elif kind == "drop":
            self.close_connection = True
        else:
            self._pass(body, half=kind == "half")

    def _refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        self._answer(status, {"Content-Type": "application/xml"}, text.encode())

    def _pass(self, body: bytes, *, half: bool) -> None:
        there = http.client.HTTPConnection(self.server.behind, timeout=60)
        try:
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            content = answer.read()
        finally:
            there.close()
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in ("connection", "transfer-encoding", "date")}
        self._answer(answer.status, kept, content, half=half)

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, half: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = half or self.close_connection

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _hand_on

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""
