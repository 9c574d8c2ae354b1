"""Waitress behind `churn serve`: limits before a body is read, and an end that loses no request."""

from __future__ import annotations

import copy
import errno
import logging
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from werkzeug.http import parse_cookie

from churn.errors import SettingsError
from churn.web.app import close_app, create_app
from churn.web.incoming import FORM, largest_body
from churn.web.refusals import refusal_class
from churn.web.security import cookie_name, is_login, same
from churn.web.settings import MB, WebSettings
from churn.web.state import State

logger = logging.getLogger("churn.web")

THREADS: Final = 4
CONNECTIONS: Final = 100
"""At once; each may hold a body of 1 MB in memory, and more of it on the disk."""

LAST_REQUESTS: Final = 20.0
"""Seconds that requests in flight get at the end."""

_TURN: Final = 1.0
"""Seconds between two looks whether to stop; a signal wakes the loop at once."""

_SHORT: Final = 0.05
"""Seconds between two looks whether the last requests are answered."""


def run_server(source: Path, settings: WebSettings, port: int, ready: Callable[[str], None]) -> None:
    """Serve a folder until SIGTERM or SIGINT, then answer what has been asked already, and tidy up.

    Args:
        source: the folder of a run, or of a bundle.
        settings: how it is run.
        port: of TCP; 0 for any free one.
        ready: is told the address, once requests are answered.

    Raises:
        SettingsError: if the address cannot be listened at.
        UserError: see `create_app`.
    """
    app = create_app(source, settings)
    try:
        with _stoppable() as stop:
            server = _listen(app, settings, port)
            stop.wake = server.pull_trigger
            # Waitress keeps long bodies in files without a name: on the same disk as the uploads, gone with us.
            tempfile.tempdir = str(app.extensions["churn"].jobs.folder.path)
            ready(f"http://{_shown(settings.host)}:{server.effective_port}/")
            while not stop.asked:
                wasyncore.loop(timeout=_TURN, use_poll=True, map=server._map, count=1)
                server.cut()
            _finish(server)
    finally:
        tempfile.tempdir = None
        close_app(app)


class _Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False
        self.wake: Callable[[], None] = lambda: None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.wake()


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(TcpWSGIServer):  # type: ignore[misc]
    """Waitress, but a client that takes nothing of its answer does not hold a thread for ever."""

    stalled = 0.0
    to_cut: tuple[HTTPChannel, ...] = ()

    def maintenance(self, now: float) -> None:
        """See Waitress; a connection that waits to send cannot end itself, since only what can be sent wakes it."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if not channel.total_outbufs_len:
                channel.stuck = None
            elif channel.stuck is None or channel.stuck[0] != channel.last_activity:
                channel.stuck = (channel.last_activity, now)
            elif now - channel.stuck[1] >= self.stalled:
                self.to_cut += (channel,)

    def cut(self) -> None:
        """Close them between two turns of the loop.

        Within one, whoever is accepted next would get the number of the closed socket, and its last event.
        """
        for channel in self.to_cut:
            logger.warning("client takes no answer")
            channel.handle_close()
        self.to_cut = ()


def _listen(app: Flask, settings: WebSettings, port: int) -> _Server:
    held: State = app.extensions["churn"]
    bound = _bound(settings.host, port)
    adjustments = Adjustments(
        sockets=[bound],
        threads=THREADS,
        ident="churn",
        recv_bytes=256 * 1024,
        inbuf_overflow=1 * MB,
        connection_limit=CONNECTIONS,
        max_request_body_size=largest_body(settings, "/score"),
        clear_untrusted_proxy_headers=True,
        cleanup_interval=max(1, min(30, int(settings.stalled / 4))),
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(THREADS)
    address = (bound.family, bound.type, bound.proto, bound.getsockname())
    server = _Server(app, {}, True, bound, dispatcher, adjustments, address, bind_socket=False)
    server.stalled = settings.stalled
    own = {"parser_class": _parser_class(adjustments, held), "error_task_class": refusal_class(held), "stuck": None}
    server.channel_class = type("Channel", (HTTPChannel,), own)
    held.port = int(server.effective_port)
    return server


def _bound(host: str, port: int) -> socket.socket:
    """A socket at an address; before Waitress starts anything that would have to be ended again.

    Raises:
        SettingsError: if there is no such address here, or the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is taken" if taken else f"cannot be listened at ({error.strerror or error})"
        remedy = "choose another --port, or 0 for a free one" if taken else "choose another --host or --port"
        raise SettingsError(f"{host}:{port} {reason}", remedy) from error


def _parser_class(adjustments: Adjustments, held: State) -> type[HTTPRequestParser]:
    """Reads requests, and refuses a body that is too long for its route before it is sent.

    Without it, Waitress would keep on its disk whatever anybody sends, and ask us only afterwards.
    """

    def limited(limit: int) -> Adjustments:
        made = copy.copy(adjustments)
        made.max_request_body_size = limit + 1  # Waitress refuses what is as long as this
        return made

    by_limit: dict[int, Adjustments] = {}

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            limit = largest_body(held.settings, self.path) if _known(self.headers, held) else FORM
            if limit not in by_limit:
                by_limit[limit] = limited(limit)
            self.adj = by_limit[limit]

    return Parser


def _known(headers: dict[str, str], held: State) -> bool:
    """Whether these headers carry the token, or its cookie."""
    token = held.settings.token
    if token is None:
        return True
    kind, _, given = headers.get("AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer" and same(given.strip(), token):
        return True
    return is_login(held, parse_cookie(headers.get("COOKIE", "")).get(cookie_name(held), ""))


def _finish(server: TcpWSGIServer) -> None:
    """Take no new connection; answer what is under way, however it came; then end."""
    logger.info("stopping")
    server.del_channel()
    server.socket.close()
    deadline = time.monotonic() + LAST_REQUESTS
    while time.monotonic() < deadline:
        channels: list[Any] = list(server.active_channels.values())
        for channel in channels:
            if not channel.requests and channel.request is None and not channel.total_outbufs_len:
                channel.handle_close()
        if not server.active_channels:
            break
        wasyncore.loop(timeout=_SHORT, use_poll=True, map=server._map, count=1)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(server._map)
    logger.info("stopped")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
