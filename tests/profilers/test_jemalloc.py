"""jemalloc in real programs: preloaded and built in, told to end politely and not, and what it cannot do."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.profilers import Plan, Target
from perf_action.profilers.jemalloc import Jemalloc
from perf_action.system import System

from .conftest import started

HERE = Path(__file__).resolve().parent


@pytest.fixture
def service(busy: Path, tmp_path: Path, system: System) -> Callable[..., Target]:
    def make(*argv: str, program: Path = busy, **env: str) -> Target:
        return Target(argv=(str(program), *argv), cwd=tmp_path, env=tuple({**system.environ, **env}.items()))

    return make


def newest(plan: Plan, out: Path) -> list[Capture]:
    """The captures, of each process the newest one, as they are collected."""
    numbered = [
        (int(match[2]), path)
        for path in out.glob(plan.artifacts[0])
        if (match := re.fullmatch(plan.supersedes, path.name))
    ]
    assert len({re.fullmatch(plan.supersedes, path.name)[1] for _, path in numbered}) <= 1
    return [formats.read(path, System()) for _, path in sorted(numbered)[-1:]]


def self_of(capture: Capture, kind: str) -> dict[str, int]:
    profile = capture.captures[0].profile
    column = profile.find_kind(kind)
    assert column is not None
    return {key.name: cost.self for key, cost in costs(profile, column).items()}


@pytest.mark.slow
def test_a_service_that_ends_by_itself_is_known_to_the_byte(service, stage, tmp_path, system):
    target = service("100")
    plan = Jemalloc().plan(target, stage("jemalloc"), tmp_path, system)
    statistics = tmp_path / plan.artifacts[1]
    with started(plan, target, tmp_path / "log", seconds=60) as (process, _):
        assert process.wait(20) == 0
        wait_for(lambda: statistics.is_file() and statistics.read_text().endswith("\n"))
    (capture,) = newest(plan, tmp_path)
    assert self_of(capture, "in_use")["keep"] == 100 * 1024
    assert self_of(capture, "allocations")["handle"] == 1000
    assert self_of(capture, "allocated")["handle"] == 1000 * 320
    assert capture.captures[0].profile.fidelity == "exact"
    stats = formats.read(statistics, system)
    found = {metric.name: metric.samples[0] for metric in stats.metrics}
    assert 0 < found["memory.fragmentation"] < 1
    assert found["memory.heap.allocated"] >= 100 * 1024
    assert "Allocated: " in (tmp_path / "log").read_text()  # the log has it, too
    (report,) = plan.reports or pytest.fail("jeprof is not installed")
    (file,) = tmp_path.glob(report.pattern)
    said = system.run([word.replace("{file}", str(file)) for word in report.argv])
    assert "keep" in said.stdout


@pytest.mark.slow
@pytest.mark.parametrize("polite", [(), ("polite",)], ids=["killed", "polite"])
def test_a_service_that_is_told_to_end_leaves_its_last_dump(polite, service, stage, tmp_path, system):
    target = service("5000", "forever", *polite)
    plan = Jemalloc().plan(target, stage("jemalloc"), tmp_path, system)
    with started(plan, target, tmp_path / "log", seconds=60) as (process, tree):
        assert tree.heads(frozenset({"sh"})) == [process.pid]
        process.signal(signal.SIGTERM)
        assert process.wait(20) == (0 if polite else -signal.SIGTERM)
        wait_for(lambda: not tree.profiler_runs())
    (capture,) = newest(plan, tmp_path)
    found = self_of(capture, "in_use")["keep"]
    assert found >= (5000 if polite else 4600) * 1024
    assert formats.read(tmp_path / plan.artifacts[1], system).metrics


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_one_that_is_built_in_is_used(service, stage, tmp_path, system):
    program = tmp_path / "own"
    argv = ["gcc", "-g", "-O1", "-fno-inline", "-o", str(program), str(HERE / "busy.c"), "-Wl,--no-as-needed"]
    done = system.run(
        [*argv, "-Wl,-Bstatic", "-ljemalloc", "-Wl,-Bdynamic", "-lm", "-lstdc++", "-lpthread", "-ldl"]
    )
    assert done.code == 0, done.stderr
    target = service("100", program=program, MALLOC_CONF="narenas:1")
    plan = Jemalloc().plan(target, stage("jemalloc"), tmp_path, system)
    env = dict(plan.env)
    assert "LD_PRELOAD" not in env
    assert env["MALLOC_CONF"].startswith("narenas:1,prof:true,")
    assert env["_RJEM_MALLOC_CONF"].startswith("prof:true,")
    with started(plan, target, tmp_path / "log", seconds=60) as (process, _):
        assert process.wait(20) == 0
    (capture,) = newest(plan, tmp_path)
    assert self_of(capture, "in_use")["keep"] == 100 * 1024


def test_a_library_of_the_service_stays(service, stage, tmp_path, system):
    target = service("1", LD_PRELOAD="/srv/shop.so", program=Path("/bin/true"))
    plan = Jemalloc(fake_root(tmp_path, b"jeprof")).plan(target, stage("jemalloc"), tmp_path, system)
    assert dict(plan.env)["LD_PRELOAD"] == f"/srv/shop.so:{tmp_path}/usr/lib/libjemalloc.so.2"


def fake_root(folder: Path, content: bytes) -> Path:
    (folder / "usr" / "lib").mkdir(parents=True)
    (folder / "usr" / "lib" / "libjemalloc.so.2").write_bytes(content)
    return folder


def test_what_cannot_be_done_is_said(service, stage, tmp_path, system):
    target = service("1", program=Path("/bin/true"))
    with pytest.raises(ToolMissing, match="sudo apt-get install libjemalloc2"):
        Jemalloc(tmp_path).plan(target, stage("jemalloc"), tmp_path, system)
    with pytest.raises(ToolMissing, match="libjemalloc2"):
        Jemalloc(tmp_path).version(system)
    with pytest.raises(CannotMeasure, match="built without profiling"):
        Jemalloc(fake_root(tmp_path, b"nothing")).plan(target, stage("jemalloc"), tmp_path, system)
    running = Target(argv=(), cwd=tmp_path, env=(), pid=1)
    with pytest.raises(CannotMeasure, match="runs already"):
        Jemalloc().plan(running, stage("jemalloc"), tmp_path, system)
    comma = tmp_path / "a,b"
    comma.mkdir()
    with pytest.raises(CannotMeasure, match="without a comma"):
        Jemalloc().plan(target, stage("jemalloc"), comma, system)
    assert "wrote no dump" in Jemalloc().silence(tmp_path)


def test_a_jemalloc_without_profiling_is_refused(service, stage, tmp_path, system):
    program = tmp_path / "own"
    program.write_bytes(Path("/bin/true").read_bytes() + b"<jemalloc>: ")
    program.chmod(0o755)
    with pytest.raises(CannotMeasure, match="feature `profiling` of tikv-jemallocator"):
        Jemalloc().plan(service("1", program=program), stage("jemalloc"), tmp_path, system)


@pytest.mark.slow
def test_version(system):
    assert re.fullmatch(r"\d+\.\d+\.\d+", Jemalloc().version(system))
