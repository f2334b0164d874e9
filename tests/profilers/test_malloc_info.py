"""malloc-info in real programs: what glibc says of a heap with holes, of processes that fork, and what it cannot do."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.profilers import Plan, Target
from perf_action.profilers.malloc_info import MallocInfo
from perf_action.profilers.preload import check_malloc
from perf_action.profilers.subject import look_at
from perf_action.system import System

from .conftest import started

#: 40 MB in blocks of 2 kB, of which every other one is freed if it is asked to
HOLES = """
import os, sys, time
kept = [bytes(2000) for _ in range(20_000)]
if sys.argv[1] == "holes":
    del kept[::2]
if sys.argv[2] == "fork":
    os.fork()
print("up", flush=True)
time.sleep(60)
"""


def target(tmp_path: Path, system: System, *argv: str, **env: str) -> Target:
    words = (sys.executable, "-c", HOLES, *argv) if argv else ("/bin/true",)
    return Target(argv=words, cwd=tmp_path, env=tuple({**system.environ, **env}.items()))


def said(plan: Plan, service: Target, out: Path, processes: int = 1) -> list[float]:
    """The fragmentation of each process when it has been there for a second."""
    with started(plan, service, out / "log", seconds=60) as (process, _):
        deadline = time.monotonic() + 20
        while len(list(out.glob(plan.artifacts[0]))) < processes:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        process.signal(signal.SIGTERM)
        process.wait(20)
    captures = [formats.read(path, System()) for path in sorted(out.glob(plan.artifacts[0]))]
    return [next(m.samples[0] for m in c.metrics if m.name == "memory.fragmentation") for c in captures]


@pytest.mark.slow
def test_holes_are_seen_and_a_full_heap_has_none(stage, tmp_path, system):
    found = {}
    for how in ("holes", "full"):
        out = tmp_path / how
        out.mkdir()
        service = target(tmp_path, system, how, "alone")
        (found[how],) = said(MallocInfo().plan(service, stage("malloc-info"), out, system), service, out)
    assert found["holes"] > 0.4
    assert found["full"] < 0.1


@pytest.mark.slow
def test_each_process_is_asked(stage, tmp_path, system):
    service = target(tmp_path, system, "holes", "fork")
    plan = MallocInfo().plan(service, stage("malloc-info"), tmp_path, system)
    found = said(plan, service, tmp_path, processes=2)
    assert len(found) == 2
    assert min(found) > 0.4


def test_a_library_of_the_service_stays_and_ours_is_compiled_once(stage, tmp_path, system):
    service = target(tmp_path, system, LD_PRELOAD="/srv/shop.so")
    plans = [MallocInfo().plan(service, stage("malloc-info"), tmp_path, system) for _ in range(2)]
    first, second = (dict(plan.env)["LD_PRELOAD"].split(":") for plan in plans)
    assert first == second
    assert first[0] == "/srv/shop.so"
    assert Path(first[1]).is_file()


def test_what_it_cannot_do(stage, tmp_path, system):
    there = Target(argv=("/bin/true",), cwd=tmp_path, env=(), pid=1)
    with pytest.raises(CannotMeasure, match="has to be there when the service starts"):
        MallocInfo().plan(there, stage("malloc-info"), tmp_path, system)
    nothing = System(
        {"PATH": str(tmp_path), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    )
    with pytest.raises(ToolMissing, match="gcc"):
        MallocInfo().plan(target(tmp_path, nothing), stage("malloc-info"), tmp_path, nothing)
    blank = System({**system.environ, "RUNNER_TOOL_CACHE": "", "XDG_CACHE_HOME": str(tmp_path / "a b")})
    with pytest.raises(CannotMeasure, match="without blank and colon"):
        MallocInfo().plan(target(tmp_path, blank), stage("malloc-info"), tmp_path, blank)


def test_nothing_is_put_in_front_of_a_program_for_musl():
    subject = look_at(Path("/bin/true"))
    assert subject is not None
    assert subject.elf is not None
    check_malloc(subject, "it is not seen", "link it dynamically")
    musl = replace(subject, elf=replace(subject.elf, interpreter="/lib/ld-musl-x86_64.so.1"))
    with pytest.raises(CannotMeasure, match="built with musl, so it is not seen"):
        check_malloc(musl, "it is not seen", "link it dynamically")
