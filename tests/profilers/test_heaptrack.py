"""heaptrack round real programs: what it starts, how it is told to end, what it attaches to, what it cannot do."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.model.profile import Profile
from perf_action.model.tree import costs
from perf_action.profilers import Plan, Target
from perf_action.profilers.heaptrack import Heaptrack
from perf_action.profilers.wrapping import wrapped
from perf_action.system import System

from .conftest import started

HERE = Path(__file__).resolve().parent


@pytest.fixture
def service(busy: Path, tmp_path: Path, system: System) -> Callable[..., Target]:
    def make(*argv: str, **more: object) -> Target:
        words = tuple(word.replace("BUSY", str(busy)) for word in argv)
        return Target(argv=words, cwd=tmp_path, env=tuple(system.environ.items()), **more)

    return make


def profile_of(out: Path, plan: Plan) -> Profile:
    (file,) = (file for pattern in plan.artifacts for file in out.glob(pattern))
    return formats.read(file, System()).captures[0].profile


def self_of(profile: Profile, kind: str) -> dict[str, int]:
    column = profile.find_kind(kind)
    assert column is not None
    return {key.name: cost.self for key, cost in costs(profile, column).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv",
    [
        ("BUSY", "100"),
        ("nice", "-n", "1", "BUSY", "100"),
        ("env", "X=1", "BUSY", "100"),
        ("sh", "-c", "X=1 exec BUSY 100"),
        ("sh", "-c", "cd / && BUSY 100; true"),
    ],
    ids=" ".join,
)
def test_the_program_itself_is_recorded_to_the_byte(argv, service, stage, tmp_path, system):
    target = service(*argv)
    plan = Heaptrack().plan(target, stage("heaptrack"), tmp_path, system)
    with started(plan, target, tmp_path / "log", seconds=20) as (process, _):
        assert process.wait(20) == 0
    profile = profile_of(tmp_path, plan)
    assert self_of(profile, "allocations")["handle"] == 1000
    assert self_of(profile, "temporary")["handle"] == 1000
    assert self_of(profile, "leaked")["keep"] == 100_000
    (report,) = (report for report in plan.reports if list(tmp_path.glob(report.pattern)))
    (file,) = tmp_path.glob(report.pattern)
    said = system.run([word.replace("{file}", str(file)) for word in report.argv])
    assert said.code == 0
    assert "MEMORY LEAKS" in said.stdout


@pytest.mark.slow
@pytest.mark.parametrize("polite", [(), ("polite",)], ids=["killed", "polite"])
def test_a_service_that_is_told_to_end_leaves_a_whole_file(polite, service, stage, tmp_path, system):
    target = service("BUSY", "2000", "forever", *polite)
    plan = Heaptrack().plan(target, stage("heaptrack"), tmp_path, system)
    with started(plan, target, tmp_path / "log", seconds=20) as (process, tree):
        (head,) = tree.heads(frozenset({"sh"}))
        assert psutil.Process(head).name() == "busy"
        assert tree.profiler_runs()
        psutil.Process(head).send_signal(signal.SIGTERM)
        assert process.wait(20) is not None
        assert not tree.profiler_runs()
    profile = profile_of(tmp_path, plan)
    assert self_of(profile, "leaked")["keep"] >= 1_900_000


@pytest.mark.slow
def test_python_is_recorded_through_its_console_scripts(target, stage, tmp_path, system):
    script = tmp_path / "serve"
    script.write_text(
        f"#!{sys.executable}\nkeep = [bytes(5000) for _ in range(100)]\nprint('up', flush=True)\n"
    )
    script.chmod(0o755)
    service = target("", str(script))
    plan = Heaptrack().plan(service, stage("heaptrack"), tmp_path, system)
    with started(plan, service, tmp_path / "log", seconds=20) as (process, _):
        assert process.wait(30) == 0
    profile = profile_of(tmp_path, plan)
    assert profile.total(0) > 500_000
    assert sum(self_of(profile, "allocations").values()) > 5000


@pytest.mark.slow
def test_a_running_service_is_recorded_for_a_while_and_goes_on(service, stage, tmp_path, system, busy):
    process = system.start([str(busy), "10", "forever"], cwd=tmp_path, log=tmp_path / "log")
    try:
        for slice_ in ("0", "1"):
            plan = Heaptrack().plan(service("BUSY", pid=process.pid), stage("heaptrack"), tmp_path, system)
            assert plan.attach is not None
            words = [w.replace("{pid}", str(process.pid)).replace("{slice}", slice_) for w in plan.attach]
            log = tmp_path / f"recorder-{slice_}.log"
            recorder = system.start(words, log=log)
            try:
                deadline = time.monotonic() + 30
                while "recording\n" not in log.read_text():
                    assert recorder.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.02)
                time.sleep(0.5)
                recorder.signal(signal.SIGINT)
                assert recorder.wait(60) == 0, log.read_text()
            finally:
                recorder.close()
            (file,) = tmp_path.glob(f"heaptrack.{slice_}.*")
            capture = formats.read(file, system)
            profile = capture.captures[0].profile
            assert 50 < self_of(profile, "allocations")["handle"] < 5000
            assert self_of(profile, "leaked")["keep"] >= 50_000
            assert any("attached" in note for note in capture.notes)
            assert process.poll() is None
    finally:
        process.close()


@pytest.mark.slow
def test_a_process_that_is_not_there_is_said(service, stage, tmp_path, system):
    plan = Heaptrack().plan(service("BUSY", pid=1), stage("heaptrack"), tmp_path, system)
    assert plan.attach is not None
    words = [w.replace("{pid}", "999999999").replace("{slice}", "0") for w in plan.attach]
    done = system.run(words, timeout=60)
    assert done.code == 1
    assert done.stderr.startswith("heaptrack: ")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("/bin/true",), ("P", "-o", "x", "/bin/true")),
        (("nice", "/bin/true", "a b"), ("nice", "P", "-o", "x", "/bin/true", "a b")),
        (("sh", "-c", "exec /bin/true -p 1"), ("sh", "-c", "exec P -o x /bin/true -p 1")),
        (("sh", "-c", "A=/bin/true /bin/true"), ("sh", "-c", "A=/bin/true P -o x /bin/true")),
    ],
)
def test_the_profiler_stands_before_the_program(argv, expected, tmp_path, system):
    target = Target(argv=argv, cwd=tmp_path, env=tuple(system.environ.items()))
    assert wrapped(("P", "-o", "x"), target, system) == expected


@pytest.mark.parametrize(
    "argv",
    [("sh", "-c", "nothing here"), ("sh", "-c", "a 'b"), ("./gone",), ("sh", "start.sh")],
    ids=" ".join,
)
def test_a_command_whose_program_cannot_be_told_is_refused(argv, tmp_path, system):
    (tmp_path / "start.sh").write_text("/bin/true\n")
    target = Target(argv=argv, cwd=tmp_path, env=tuple(system.environ.items()))
    with pytest.raises(CannotMeasure, match="P records the program that it starts itself"):
        wrapped(("P",), target, system)


def test_without_heaptrack_or_gdb_the_remedy_is_said(tmp_path, stage, system):
    nothing = System({"PATH": str(tmp_path)})
    target = Target(argv=("/bin/true",), cwd=tmp_path, env=())
    with pytest.raises(ToolMissing, match="sudo apt-get install heaptrack"):
        Heaptrack().plan(target, stage("heaptrack"), tmp_path, nothing)
    with pytest.raises(ToolMissing, match="sudo apt-get install heaptrack"):
        Heaptrack().version(nothing)
    (tmp_path / "heaptrack").write_text("#!/bin/sh\n")
    (tmp_path / "heaptrack").chmod(0o755)
    attached = Target(argv=(), cwd=tmp_path, env=(), pid=1)
    with pytest.raises(ToolMissing, match="sudo apt-get install gdb"):
        Heaptrack().plan(attached, stage("heaptrack"), tmp_path, nothing)


@pytest.mark.slow
def test_what_it_would_not_see_is_refused(tmp_path, stage, system):
    argv = ["gcc", "-static", "-o", str(tmp_path / "static"), str(HERE / "busy.c")]
    assert system.run(argv).code == 0
    target = Target(argv=("./static",), cwd=tmp_path, env=tuple(system.environ.items()))
    with pytest.raises(CannotMeasure, match="linked statically"):
        Heaptrack().plan(target, stage("heaptrack"), tmp_path, system)
    spaced = tmp_path / "a b"
    spaced.mkdir()
    with pytest.raises(CannotMeasure, match="without spaces"):
        Heaptrack().plan(
            Target(argv=("/bin/true",), cwd=tmp_path, env=()), stage("heaptrack"), spaced, system
        )


def test_silence(tmp_path):
    assert "wrote nothing" in Heaptrack().silence(tmp_path)
    (tmp_path / "heaptrack.service.zst").touch()
    assert "heaptrack.service.zst, which is empty" in Heaptrack().silence(tmp_path)
