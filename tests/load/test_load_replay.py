"""Requests recorded by the proxy on a real connection, and replayed by the real child on a real service."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from perf_action.config.groups import Scenario
from perf_action.errors import LoadFailed
from perf_action.load.http1 import Malformed, chunk_size, parse_head
from perf_action.load.recorder import Recorder
from perf_action.load.recording import Recorded, Recording, in_rounds
from perf_action.load.replay import ReplaySession
from perf_action.load.session import Amount, LoadSession

pytestmark = pytest.mark.slow  # each has connections and children, and looks at the clock
SECRET = "s3cret-of-the-request"


class Answers:
    """A service whose every connection gets the next of these raw answers to each request."""

    def __init__(self, *answers: bytes, close: bool = False) -> None:
        self._answers, self._close = answers, close
        self.asked: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                with peer, contextlib.suppress(OSError):
                    self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        while data := peer.recv(1 << 16):
            self.asked.append(data)
            for piece in self._answers[len(self.asked) % len(self._answers) - 1].split(b"|"):
                peer.sendall(piece)
                time.sleep(0.005)
            if self._close:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def answers() -> Iterator[Callable[..., Answers]]:
    made: list[Answers] = []

    def make(*raw: bytes, **how: bool) -> Answers:
        made.append(Answers(*raw, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def recorder(bench) -> Iterator[Recorder]:
    made = Recorder(bench.where())
    yield made
    made.close()


@pytest.fixture
def replay(bench) -> Iterator[Callable[..., LoadSession]]:
    made: list[LoadSession] = []

    def open_one(
        recording: Recording, *, users: int = 2, port: int | None = None, **where: Any
    ) -> LoadSession:
        if port is not None:
            where |= {"url": f"http://127.0.0.1:{port}", "port": port}
        scenario = Scenario(script="x", users=users)
        made.append(ReplaySession(recording, scenario, bench.where(**where), bench.system))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def ask(recorder: Recorder, *asked: tuple[str, str, bytes | None], **headers: str) -> list[int]:
    """Requests on one connection, one after another."""
    connection = http.client.HTTPConnection("127.0.0.1", recorder.port, timeout=10)
    statuses = []
    for method, path, body in asked:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        assert response.read() == b"ok"
        statuses.append(response.status)
    connection.close()
    return statuses


def requests_of(*targets: str, status: int = 200, method: str = "GET", **other: Any) -> Recording:
    made = tuple(
        Recorded(
            **{
                "method": method,
                "target": t,
                "headers": (),
                "body": b"",
                "status": status,
                "connection": i,
                **other,
            }
        )
        for i, t in enumerate(targets)
    )
    return Recording(requests=made, recorded_at="127.0.0.1:1", seconds=1.0)


def test_what_was_recorded_comes_again_byte_for_byte(recorder, server, replay, slice_of):
    ask(
        recorder,
        ("GET", "/a?x=1&y=%20z", None),
        ("POST", "/b", b"\x00\xff{}"),
        ("PUT", "/c", b""),
        X_Key=SECRET,
    )
    recording = recorder.recording(1.0)
    recorder.close()
    first, headers = list(server.seen), [dict(h) for h in server.headers]
    result = slice_of(replay(recording, users=1), requests=3, seed=0)
    assert (result.requests, result.errors) == (3, 0)
    assert server.seen[3:] == first
    for was, now in zip(headers, server.headers[3:], strict=True):
        assert now.pop("host") == f"127.0.0.1:{server.port}"
        assert was.pop("host") == recorder.authority
        assert now == was
    assert result.answers == (("GET /a", "2xx", 1), ("POST /b", "2xx", 1), ("PUT /c", "2xx", 1))


def test_chunks_and_headers_of_the_connection_are_not_recorded(recorder, server, replay, slice_of):
    with socket.create_connection(("127.0.0.1", recorder.port)) as peer:
        peer.sendall(
            b"POST /up HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, X-Hop\r\n"
            b"X-Hop: 1\r\nX-End: 2\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert peer.recv(1000).startswith(b"HTTP/1.1 200")
    (one,) = recorder.recording(1.0).requests
    assert (one.body, one.headers, one.host) == (b"abcde", (("X-End", "2"),), "shop.example")
    slice_of(replay(recorder.recording(1.0)), requests=1)
    assert server.seen[1] == ("POST", "/up", b"abcde")
    assert server.headers[1] == {"host": "shop.example", "x-end": "2", "content-length": "5"}


def test_the_address_of_the_recorder_becomes_that_of_the_service(recorder, server, replay, slice_of):
    here = f"http://127.0.0.1:{recorder.port}"
    ask(recorder, ("POST", "/hook", f'{{"callback": "{here}/back"}}'.encode()), Origin=here)
    slice_of(replay(recorder.recording(1.0)), requests=1)
    assert server.seen[1][2] == f'{{"callback": "{server.url}/back"}}'.encode()
    assert server.headers[1]["origin"] == server.url
    assert int(server.headers[1]["content-length"]) == len(server.seen[1][2])


def test_a_request_that_waits_for_100_continue_is_recorded(recorder, server):
    with socket.create_connection(("127.0.0.1", recorder.port)) as peer:
        peer.sendall(b"PUT /f HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert peer.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b"hi")
        assert peer.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.seen == [("PUT", "/f", b"hi")]
    assert recorder.recording(1.0).requests[0].headers == ()


def test_an_upgrade_is_passed_on_but_is_no_recording(bench, answers):
    service = answers(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"echo"
    )
    recorder = Recorder(bench.where(url=f"http://127.0.0.1:{service.port}", port=service.port))
    with socket.create_connection(("127.0.0.1", recorder.port)) as peer:
        peer.sendall(b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert peer.recv(1000).startswith(b"HTTP/1.1 101")
        peer.sendall(b"frame")
        assert peer.recv(1000) == b"echo"
    with pytest.raises(LoadFailed, match="upgrades connections to 'websocket'"):
        recorder.recording(1.0)
    recorder.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_the_reason_for_no_recording(recorder, raw):
    with socket.create_connection(("127.0.0.1", recorder.port)) as peer:
        peer.sendall(raw)
        peer.settimeout(10)
        with contextlib.suppress(ConnectionError):
            while peer.recv(1000):
                pass
    with pytest.raises(LoadFailed, match="could not be read"):
        recorder.recording(1.0)


def test_https_is_not_recorded(bench):
    with pytest.raises(LoadFailed, match="only plain http"):
        Recorder(bench.where(url="https://127.0.0.1:1"))


def test_a_service_that_is_not_there_only_ends_the_connection(bench, system):
    port = system.free_port()
    recorder = Recorder(bench.where(url=f"http://127.0.0.1:{port}", port=port))
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(recorder, ("GET", "/", None))
    assert recorder.recording(1.0).requests == ()
    recorder.close()
    with pytest.raises(OSError):  # noqa: PT011 (refused)
        socket.create_connection(("127.0.0.1", recorder.port), timeout=1)


def test_nothing_that_was_recorded_shows(recorder, replay, tmp_path: Path, slice_of):
    ask(recorder, ("POST", f"/pay?token={SECRET}", SECRET.encode()), Authorization=f"Bearer {SECRET}")
    recording = recorder.recording(1.0)
    session = replay(recording)
    result = slice_of(session, requests=1)
    pid = session._child._process.pid
    assert SECRET not in f"{recording} {recording.requests} {result} {recorder._entries}"
    assert SECRET not in " ".join(psutil.Process(pid).cmdline())
    session.close()
    assert [f for f in tmp_path.rglob("*") if f.is_file() and SECRET.encode() in f.read_bytes()] == []


def test_counts_are_exact_and_the_same_seed_is_the_same_load(server, replay, slice_of):
    recording = requests_of(*(f"/{i}" for i in range(10)))
    mixes = []
    for users in (1, 2, 5):
        session = replay(recording, users=users)
        for number, seed in ((7, 1), (23, 4), (40, 5)):
            before = len(server.seen)
            assert slice_of(session, requests=number, seed=seed).requests == number
            assert server.under_way == 0
            mixes.append(server.mix(before))
    assert mixes[:3] == mixes[3:6] == mixes[6:]
    assert set(mixes[2].values()) == {4}  # whole rounds: every request as often as any other
    assert server.connections == 8  # kept over slices


def test_rounds_begin_where_the_seed_says_and_keep_the_order():
    for seed in range(30):
        picked = list(in_rounds(100, 250, seed))
        assert len(picked) == 250
        assert all((a + 1) % 83 == b for a, b in pairwise(picked))
        counts = Counter(picked)
        assert len(counts) == 83
        assert set(counts.values()) <= {3, 4}
    assert len({next(in_rounds(100, 250, seed)) for seed in range(30)}) > 25
    assert list(islice(in_rounds(3, None, 0), 5)) == [0, 1, 2, 0, 1]
    assert list(in_rounds(10, 4, 0)) == [0, 1, 2, 3]


def test_a_request_waits_for_the_answer_that_came_before_it(bench, server, replay, slice_of):
    # /slow and /after were made by one user, one after the other; /other by another user, meanwhile
    paths = [("/slow", 0), ("/other", 1), ("/after", 0)]
    made = tuple(
        Recorded(method="GET", target=t, headers=(), body=b"", status=200, connection=c) for t, c in paths
    )
    session = replay(Recording(requests=made, recorded_at="127.0.0.1:1", seconds=1.0), users=3)
    result = slice_of(session, requests=3)
    assert [path for _, path, _ in server.seen] == ["/slow", "/other", "/after"]
    assert result.end_ns - result.start_ns > 0.2e9
    assert result.latency_p95_ns > 0.19e9 > result.latency_p50_ns


def test_a_slice_of_seconds_ends_with_the_last_answer(server, replay, slice_of):
    result = slice_of(replay(requests_of("/a", "/b")), seconds=0.3)
    assert 0.29e9 < result.end_ns - result.start_ns < 1e9
    assert result.requests == len(server.seen) > 20
    assert server.under_way == 0


def test_an_answer_of_another_class_is_an_error_and_is_named(server, replay, slice_of):
    made = (*requests_of("/fail/1", "/fine").requests, *requests_of("/fail/2", status=503).requests)
    result = slice_of(replay(Recording(requests=made, recorded_at="x:1", seconds=1.0)), requests=30)
    assert (result.requests, result.errors) == (30, 10)
    assert result.notes == ("not as recorded: 10 × GET /fail/{id}: 5xx instead of 2xx",)
    assert sorted(result.answers) == [("GET /fail/{id}", "5xx", 20), ("GET /fine", "2xx", 10)]
    assert {(name, n, errors) for name, n, errors, *_ in result.routes} == {
        ("GET /fail/{id}", 20, 10),
        ("GET /fine", 10, 0),
    }


def test_when_nothing_is_answered_as_recorded_there_is_no_load(replay, system, slice_of):
    with pytest.raises(LoadFailed, match=r"none of 5 requests was answered as recorded: 5 × GET /fail: 5xx"):
        slice_of(replay(requests_of("/fail")), requests=5)
    with pytest.raises(LoadFailed, match=r"5 × GET /a: no answer instead of 2xx"):
        slice_of(replay(requests_of("/a"), port=system.free_port()), requests=5)


def test_a_hanging_service_is_an_error_in_time(replay, slice_of):
    with pytest.raises(LoadFailed, match=r"replay: the slice did not end within 0.5 s"):
        slice_of(replay(requests_of("/hang")), timeout=0.5, requests=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nCONTENT-|LENGTH:3\r\n|\r\na|bc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n|3;a=b\r\na|bc\r|\n1|0\r\n0123456789abcdef\r\n0\r\nT: 1\r\n\r|\n",
        b"HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
    ],
    ids=["length", "pieces", "chunks", "chunked pieces", "interim", "204", "304"],
)
def test_answers_of_every_framing_keep_the_connection(answers, replay, slice_of, raw):
    service = answers(raw)
    status = 304 if b"304" in raw else 200
    session = replay(requests_of("/a", status=status), users=1, port=service.port)
    for _ in range(3):
        result = slice_of(session, requests=2)
        assert (result.requests, result.errors) == (2, 0)
    assert (service.connections, len(service.asked)) == (1, 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raw", "close"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the |end", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", True),  # closes without saying so
    ],
    ids=["close", "1.0", "to the end", "silently"],
)
def test_a_service_that_closes_gets_a_new_connection(answers, replay, slice_of, raw, close):
    service = answers(raw, close=close)
    session = replay(requests_of("/a"), users=1, port=service.port)
    for _ in range(2):
        result = slice_of(session, requests=3)
        assert (result.requests, result.errors) == (3, 0)
    assert service.connections == len(service.asked) == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nlonger",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_an_error_of_that_request(answers, replay, slice_of, raw):
    service = answers(raw, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", close=True)
    result = slice_of(replay(requests_of("/a"), users=1, port=service.port), requests=6)
    assert (result.requests, result.errors) == (6, 3)
    assert set(result.answers) == {("GET /a", "no answer", 3), ("GET /a", "2xx", 3)}


def test_a_head_request_has_no_body_whatever_it_says(answers, replay, slice_of):
    service = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    result = slice_of(replay(requests_of("/a", method="HEAD"), port=service.port, users=1), requests=4)
    assert (result.errors, service.connections) == (0, 1)


def test_a_large_body_is_sent_whole(server, replay, slice_of):
    body = os.urandom(3_000_000)
    result = slice_of(replay(requests_of("/up", method="POST", body=body)), requests=3)
    assert result.errors == 0
    assert [len(seen[2]) for seen in server.seen] == [len(body)] * 3
    assert server.seen[0][2] == body


def test_what_the_client_costs_is_measured_and_little(replay, slice_of):
    session = replay(requests_of("/a", "/b", "/c"))
    slice_of(session, requests=200)
    result = slice_of(session, requests=1000)
    # some 20 µs on an idle machine; a general client takes ten times that
    assert 1_000 < result.cpu_ns / result.requests < 200_000


def test_the_client_never_outlives_its_parent(replay, slice_of):
    session = replay(requests_of("/a"))
    slice_of(session, requests=1)
    process = session._child._process
    session.begin(Amount(seconds=600))
    process.stdin.close()
    assert process.wait(10) is not None
    with pytest.raises(LoadFailed, match="replay ended in mid-slice"):
        session.finish(5)


def test_a_killed_client_is_an_error(replay, slice_of):
    session = replay(requests_of("/a"))
    slice_of(session, requests=1)
    session._child._process.signal(signal.SIGKILL)
    with pytest.raises(LoadFailed, match=r"replay ended"):
        slice_of(session, requests=1)


def test_the_client_can_be_pinned(replay, slice_of, system):
    core = system.cores()[-1]
    session = replay(requests_of("/a"), cores=(core,))
    slice_of(session, requests=1)
    assert psutil.Process(session._child._process.pid).cpu_affinity() == [core]


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/orders/123?key=abc", "/orders/{id}"),
        ("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/x", "/u/{id}/x"),
        ("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0", "/t/{id}"),
        ("/decade/facade", "/decade/facade"),
        ("/v1/users/me", "/v1/users/me"),
        ("/", "/"),
    ],
)
def test_a_route_is_a_path_without_what_names_one_thing(target, route):
    assert requests_of(target).routes() == (f"GET {route}",)


def test_many_routes_are_named_by_their_beginning():
    many = [f"/shop/{'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10]}" for i in range(100)]
    assert set(requests_of(*many).routes()) == {"GET /shop/…"}


def test_how_far_a_scenario_repeats_itself():
    assert requests_of(*["/a", "/b"] * 10).repeats() == 1.0
    assert requests_of(*map(str, range(20))).repeats() == 0.0
    assert requests_of("/a", "/b", "/a", "/c").repeats() == 0.5
    assert requests_of("/").repeats() == 0.0


@pytest.mark.parametrize(("there", "kept"), [(7, 7), (99, 50), (100, 100), (1999, 1000), (7000, 5000)])
def test_recordings_are_cut_to_round_numbers(there, kept):
    assert len(requests_of(*["/"] * there).whole_steps().requests) == kept


def test_heads_that_are_none():
    for raw in (b"GET / HTTP/1.1\r\n: x\r\n\r\n", b"GET / HTTP/1.1\r\n folded: x\r\n\r\n"):
        with pytest.raises(Malformed):
            parse_head(raw)
    for line in (b"", b"g\r\n", b"-1\r\n"):
        with pytest.raises(Malformed):
            chunk_size(line)
