"""A proxy between boto3 and the AWS on loopback: it notes every request, and can cut, refuse, spoil or kill.

This is where the failures come from that moto does not know; the product has no switch for them.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


@dataclass(frozen=True)
class Call:
    """A request: service and operation as botocore calls them, path and query, its body and its headers."""

    service: str
    operation: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


Act = Callable[[Call, Callable[[], Answer]], Answer | None]
"""Given the request and a way to pass it on; None cuts the connection."""


@dataclass
class Rule:
    fits: Callable[[Call], bool]
    act: Act
    times: int


@dataclass
class Proxy:
    """A running proxy."""

    target: str
    address: str = ""
    calls: list[Call] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    def on(self, operation: str, act: Act, *, path: str = "", times: int = 1_000_000) -> None:
        """Have the next requests of an operation (and a part of the path) treated otherwise."""
        self.rules.append(Rule(lambda call: call.operation == operation and path in call.path, act, times))

    def on_nth(self, number: int, act: Act) -> None:
        """Have the n-th request from now on treated otherwise, whatever it is; from 1."""
        seen = len(self.calls)
        self.rules.append(Rule(lambda call: len(self.calls) - seen == number, act, 1))

    def operations(self, service: str = "") -> list[str]:
        return [call.operation for call in self.calls if service in call.service]


def cut(call: Call, pass_on: Callable[[], Answer]) -> Answer | None:
    """The request never arrives."""
    return None


def cut_after(call: Call, pass_on: Callable[[], Answer]) -> Answer | None:
    """The request arrives and is carried out; its answer is lost."""
    pass_on()
    return None


def kill(pid: Callable[[], int], *, after: bool) -> Act:
    """The process dies as the request is sent, or when AWS has carried it out."""

    def act(call: Call, pass_on: Callable[[], Answer]) -> Answer | None:
        if after:
            pass_on()
        os.kill(pid(), signal.SIGKILL)
        time.sleep(0.1)
        return None

    return act


def refuse(code: str, status: int = 403, message: str = "no") -> Act:
    """An error as AWS writes it for the service."""

    def act(call: Call, pass_on: Callable[[], Answer]) -> Answer:
        if call.service == "s3":
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            return Answer(status, {"content-type": "application/xml"}, body.encode())
        if call.service in ("iam", "sts"):
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            return Answer(status, {"content-type": "text/xml"}, f"<ErrorResponse>{error}</ErrorResponse>".encode())
        body = json.dumps({"__type": code, "message": message, "Message": message})
        return Answer(status, {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": code}, body.encode())

    return act


def changed(change: Callable[[Any], None]) -> Act:
    """The answer of the server, a JSON object, changed on its way."""

    def act(call: Call, pass_on: Callable[[], Answer]) -> Answer:
        answer = pass_on()
        value = json.loads(answer.body)
        change(value)
        return Answer(answer.status, answer.headers, json.dumps(value).encode())

    return act


def shortened(size: int) -> Act:
    """The connection is cut after so many bytes of the answer's body."""

    def act(call: Call, pass_on: Callable[[], Answer]) -> Answer:
        answer = pass_on()
        return Answer(answer.status, {**answer.headers, "x-whole": str(len(answer.body))}, answer.body[:size])

    return act


def spoiled(call: Call, pass_on: Callable[[], Answer]) -> Answer:
    """One bit of the answer's body is turned; what S3 says of its checksum is left out."""
    answer = pass_on()
    headers = {name: value for name, value in answer.headers.items() if "checksum" not in name.lower()}
    return Answer(answer.status, headers, bytes([answer.body[0] ^ 1]) + answer.body[1:])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        call = Call(*self._named(body), self.path, body, {name.lower(): value for name, value in self.headers.items()})
        self.proxy.calls.append(call)
        rule = next((rule for rule in self.proxy.rules if rule.times > 0 and rule.fits(call)), None)
        if rule is None:
            answer: Answer | None = self._pass_on(body)
        else:
            rule.times -= 1
            answer = rule.act(call, lambda: self._pass_on(body))
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any

    def _send(self, answer: Answer) -> None:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
        whole = headers.pop("x-whole", None)
        length = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(answer.body))
        self.send_response_only(answer.status)
        for name, value in {**headers, "Content-Length": whole or length}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        if whole:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, body: bytes) -> Answer:
        host = urllib.parse.urlsplit(self.proxy.target).netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in ("expect", "connection")
            }
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _named(self, body: bytes) -> tuple[str, str]:
        scope = re.search(r"Credential=[^/]*/\d+/[^/]*/([^/]+)/", self.headers.get("authorization", ""))
        service = scope[1] if scope else ""
        target = self.headers.get("x-amz-target", "")
        if target:
            return service, target.rpartition(".")[2]
        if service in ("iam", "sts"):
            return service, urllib.parse.parse_qs(body.decode())["Action"][0]
        return service, _rest(self.command, urllib.parse.urlsplit(self.path))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _rest(method: str, url: urllib.parse.SplitResult) -> str:
    """The operation of a call that is a method and a path."""
    parts = [part for part in url.path.split("/") if part]
    if parts[:1] == ["applications"]:
        names = {("POST", 1): "CreateApplication", ("GET", 1): "ListApplications", ("GET", 2): "GetApplication",
                 ("POST", 3): "StartJobRun", ("GET", 3): "ListJobRuns", ("GET", 4): "GetJobRun",
                 ("DELETE", 4): "CancelJobRun"}  # fmt: skip
        return names[method, len(parts)]
    if len(parts) <= 1:
        return {"HEAD": "HeadBucket", "GET": "ListObjectsV2", "POST": "DeleteObjects", "PUT": "CreateBucket"}[method]
    return {"HEAD": "HeadObject", "GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """A proxy in front of a server, until the block ends."""
    made = Proxy(target)
    handler = type("Handler", (_Handler,), {"proxy": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
