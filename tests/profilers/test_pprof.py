"""pprof: a plan that asks the service, and a real one that answers."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure
from perf_action.model.profile import Profile
from perf_action.model.tree import costs
from perf_action.model.trial import Stage
from perf_action.profilers.plan import Target
from perf_action.profilers.pprof import AFTER, HEADERS_VARIABLE, TIMED, Pprof
from perf_action.system import System

HERE = Path(__file__).resolve().parent


def test_a_plan_asks_the_service_for_each_slice(target, stage, tmp_path, system):
    service = target("")
    plan = Pprof().plan(service, stage("pprof"), tmp_path, system)
    assert (plan.argv, plan.env, plan.recorder_env, plan.stop_profiler) == (service.argv, (), (), None)
    assert plan.attach is not None
    assert plan.attach[-8:] == (
        "http://127.0.0.1:{port}/debug/pprof",
        "{seconds}",
        *(f"{name}={tmp_path}/{name}.{{slice}}.pb.gz" for name in (*TIMED, *AFTER)),
    )
    assert plan.artifacts == tuple(f"{name}.*.pb.gz" for name in (*TIMED, *AFTER))
    assert Pprof.traits.timed


def test_headers_are_in_the_environment_of_the_recorder_only(target, stage, tmp_path, system):
    options = {"url": "http://10.0.0.1:{port}/p", "headers": (("Authorization", "Bearer $TOKEN"),)}
    plan = Pprof().plan(target(""), stage("pprof", **options), tmp_path, system)
    assert plan.attach is not None
    assert "http://10.0.0.1:{port}/p" in plan.attach
    assert not [word for word in plan.attach if "Bearer" in word]
    assert dict(plan.recorder_env) == {HEADERS_VARIABLE: json.dumps({"Authorization": "Bearer $TOKEN"})}
    with pytest.raises(CannotMeasure, match=r"stages.s.url: http://h: a user name or password in a URL"):
        Pprof().plan(target(""), stage("pprof", url="http://me:hush@h/p"), tmp_path, system)


def test_silence_repeats_what_the_service_answered(tmp_path):
    assert "does it import" in Pprof().silence(tmp_path)
    (tmp_path / "profiler-0.log").write_text(
        "recording\nGET http://x/profile: 404 Not Found: 404 page\nmore\n"
    )
    assert (
        Pprof().silence(tmp_path)
        == "the service gave no profile: GET http://x/profile: 404 Not Found: 404 page"
    )


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service of served.go, built."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(HERE / "served.go", folder / "main.go")
    (folder / "go.mod").write_text("module served\n\ngo 1.19\n")
    done = System().run(["go", "build", "-o", "served", "."], cwd=folder, timeout=280)
    assert done.code == 0, done.stderr
    return folder / "served"


@pytest.fixture(scope="session")
def recorded(program: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One slice of two seconds of a service with lock profiles (``on``) and of one without."""
    out: dict[str, Path] = {}
    for name, argv in (("on", ["locks"]), ("off", [])):
        folder = out[name] = tmp_path_factory.mktemp(name)
        served = System().start([str(program), *argv], pipes=True)
        try:
            assert served.stdout is not None
            port = served.stdout.readline().decode().strip()
            record(folder, port)
        finally:
            served.close()
    return out


def record(folder: Path, port: str) -> str:
    """What the executor does."""
    stage = Stage(name="s", profiler="pprof", load="l", placement="alone", min_launches=1, max_launches=1)
    plan = Pprof().plan(Target(argv=("x",), cwd=folder, env=()), stage, folder, System())
    words = {"{port}": port, "{seconds}": "2", "{slice}": "0"}
    argv = list(plan.attach or ())
    for old, new in words.items():
        argv = [word.replace(old, new) for word in argv]
    log = folder / "profiler-0.log"
    recorder = System().start(argv, log=log)
    try:
        started = time.monotonic()
        assert recorder.wait(30) is not None, log.read_text()
        assert time.monotonic() - started > 1.9
    finally:
        recorder.close()
    return log.read_text()


def profile_of(folder: Path, name: str) -> Profile:
    return formats.read(folder / f"{name}.0.pb.gz", System()).captures[0].profile


def self_of(profile: Profile, function: str, kind: str) -> int:
    column = profile.find_kind(kind)
    assert column is not None
    return sum(cost.self for key, cost in costs(profile, column).items() if key.name == function)


@pytest.mark.slow
def test_a_service_says_where_its_time_memory_and_locks_go(recorded):
    folder = recorded["on"]
    assert (folder / "profiler-0.log").read_text() == "recording\n"
    cpu = profile_of(folder, "profile")
    assert self_of(cpu, "main.price", "cpu") > 0.3 * cpu.total(cpu.find_kind("cpu"))
    allocs = profile_of(folder, "allocs")
    assert self_of(allocs, "main.keep", "allocated") > 0.5 * allocs.total(
        0
    )  # the rest are the profiles themselves
    assert allocs.find_kind("in_use") is None
    heap = profile_of(folder, "heap")
    assert self_of(heap, "main.keep", "in_use") > self_of(allocs, "main.keep", "allocated") > 1_000_000
    mutex = profile_of(folder, "mutex")
    assert costs(mutex, mutex.find_kind("lock_wait"))
    assert any(key.name == "main.contend" for key in costs(mutex))
    assert self_of(profile_of(folder, "block"), "sync.(*Mutex).Lock", "lock_wait") > 1_000_000_000
    assert profile_of(folder, "goroutine").total() >= 5


@pytest.mark.slow
def test_locks_that_the_service_does_not_record_are_explained(recorded):
    for name in ("mutex", "block"):
        profile = profile_of(recorded["off"], name)
        assert profile.total() == 0
        assert any("SetMutexProfileFraction" in note for note in profile.notes)
    assert profile_of(recorded["off"], "profile").total() > 0


@pytest.mark.slow
def test_a_service_without_pprof_says_so(target, tmp_path, system):
    script = """
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_error(404)
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()
"""
    service = target(script)
    process = system.start(service.argv, cwd=service.cwd, pipes=True)
    try:
        port = process.stdout.readline().decode().strip()
        recorder_log = tmp_path / "out"
        recorder_log.mkdir()
        with pytest.raises(AssertionError):  # it does not wait for what is not there
            record(recorder_log, port)
    finally:
        process.close()
    assert "404 Not Found: a web page; import _" in Pprof().silence(recorder_log)
