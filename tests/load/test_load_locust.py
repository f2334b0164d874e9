"""locust through its child process: exact amounts, the same mix again, still between slices, clear errors."""

from __future__ import annotations

import math
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from perf_action.errors import LoadFailed
from perf_action.load.locust import LocustSession
from perf_action.load.session import Amount

pytestmark = pytest.mark.slow  # each starts a child; test_load_gate holds the heart of it quickly

FAST = """
import random
from locust import FastHttpUser, task

class Reader(FastHttpUser):
    @task(3)
    def read(self):
        self.client.get(f"/read/{random.randrange(50)}", name="/read")

    @task
    def write(self):
        self.client.post("/write", data=random.randbytes(8))
"""
REQUESTS = FAST.replace("FastHttpUser", "HttpUser")


def only(failed: pytest.ExceptionInfo[LoadFailed]) -> str:
    """The message, which must be one line."""
    text = str(failed.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("script", [FAST, REQUESTS], ids=["FastHttpUser", "HttpUser"])
def test_a_slice_is_exactly_that_many_requests_and_the_users_rest_after_it(bench, server, slice_of, script):
    session = bench.locust(script, users=5)
    for i in range(3):
        before = len(server.seen)
        result = slice_of(session, requests=40 + i, seed=i)
        assert result.requests == 40 + i
        assert len(server.seen) - before == 40 + i
        assert server.under_way == 0
        assert result.errors == 0
    assert server.connections <= 5  # kept over all slices


def test_the_same_seed_gives_the_same_requests_whoever_makes_them(bench, server, slice_of):
    seen = []
    for users, seed in ((2, 7), (3, 7), (2, 8)):
        session = bench.locust(FAST, users=users)
        slice_of(session, requests=50, seed=1)  # warm up: leaves no trace in what follows
        before = len(server.seen)
        slice_of(session, requests=200, seed=seed)
        seen.append(server.mix(before))
        session.close()
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]
    writes = sum(n for (method, _, _), n in seen[0].items() if method == "POST")
    assert 20 <= writes <= 80  # a quarter of 200


def test_the_result_is_what_the_server_saw(bench, server, slice_of):
    session = bench.locust(FAST)
    clock = time.monotonic_ns()
    result = slice_of(session, requests=100, seed=3)
    assert clock < result.start_ns < result.end_ns < time.monotonic_ns()
    methods = Counter(method for method, _, _ in server.seen)
    assert [(name, n, errors) for name, n, errors, *_ in result.routes] == [
        ("GET /read", methods["GET"], 0),
        ("POST /write", methods["POST"], 0),
    ]
    assert 0 < result.latency_p50_ns <= result.latency_p95_ns <= result.latency_p99_ns
    assert result.latency_p50_ns != round(result.latency_p50_ns / 1e6) * 1e6  # not locust's whole ms
    assert all(0 < r.p50_ns <= r.p95_ns <= r.p99_ns <= result.end_ns - result.start_ns for r in result.routes)


def test_percentiles_are_order_statistics(bench, slice_of):
    # 19 fast ones and one of 0.2 s: p95 of 20 is the 19th, p99 the 20th
    session = bench.locust(
        """
from itertools import count
from locust import FastHttpUser, task
numbers = count()
class U(FastHttpUser):
    @task
    def go(self):
        self.client.get("/slow" if next(numbers) == 10 else "/quick")
""",
        users=1,
    )
    result = slice_of(session, requests=20)
    assert result.latency_p95_ns < 0.1e9
    assert result.latency_p99_ns >= 0.2e9


def test_a_slice_of_seconds_ends_with_the_last_request(bench, server, slice_of):
    session = bench.locust(FAST, users=2)
    slice_of(session, requests=2)
    result = slice_of(session, seconds=0.3)
    assert 0.25e9 < result.end_ns - result.start_ns < 1e9
    assert server.under_way == 0
    assert result.requests == len(server.seen) - 2


def test_a_long_request_is_waited_for_not_cut(bench, server, slice_of):
    session = bench.locust(FAST.replace("/read/", "/slow/"), users=2)
    result = slice_of(session, seconds=0.05)
    assert result.requests == len(server.seen)
    assert result.errors == 0
    assert result.end_ns - result.start_ns >= 0.2e9


def test_connections_that_the_service_closed_between_slices_are_opened_again(bench, server, slice_of):
    server.idle_timeout = 0.2
    for script in (FAST, REQUESTS):
        session = bench.locust(script)
        slice_of(session, requests=20)
        time.sleep(0.6)
        assert slice_of(session, requests=20).errors == 0


def test_wait_time_is_honoured_and_nobody_wakes_up_between_slices(bench, server, slice_of):
    waits = FAST.replace("    @task(3)", "    wait_time = lambda self: 0.1\n\n    @task(3)")
    session = bench.locust(waits, users=2)
    result = slice_of(session, requests=8)
    assert result.requests == 8
    assert result.end_ns - result.start_ns >= 0.3e9  # 4 rounds of 2 users
    seen = len(server.seen)
    time.sleep(0.4)
    assert len(server.seen) == seen
    assert slice_of(session, requests=5).requests == 5


def test_on_start_runs_once_and_on_stop_at_the_end(bench, server, slice_of):
    session = bench.locust(
        FAST
        + """
    def on_start(self):
        self.client.post("/login")

    def on_stop(self):
        self.client.post("/logout")
""",
        users=2,
    )
    slice_of(session, requests=20)
    slice_of(session, requests=20)
    session.close()
    paths = Counter(path for _, path, _ in server.seen)
    assert (paths["/login"], paths["/logout"]) == (2, 2)


def test_tags_and_user_classes_and_arguments_of_the_script_work(bench, server, slice_of):
    session = bench.locust(
        """
from locust import FastHttpUser, events, tag, task

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--flavour", default="none")

class A(FastHttpUser):
    @tag("yes")
    @task
    def yes(self):
        self.client.get("/yes/" + self.environment.parsed_options.flavour)

    @tag("no")
    @task(50)
    def no(self):
        self.client.get("/no")

class B(A):
    @task(50)
    def other(self):
        self.client.get("/b")
""",
        args=["A", "--flavour", "port-{port}", "--tags", "yes"],
    )
    assert slice_of(session, requests=10).requests == 10
    assert set(server.seen) == {("GET", f"/yes/port-{server.port}", b"")}


def test_a_load_shape_is_ignored_with_a_note(bench, slice_of):
    session = bench.locust(
        FAST
        + """
from locust import LoadTestShape
class Waves(LoadTestShape):
    def tick(self):
        return None
"""
    )
    result = slice_of(session, requests=10)
    assert result.requests == 10
    assert "Waves" in result.notes[0]


def test_what_the_script_prints_and_reads_does_not_disturb(bench, slice_of):
    session = bench.locust(
        FAST
        + """
    def on_start(self):
        print('{"result": "mine"}', flush=True)
        import os, sys
        os.write(1, b"raw\\n")
        assert sys.stdin.read() == ""
"""
    )
    assert slice_of(session, requests=10).requests == 10
    session.close()
    assert '{"result": "mine"}\nraw' in (bench.folder / "out/locust.log").read_text()


def test_modules_beside_the_script_and_on_pythonpath_are_found_but_hide_nothing(bench, server, slice_of):
    (bench.folder / "lib").mkdir()
    (bench.folder / "lib/paths_of_mine.py").write_text("PATH = '/mine'")
    (bench.folder / "lib/json.py").write_text("raise SystemExit('the wrong json')")
    (bench.folder / "sibling.py").write_text("from paths_of_mine import PATH")
    bench.env = {"PYTHONPATH": "lib"}
    session = bench.locust(
        "from sibling import PATH\nfrom locust import FastHttpUser, task\n"
        "class U(FastHttpUser):\n    @task\n    def go(self): self.client.get(PATH)\n"
    )
    slice_of(session, requests=3)
    assert server.mix() == {("GET", "/mine", b""): 3}


def test_failed_requests_are_counted_and_named(bench, slice_of):
    session = bench.locust(
        """
from itertools import count
from locust import FastHttpUser, task
numbers = count()
class U(FastHttpUser):
    @task
    def go(self):
        self.client.get("/fail" if next(numbers) % 10 == 3 else "/fine")
"""
    )
    result = slice_of(session, requests=100)
    assert (result.requests, result.errors) == (100, 10)
    assert ("GET /fail", 10, 10) in [route[:3] for route in result.routes]
    assert any(note.startswith("failed: 10 × GET /fail") for note in result.notes)


def test_tasks_that_raise_after_a_request_are_errors(bench, slice_of):
    session = bench.locust(
        "from locust import FastHttpUser, task\n"
        "class U(FastHttpUser):\n"
        "    n = 0\n"
        "    @task\n"
        "    def go(self):\n"
        "        self.client.get('/')\n"
        "        self.n += 1\n"
        "        if self.n % 5 == 0: raise KeyError('missing')\n",
        users=1,
    )
    result = slice_of(session, requests=21)
    assert (result.requests, result.errors) == (21, 4)
    assert "KeyError: 'missing'" in result.notes[0]


def test_users_that_leave_are_replaced_in_the_next_slice(bench, slice_of):
    session = bench.locust(
        "from locust import FastHttpUser, task\n"
        "from locust.exception import StopUser\n"
        "class U(FastHttpUser):\n"
        "    @task\n"
        "    def go(self):\n"
        "        self.client.get('/')\n"
        "        raise StopUser\n",
        users=3,
    )
    assert slice_of(session, requests=10).requests == 3
    assert slice_of(session, requests=2).requests == 2


def test_the_child_can_be_pinned_between_slices(bench, slice_of):
    session = bench.locust(FAST, where=bench.where(cores=(0,)))
    assert isinstance(session, LocustSession)
    slice_of(session, requests=10)
    pid = session._child._process.pid
    assert os.sched_getaffinity(pid) == {0}
    last = max(os.sched_getaffinity(0))
    session.pin([last])
    assert {frozenset(os.sched_getaffinity(int(t.name))) for t in Path(f"/proc/{pid}/task").iterdir()} == {
        frozenset({last})
    }
    assert slice_of(session, requests=10).requests == 10


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import no_such_module\n", r"locustfile.py:1: ModuleNotFoundError: .*no_such_module.*pip install"),
        ("def broken(:\n", r"locustfile.py:1: SyntaxError"),
        ("x = 1\n\nraise RuntimeError('at import')\n", r"locustfile.py:3: RuntimeError: at import"),
        ("import sys\nsys.exit(3)\n", r"locustfile.py:2: SystemExit: 3"),
        ("x = 1\n", r"locustfile.py: no User class in it"),
        (
            FAST + "    def on_start(self):\n        raise ValueError('no login')\n",
            r"no user is left.*no login",
        ),
        (
            re.sub(r"self.client\..*", "1 / 0", FAST),
            r"tasks raise without making a request: ZeroDivisionError",
        ),
        (re.sub(r"self.client\..*", "pass", FAST), r"the slice did not end within 2 s"),
        (FAST.replace("/write", "/hang").replace("/read/", "/hang"), r"the slice did not end within 2 s"),
        (
            FAST + "    def on_start(self):\n        import os\n        os._exit(4)\n",
            r"mid-slice with exit code 4",
        ),
        (FAST.replace("@task(3)", "@task(0)").replace("@task\n", "@task(0)\n"), r"No tasks defined"),
        (FAST.replace("/write", "/fail").replace("/read/", "/fail/"), r"all 10 requests failed: \d+ × .*500"),
    ],
    ids=[
        "module",
        "syntax",
        "import",
        "exit",
        "empty",
        "on_start",
        "tasks",
        "idle",
        "hang",
        "dies",
        "none",
        "500",
    ],
)
def test_a_script_that_makes_no_load_is_an_error(bench, slice_of, script, said):
    session = bench.locust(script)
    with pytest.raises(LoadFailed, match=said) as failed:
        slice_of(session, timeout=2 if "2 s" in said else 20, requests=10)
    only(failed)


def test_no_request_in_a_timed_slice_is_an_error(bench, slice_of):
    session = bench.locust(re.sub(r"self.client\..*", "pass", FAST))
    with pytest.raises(LoadFailed, match="no request was made"):
        slice_of(session, seconds=0.2)


def test_a_refused_connection_is_an_error(bench, system, slice_of):
    port = system.free_port()
    session = bench.locust(FAST, where=bench.where(url=f"http://127.0.0.1:{port}", port=port))
    with pytest.raises(LoadFailed, match=r"all 10 requests failed.*refused"):
        slice_of(session, requests=10)


def test_a_missing_script_and_unknown_arguments_are_errors(bench, slice_of):
    with pytest.raises(LoadFailed, match=r"nowhere.py: no such locustfile"):
        bench.open("locust", script="nowhere.py")
    session = bench.locust(FAST, args=["--no-such-argument"])
    with pytest.raises(LoadFailed, match="does not accept args: --no-such-argument"):
        slice_of(session, requests=1)
    session = bench.locust(FAST, args=["Writer"])
    with pytest.raises(LoadFailed, match="no User class Writer"):
        slice_of(session, requests=1)


def test_secrets_are_in_no_error_and_no_log(bench, slice_of):
    bench.env = {"OUTER": "from-outside-4711", "SOME_TOKEN": "hidden-0815"}
    session = bench.locust(
        FAST
        + """
    def on_start(self):
        import os
        for name in ("API_KEY", "PLAIN", "SOME_TOKEN"):
            print("got", os.environ[name], flush=True)
        raise ValueError("with " + os.environ["API_KEY"])
""",
        env={"API_KEY": "$OUTER", "PLAIN": "value-of-env"},
    )
    with pytest.raises(LoadFailed) as failed:
        slice_of(session, requests=1)
    session.close()
    log = (bench.folder / "out/locust.log").read_text()
    assert "got ***" in log
    assert "***" in only(failed)
    for text in (only(failed), log):
        assert not re.search("from-outside-4711|hidden-0815|value-of-env", text)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("how", ["close", "terminate", "parent"])
def test_the_child_never_outlives_its_session(bench, slice_of, how):
    session = bench.locust(FAST.replace("/read/", "/slow/"))
    assert isinstance(session, LocustSession)
    slice_of(session, requests=2)
    process = session._child._process
    session.begin(Amount(requests=10_000))
    if how == "close":
        session.close()
    elif how == "terminate":
        process.signal(signal.SIGTERM)
    else:
        process.stdin.close()
    assert process.wait(8) is not None
    assert not alive(process.pid)


def test_nothing_is_written_but_the_log(bench, slice_of):
    session = bench.locust(FAST)
    slice_of(session, requests=10)
    session.close()
    left = {p.relative_to(bench.folder).as_posix() for p in bench.folder.rglob("*") if p.is_file()}
    assert {p for p in left if "__pycache__" not in p} <= {"locustfile.py", "out/locust.log"}


def test_many_users_share_few_requests(bench, slice_of):
    session = bench.locust(FAST, users=50)
    assert slice_of(session, requests=7).requests == 7
    assert slice_of(session, requests=120).requests == 120
    assert math.isfinite(slice_of(session, requests=1).latency_p99_ns)


def test_a_repository_path_with_spaces_and_umlauts(bench, slice_of):
    folder: Path = bench.folder / "a b ü'"
    folder.mkdir()
    (folder / "locustfile.py").write_text(FAST)
    session = bench.open(
        "locust", script="locustfile.py", where=bench.where(directory=folder, out=folder / "o u t")
    )
    assert slice_of(session, requests=5).requests == 5
