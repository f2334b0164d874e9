from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure, UsageError
from perf_action.model.tree import costs
from perf_action.profilers import PROFILERS, profiler
from perf_action.profilers.py_spy import PySpy, consent, program, way_in
from perf_action.system import System

from .conftest import newest_python

BUSY = """
import sys, time
def busy():
    end = time.monotonic() + 20
    while time.monotonic() < end: sum(range(500))
print("up", flush=True)
busy()
"""


def test_profilers_are_found_by_name():
    names = [p.name for p in PROFILERS]
    assert len(set(names)) == len(names)
    assert all(profiler(name).name == name for name in names)
    with pytest.raises(UsageError, match=rf"there is no profiler 'pyspy'; there is {', '.join(names)}"):
        profiler("pyspy")


def test_no_profiler_changes_nothing(target, stage, tmp_path, system):
    service = target("")
    plan = profiler("none").plan(service, stage("none"), tmp_path, system)
    assert plan.argv == service.argv
    assert plan.env == plan.artifacts == ()
    assert plan.attach is None


def test_a_plan_attaches_to_each_slice(target, stage, tmp_path, system):
    plan = PySpy().plan(target(""), stage("py-spy", rate_hz=100.0, native=True), tmp_path, system)
    assert plan.attach is not None
    assert plan.attach[1:] == (
        "record", "--pid", "{pid}", "--format", "raw", "--rate", "100", "--full-filenames", "--subprocesses", "--native",
        "--output", str(tmp_path / "py-spy.{slice}.raw"),
    )  # fmt: skip
    assert plan.artifacts == ("py-spy.*.raw",)
    assert plan.stop_profiler == signal.SIGINT
    assert "--nonblocking" not in plan.attach
    one = PySpy().plan(target(""), stage("py-spy", subprocesses=False, gil=True), tmp_path, system)
    assert one.attach is not None
    assert "--subprocesses" not in one.attach
    assert "--gil" in one.attach
    assert "--gil" not in plan.attach
    assert one.timeline is not None
    assert "--idle" in one.timeline
    assert "--gil" not in one.timeline, "it is to show what waits"
    assert one.attach[one.attach.index("--rate") + 1] == "250"


def record(plan, recorder, service, out, seconds):
    """What the executor does: start the side-car, wait until it records, stop it."""
    log = out / "profiler.log"
    log.unlink(missing_ok=True)
    side_car = System().start([word.replace("{pid}", str(service.pid)) for word in recorder], log=log)
    try:
        deadline = time.monotonic() + 10
        while not re.search(plan.attached, log.read_text()):
            assert time.monotonic() < deadline, log.read_text()
            assert side_car.poll() is None, log.read_text()
            time.sleep(0.005)
        time.sleep(seconds)
        side_car.signal(plan.stop_profiler)
        assert side_car.wait(10) == 0
    finally:
        side_car.close()


def slice_recorder(plan, index=0):
    return [word.replace("{slice}", str(index)) for word in plan.attach]


@contextlib.contextmanager
def running(plan, target, system):
    service = system.start(plan.argv, cwd=target.cwd, env={**dict(target.env), **dict(plan.env)}, pipes=True)
    try:
        assert service.stdout.readline() == b"up\n"
        yield service
    finally:
        service.close()


def leaves(path: Path) -> Counter[str]:
    out: Counter[str] = Counter()
    for line in path.read_text().splitlines():
        stack, count = line.rsplit(" ", 1)
        out[stack.rsplit(";", 1)[-1]] += int(count)
    return out


def test_slices_are_recorded_one_after_the_other(target, stage, tmp_path, system):
    service = target(BUSY)
    plan = PySpy().plan(service, stage("py-spy", rate_hz=200.0), tmp_path, system)
    with running(plan, service, system) as process:
        for index in (0, 1):
            record(plan, slice_recorder(plan, index), process, tmp_path, 0.4)
    assert sorted(p.name for p in tmp_path.glob(plan.artifacts[0])) == ["py-spy.0.raw", "py-spy.1.raw"]
    (frame, count), *_ = leaves(tmp_path / "py-spy.1.raw").most_common()
    assert frame.startswith(f"busy ({service.cwd}/app.py:")
    assert count > 20


def test_the_time_line_has_the_waits_in_it(target, stage, tmp_path, system):
    service = target("import time\nprint('up', flush=True)\ndef wait(): time.sleep(20)\nwait()\n")
    plan = PySpy().plan(service, stage("py-spy"), tmp_path, system)
    with running(plan, service, system) as process:
        record(plan, plan.timeline, process, tmp_path, 0.2)
    events = json.loads((tmp_path / "py-spy.timeline.json").read_text())
    assert {"wait", "<module>"} <= {event["name"] for event in events}


@pytest.mark.slow
def test_waiting_costs_nothing_and_workers_count(target, stage, tmp_path, system):
    """Two forked workers and a parent that waits for them: two thirds of the processes, all of the samples."""
    script = """
import os, time
def busy():
    end = time.monotonic() + 20
    while time.monotonic() < end: sum(range(500))
def idle(): time.sleep(30)
for _ in range(2):
    if os.fork() == 0: busy(); os._exit(0)
print("up", flush=True)
idle()
"""
    service = target(script)
    plan = PySpy().plan(service, stage("py-spy", rate_hz=100.0), tmp_path, system)
    with running(plan, service, system) as process:
        record(plan, slice_recorder(plan), process, tmp_path, 2)
    counts: Counter[str] = Counter()
    for frame, n in leaves(tmp_path / "py-spy.0.raw").items():
        counts[frame.split(" ")[0]] += n
    assert counts["busy"] > 0.9 * counts.total()
    assert counts["busy"] > 200


GIL_AND_NOT = """
import hashlib, os, threading, time
end = time.monotonic() + 20
data = os.urandom(1 << 24)
def digest():
    while time.monotonic() < end: hashlib.sha256(data).digest()  # lets go of the lock
def busy():
    while time.monotonic() < end: sum(range(500))
threading.Thread(target=digest, daemon=True).start()
print("up", flush=True)
busy()
"""


@pytest.mark.slow
def test_threads_without_the_lock_are_left_out_where_asked_for(target, stage, tmp_path, system):
    service = target(GIL_AND_NOT)
    shares = {}
    for gil in (False, True):
        folder = tmp_path / str(gil)
        folder.mkdir()
        plan = PySpy().plan(service, stage("py-spy", rate_hz=100.0, gil=gil), folder, system)
        with running(plan, service, system) as process:
            record(plan, slice_recorder(plan), process, folder, 2)
        found = leaves(folder / "py-spy.0.raw")
        shares[gil] = sum(n for frame, n in found.items() if frame.startswith("digest (")) / found.total()
    assert shares[False] > 0.2
    assert shares[True] < 0.05


@pytest.mark.slow
def test_native_frames_are_there_where_asked_for(target, stage, tmp_path, system):
    service = target(GIL_AND_NOT)
    plan = PySpy().plan(service, stage("py-spy", rate_hz=50.0, native=True), tmp_path, system)
    with running(plan, service, system) as process:
        record(plan, slice_recorder(plan), process, tmp_path, 2)
    profile = formats.read(tmp_path / "py-spy.0.raw", system).captures[0].profile
    keys = set(costs(profile))
    assert any(key.name == "digest" and key.file == f"{service.cwd}/app.py" for key in keys)
    assert any(
        "libcrypto" in key.module or "_hashlib" in key.module or "sha" in key.name.lower() for key in keys
    )


@pytest.mark.slow
def test_the_capture_is_written_when_the_service_ends_first(target, stage, tmp_path, system):
    service = target(BUSY.replace("+ 20", "+ 2"))
    plan = PySpy().plan(service, stage("py-spy"), tmp_path, system)
    with running(plan, service, system) as process:
        argv = [word.replace("{pid}", str(process.pid)) for word in slice_recorder(plan)]
        side_car = system.start(argv, log=tmp_path / "log")
        try:
            assert side_car.wait(30) == 0
        finally:
            side_car.close()
    assert leaves(tmp_path / "py-spy.0.raw").total() > 20


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_every_supported_python_can_be_recorded(target, stage, tmp_path, system, version):
    python = newest_python(version)
    if python is None:
        assert version != f"{sys.version_info[0]}.{sys.version_info[1]}"
        return
    service = target(BUSY, python=python)
    plan = PySpy().plan(service, stage("py-spy"), tmp_path, system)
    with running(plan, service, system) as process:
        record(plan, slice_recorder(plan), process, tmp_path, 0.5)
    assert next(iter(leaves(tmp_path / "py-spy.0.raw"))).startswith("busy (")


def restricted(folder: Path, spy: str, allow: str) -> str:
    """A py-spy under a kernel that lets it attach only where `allow` (Python, over `pid` and `me`) says so.

    Yama itself cannot be switched on for one process, so this stands for it; the recording is py-spy's own.
    """
    path = folder / "py-spy"
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "argv, me = sys.argv[1:], os.getpid()\n"
        "pid = int(argv[argv.index('--pid') + 1]) if '--pid' in argv else None\n"
        f"if pid is not None and not ({allow}):\n"
        "    sys.exit('Error: Permission Denied: Try running again with elevated permissions')\n"
        f"if {allow == 'False'}: sys.exit('Error: Permission Denied')\n"
        f"os.execv({spy!r}, [{spy!r}, *argv])\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


CONSENTS = "b'PERF_ACTION_PTRACER=1' in open(f'/proc/{pid}/environ', 'rb').read()"


def test_where_attaching_is_allowed_nothing_is_changed(system):
    assert way_in(program(system), consent({}), system) == "attach"


def test_where_only_ancestors_may_attach_the_service_consents(tmp_path, system):
    spy = restricted(tmp_path, program(system), CONSENTS)
    assert way_in(spy, consent({}), system) == "consent"


@pytest.mark.slow
def test_where_consent_does_not_help_py_spy_starts_the_service(tmp_path, system):
    spy = restricted(tmp_path, program(system), "pid is None")
    assert way_in(spy, consent({}), system) == "wrap"


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv", [(sys.executable, "app.py"), ("sh", "-c", f"cd . && {sys.executable} app.py")]
)
def test_a_wrapped_service_is_recorded_to_its_end(target, stage, tmp_path, system, argv):
    spy = restricted(tmp_path, program(system), "pid is None")
    service = target(BUSY, *argv)
    plan = PySpy(spy).plan(service, stage("py-spy"), tmp_path, system)
    assert plan.attach is None
    assert plan.notes == (
        "py-spy may not attach here and started the service: start-up and warm-up are in the profile",
    )
    wrapper = system.start(plan.argv, cwd=service.cwd, env=dict(service.env), log=tmp_path / "log")
    time.sleep(2)
    wrapper.signal(plan.stop_profiler)
    assert wrapper.wait(10) == 0
    wrapper.close()
    (capture,) = tmp_path.glob(plan.artifacts[0])
    assert sum(n for frame, n in leaves(capture).items() if frame.startswith("busy (")) > 50


@pytest.mark.slow
def test_where_nothing_is_allowed_the_remedy_is_named(tmp_path, system):
    spy = restricted(tmp_path, program(system), "False")
    with pytest.raises(CannotMeasure) as error:
        way_in(spy, consent({}), system)
    assert str(error.value) == (
        "py-spy may not look into other processes here (Error: Permission Denied: Try running again with elevated "
        "permissions); allow it with `sudo sysctl kernel.yama.ptrace_scope=1`, in a container with `--cap-add SYS_PTRACE`"
    )


@pytest.mark.slow
def test_the_real_thing_without_rights(target, tmp_path, system):
    """A user may not attach to a process of root's: what py-spy says then is understood as a refusal."""
    if os.geteuid() != 0:
        with pytest.raises(ProcessLookupError):
            os.kill(2**22, 0)
        return
    copy = tmp_path / "spy"
    copy.write_text(
        f'#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups --inh-caps=-all {program(system)} "$@"\n'
    )
    copy.chmod(0o755)
    with pytest.raises(CannotMeasure, match="py-spy may not look into other processes here"):
        way_in(str(copy), consent({}), system)
