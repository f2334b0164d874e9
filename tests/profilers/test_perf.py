"""perf on real programs: what it attaches to, which event it takes, and what it cannot do."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.machine.tree import Tree
from perf_action.model.profile import Profile
from perf_action.model.tree import costs
from perf_action.profilers import Plan, Target
from perf_action.profilers.allowed import PerfEvents, perf_events
from perf_action.profilers.perf import Perf, program, recording, sampled_event
from perf_action.system import Process, System

pytestmark = pytest.mark.slow  # perf has to be there
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shop") / "shop"
    argv = [
        "gcc",
        "-g",
        "-O1",
        "-fno-omit-frame-pointer",
        "-pthread",
        "-o",
        str(out),
        str(HERE / "shop_threads.c"),
    ]
    assert System().run(argv).code == 0
    return out


@pytest.fixture
def service(shop: Path, tmp_path: Path, system: System) -> Target:
    return Target(argv=(str(shop),), cwd=tmp_path, env=tuple(system.environ.items()))


@contextlib.contextmanager
def running(plan: Plan, target: Target, log: Path) -> Iterator[Process]:
    process = System().start(plan.argv, cwd=target.cwd, env={**dict(target.env), **dict(plan.env)}, log=log)
    try:
        deadline = time.monotonic() + 30
        while "up\n" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield process
    finally:
        process.close()


@contextlib.contextmanager
def recording_of(plan: Plan, process: Process, out: Path, index: int = 0) -> Iterator[Process]:
    """The recorder of a slice, once it records."""
    pids = [str(pid) for pid in Tree(process.pid, "", plan.own_processes).service_pids()]
    words = {"{tree}": ",".join(pids), "{pid}": str(process.pid)}
    argv = [words.get(word, word.replace("{slice}", str(index))) for word in plan.attach]
    log = out / f"profiler-{index}.log"
    recorder = System().start(argv, log=log)
    try:
        deadline = time.monotonic() + 20
        while not re.search(plan.attached, log.read_text()):
            assert time.monotonic() < deadline, log.read_text()
            assert recorder.poll() is None, log.read_text()
            time.sleep(0.01)
        yield recorder
    finally:
        recorder.close()


def record(plan: Plan, process: Process, out: Path, seconds: float, index: int = 0) -> None:
    """What the executor does in a slice."""
    with recording_of(plan, process, out, index) as recorder:
        time.sleep(seconds)
        recorder.signal(plan.stop_profiler)
        assert recorder.wait(60) is not None


def profile_of(out: Path, plan: Plan) -> Profile:
    (file,) = sorted(out.glob(plan.artifacts[0]))
    return formats.read(file, System()).captures[0].profile


def shares(profile: Profile) -> dict[str, float]:
    return {key.name: cost.self / profile.total() for key, cost in costs(profile).items()}


def allowing(**what: object) -> Callable[[int], PerfEvents]:
    return lambda _: PerfEvents(**what)


def test_a_plan_attaches_to_the_whole_tree_in_each_slice(service, stage, tmp_path, system):
    plan = Perf(allowing(event="cpu-clock", kernel=True, cycles_error="none here")).plan(
        service, stage("perf", rate_hz=250.0), tmp_path, system
    )
    assert plan.attach == (
        program(system), "record", "--delay", "1", "--no-buildid-cache", "--freq", "250", "--event", "cpu-clock",
        "--call-graph", "fp", "--pid", "{tree}", "--output", str(tmp_path / "perf.{slice}.data"),
    )  # fmt: skip
    assert plan.argv == service.argv
    assert plan.notes == ("perf: sampled by cpu-clock, a timer: no hardware cycles here (none here)",)
    assert plan.stop_profiler == signal.SIGINT
    one = Perf(allowing(event="cpu-clock")).plan(service, stage("perf", subprocesses=False), tmp_path, system)
    assert one.attach[one.attach.index("--pid") + 1] == "{pid}"
    assert one.attach[one.attach.index("--freq") + 1] == "99"
    assert one.attach[one.attach.index("--event") + 1] == "cpu-clock:u"
    assert "perf: the kernel's own time is not seen (kernel.perf_event_paranoid)" in one.notes


def pretending(folder: Path, said: str) -> str:
    """A perf whose `stat` prints `said`: virtual machines differ in what they count."""
    path = folder / "perf"
    path.write_text(f"#!/bin/sh\ncat >&2 <<'X'\n{said}\nX\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("said", "event"),
    [
        ("123456,,cycles:u,1000,100.00,,", "cycles"),
        ("0,,cycles:u,1000,100.00,,", "cpu-clock"),
        ("<not counted>,,cycles:u,0,0.00,,", "cpu-clock"),
        ("<not supported>,,cycles:u,0,100.00,,", "cpu-clock"),
        ("", "cpu-clock"),
    ],
)
def test_a_counter_that_does_not_count_is_not_taken(said, event, tmp_path, system):
    found, notes = sampled_event(pretending(tmp_path, said), PerfEvents(event="cycles", kernel=True), system)
    assert found == event
    assert bool(notes) is (event != "cycles")


def test_what_this_machine_counts_is_recorded(system):
    event, _ = sampled_event(program(system), perf_events(), system)
    assert event.split(":")[0] in ("cycles", "cpu-clock")


def test_where_perf_is_forbidden_the_remedy_is_named(service, stage, tmp_path, system):
    with pytest.raises(
        CannotMeasure,
        match=r"\(Permission denied\); allow it with `sudo sysctl kernel.perf_event_paranoid=1`",
    ):
        Perf(allowing(error="Permission denied")).plan(service, stage("perf"), tmp_path, system)


def test_branch_records_need_the_counter(system):
    with pytest.raises(CannotMeasure, match="lbr needs the processor's cycles counter"):
        recording("cpu-clock", 99.0, "lbr")
    assert recording("cycles:u", 99.0, "lbr")[-1] == "lbr"


def test_without_perf_the_package_is_named(service, stage, tmp_path):
    nothing = System({"PATH": str(tmp_path)})
    with pytest.raises(ToolMissing, match="perf is not installed; perf-action setup perf"):
        Perf().plan(service, stage("perf"), tmp_path, nothing)
    with pytest.raises(ToolMissing):
        Perf().version(nothing)


def test_the_version(system):
    assert re.match(r"\d+\.\d+", Perf().version(system))


def test_python_names_its_functions_if_native_is_asked_for(target, stage, tmp_path, system):
    python = target("print('up')", sys.executable, "app.py")
    assert Perf().plan(python, stage("perf", native=True), tmp_path, system).env == (
        ("PYTHONPERFSUPPORT", "1"),
    )
    assert Perf().plan(python, stage("perf"), tmp_path, system).env == ()


@pytest.mark.parametrize("call_graph", ["fp", "dwarf"])
def test_threads_and_forked_workers_are_sampled(service, stage, tmp_path, system, call_graph):
    plan = Perf().plan(service, stage("perf", rate_hz=250.0, call_graph=call_graph), tmp_path, system)
    with running(plan, service, tmp_path / "log") as process:
        record(plan, process, tmp_path, 3.0)
    profile = profile_of(tmp_path, plan)
    found = shares(profile)
    assert found["price"] > 1.5 * found["search"] > 0.1
    assert {profile.strings[t] for t in profile.sample_thread.tolist()} == {"shop thread", "worker"}
    inclusive = {key.name: cost.total / profile.total() for key, cost in costs(profile).items()}
    assert inclusive["work"] > 0.85


def test_slices_follow_each_other_and_reports_are_made(service, stage, tmp_path, system):
    plan = Perf().plan(service, stage("perf", rate_hz=99.0), tmp_path, system)
    with running(plan, service, tmp_path / "log") as process:
        for index in (0, 1):
            record(plan, process, tmp_path, 0.6, index)
    assert sorted(p.name for p in tmp_path.glob("perf.*.data")) == ["perf.0.data", "perf.1.data"]
    (report,) = plan.reports
    argv = [word.replace("{file}", str(tmp_path / "perf.0.data")) for word in report.argv]
    assert "price" in system.run(argv).stdout


def test_a_recording_ends_with_the_service(service, stage, tmp_path, system):
    plan = Perf().plan(service, stage("perf"), tmp_path, system)
    with (
        running(plan, service, tmp_path / "log") as process,
        recording_of(plan, process, tmp_path) as recorder,
    ):
        time.sleep(1.5)
        process.signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert recorder.wait(60) == 0
    assert profile_of(tmp_path, plan).total() > 3


def test_a_process_that_is_gone_is_said(service, stage, tmp_path, system):
    plan = Perf().plan(service, stage("perf"), tmp_path, system)
    argv = [word.replace("{tree}", "4194300").replace("{slice}", "0") for word in plan.attach]
    done = system.run(argv)
    assert done.code != 0
    assert "No such process" in done.stderr + done.stdout
    assert "perf wrote nothing" in Perf().silence(tmp_path)
