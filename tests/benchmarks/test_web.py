"""The benchmark of the page counts what went wrong, and says what was to be reached."""

from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest

from benchmarks.web import Cost, Target, asked_once, cost, targets


def test_a_connection_that_breaks_is_an_error_and_the_next_one_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            server.accept()[0].close()  # gone without a word
            raw = server.accept()[0]
            raw.recv(10_000)
            raw.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            raw.close()

        thread = threading.Thread(target=answer)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.getsockname()[1], timeout=10)
        assert asked_once(connection, b"{}", time.perf_counter())[1] is False
        seconds, good = asked_once(connection, b"{}", time.perf_counter())
        thread.join()
    assert good
    assert 0 < seconds < 10
    assert asked_once(connection, b"{}", time.perf_counter())[1] is False  # nobody listens any more


def test_errors_are_counted_but_their_time_is_not() -> None:
    found = cost("x", [0.003, 0.001, 0.002], errors=1, wall=2.0)
    assert found == Cost("x", 4, 1, 2.0, 3.0, 3.0, 1.5)
    with pytest.raises(SystemExit, match="none of 3"):
        cost("x", [], errors=3, wall=1.0)


@pytest.mark.parametrize(("measured", "reached"), [(4.0, True), (4.01, False), (None, None)])
def test_a_target_says_whether_it_was_reached(measured: float | None, reached: bool | None) -> None:
    assert Target("x", 4.0, measured).reached is reached


def test_every_target_stands_beside_its_figure() -> None:
    lines = [Cost(str(i), 10, i, 1.0 + i, 2.0 + i, 3.0 + i, 400.0 + i) for i in range(5)]
    memory = {"peak_memory_mb": 200}
    upload = {"log_mb": 130.0, "upload_and_score_s": 16.0, "after_upload": {"peak_memory_mb": 360}}
    found = targets({"start_to_ready_s": 1.5, "users": 22_000, "after_load": memory, **upload}, lines)
    assert [one.measured for one in found] == [1.0, 2.0, 0, 401.0, 1, 3.0, 1.5, 360, 4.0, 16.0]
    assert [one.reached for one in found] == [True, True, True, False, False, True, True, False, True, False]
    small = targets({"start_to_ready_s": 1.5, "users": 35, "after_load": memory, **upload, "log_mb": 2.6}, lines)
    assert [one.reached for one in small[-2:]] == [None, None]
