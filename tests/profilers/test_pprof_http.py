"""The HTTP client of /debug/pprof: what servers answer that is no profile, and what must not leak."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from perf_action.errors import UsageError
from perf_action.profilers.pprof import HEADERS_VARIABLE, Server
from perf_action.profilers.pprof_http import Refused, fetch, fetch_all, headers_of, record

PROFILE = gzip.compress(b"not looked at here")


@pytest.fixture
def server(httpserver: HTTPServer) -> Server:
    return Server(base=httpserver.url_for("/debug/pprof"))


def test_a_profile_is_fetched_with_its_query(httpserver: HTTPServer, server: Server) -> None:
    httpserver.expect_ordered_request("/debug/pprof/heap", query_string="gc=1").respond_with_data(PROFILE)
    httpserver.expect_ordered_request("/debug/pprof/profile", query_string="seconds=7").respond_with_data(
        PROFILE
    )
    assert fetch(server, "heap") == PROFILE
    assert fetch(server, "profile", seconds=7) == PROFILE


def test_headers_go_along_and_a_slash_does_no_harm(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/p/goroutine", headers={"Authorization": "Bearer hush"}).respond_with_data(
        PROFILE
    )
    server = Server(base=httpserver.url_for("/p/"), headers={"Authorization": "Bearer hush"})
    assert fetch(server, "goroutine") == PROFILE
    assert "hush" not in repr(server)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response("404 page not found\n", 404), '404 NOT FOUND: 404 page not found; import _ "net/http/pprof"'),
        (Response("<html>no</html>", 404), "404 NOT FOUND: a web page"),
        (Response("<!DOCTYPE html><title>app</title>"), "answered with a web page, no profile; give the URL"),
        (Response("  <html>", 200), "answered with a web page"),
        (Response("Could not enable CPU profiling: cpu profiling already in use", 500), "already in use"),
        (Response("profile duration exceeds server's WriteTimeout", 400), "WriteTimeout; make the slices shorter"),
        (Response("", 401), "401 UNAUTHORIZED: no text; give the headers that it wants"),
        (Response("", 501), "501 NOT IMPLEMENTED: no text"),
        (Response("", 302, {"Location": "https://login.example/"}), "302, leads to https://login.example/; give the URL"),
        (Response(""), "the answer is empty"),
        (Response("\x1b[31m evil \n line", 503), "503 SERVICE UNAVAILABLE: \\\\x1b\\[31m evil \\\\x0a line"),
    ],
)  # fmt: skip
def test_what_is_no_profile_is_said(
    httpserver: HTTPServer, server: Server, answer: Response, words: str
) -> None:
    httpserver.expect_request("/debug/pprof/heap").respond_with_response(answer)
    with pytest.raises(Refused, match=words):
        fetch(server, "heap")


def test_redirects_do_not_get_the_headers(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a/heap").respond_with_data(
        "", 307, {"Location": httpserver.url_for("/b/heap")}
    )
    with pytest.raises(Refused, match="307, leads to"):
        fetch(Server(base=httpserver.url_for("/a"), headers={"X-Key": "hush"}), "heap")
    assert [r.path for r, _ in httpserver.log] == ["/a/heap"]


def test_nobody_there() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with pytest.raises(Refused, match=f"GET http://127.0.0.1:{port}/x/heap.gc=1: nobody answers there"):
        fetch(Server(base=f"http://127.0.0.1:{port}/x"), "heap")


def test_an_answer_that_breaks_off(tmp_path: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()

        def answer() -> None:
            connection, _ = s.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Refused, match=r"the connection was lost|IncompleteRead"):
            fetch(Server(base=f"http://127.0.0.1:{s.getsockname()[1]}"), "heap")
        thread.join()


def test_a_secret_that_is_no_header_is_not_printed() -> None:
    for secret in ("hush\nhush", " hush", "hüsh☃"):
        server = Server(base="http://127.0.0.1:1", headers={"Authorization": secret})
        with pytest.raises(Refused, match="a header has a character that none may have") as error:
            fetch(server, "heap")
        assert "sh" not in str(error.value).removeprefix("GET http://127.0.0.1:1/heap?gc=1")


def test_a_server_that_knows_no_seconds_is_named(httpserver: HTTPServer, server: Server) -> None:
    httpserver.expect_request("/debug/pprof/mutex").respond_with_data(PROFILE)
    with pytest.raises(Refused, match=r"answered at once, without waiting; Go before 1\.15"):
        fetch(server, "mutex", seconds=5)


def test_too_large_an_answer(httpserver: HTTPServer, server: Server) -> None:
    httpserver.expect_request("/debug/pprof/heap").respond_with_data(b"x" * 2000)
    with pytest.raises(Refused, match="larger than a profile can be"):
        fetch(server, "heap", limit=1000)


@pytest.mark.parametrize("base", ["127.0.0.1:6060", "file:///etc/passwd", "http://", "http:///x"])
def test_what_is_no_url_is_refused(base: str) -> None:
    with pytest.raises(UsageError, match="not an http URL"):
        Server(base=base)


def test_a_password_in_a_url_is_refused() -> None:
    with pytest.raises(UsageError, match="give headers") as error:
        Server(base="http://me:hush@127.0.0.1/debug/pprof")
    assert "hush" not in str(error.value)


def test_all_are_fetched_at_once_and_none_harms_another() -> None:
    together = threading.Barrier(3, timeout=20)  # broken unless all three are being answered at the same time

    def answer(_: Request) -> Response:
        together.wait()
        time.sleep(0.6)
        return Response(PROFILE)

    with HTTPServer(threaded=True) as httpserver:
        for name in ("profile", "allocs", "block"):
            request = httpserver.expect_request(f"/debug/pprof/{name}", query_string="seconds=1")
            request.respond_with_handler(answer)
        httpserver.expect_request("/debug/pprof/heap", query_string="gc=1").respond_with_data(PROFILE)
        server = Server(base=httpserver.url_for("/debug/pprof"))
        outcomes = fetch_all(server, ["heap", "profile", "allocs", "mutex", "block"], 1)
    assert [(o.name, bool(o.data)) for o in outcomes] == [
        ("heap", True),
        ("profile", True),
        ("allocs", True),
        ("mutex", False),
        ("block", True),
    ]
    assert "No handler found" in outcomes[3].problem
    with pytest.raises(UsageError, match="there is no profile 'trace'; there is profile, allocs"):
        fetch_all(server, ["trace"], 1)


def test_headers_come_from_the_environment() -> None:
    environ = {
        HEADERS_VARIABLE: json.dumps({"Authorization": "Bearer ${TOKEN}", "X": "$A$$b"}),
        "TOKEN": "hush",
        "A": "1",
    }
    assert headers_of(environ) == {"Authorization": "Bearer hush", "X": "1$b"}
    assert headers_of({}) == {}
    with pytest.raises(UsageError, match="the environment variable TOKEN, which a header needs, is not set"):
        headers_of({HEADERS_VARIABLE: '{"A": "$TOKEN"}'})


def test_the_recorder_writes_what_it_gets(
    httpserver: HTTPServer, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/debug/pprof/heap").respond_with_data(PROFILE)
    wanted = [f"{name}={tmp_path / name}" for name in ("heap", "goroutine")]
    assert record([server.base, "1", *wanted], {}) == 0
    assert (tmp_path / "heap").read_bytes() == PROFILE
    assert not (tmp_path / "goroutine").exists()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "recording"
    assert said[1].startswith(f"GET {server.base}/goroutine: 500")
    assert record([server.base, "1", wanted[1]], {}) == 1
