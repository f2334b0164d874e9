from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from memray import FileReader

from perf_action.errors import CannotMeasure
from perf_action.profilers import Plan, Target
from perf_action.profilers.bootstrap import sitecustomize
from perf_action.profilers.interpreters import Interpreter, interpreters
from perf_action.profilers.memray import Memray
from perf_action.profilers.packages import cache_folder, install_memray, is_ready, memray_folder
from perf_action.system import System

from .conftest import newest_python

GROW = "def grow(n): return [bytearray(100_000) for _ in range(n)]\n"


def run_to_the_end(
    plan: Plan, target: Target, *, stop: signal.Signals | None = None, log: Path
) -> int | None:
    process = System().start(plan.argv, cwd=target.cwd, env={**dict(target.env), **dict(plan.env)}, log=log)
    try:
        deadline = time.monotonic() + 20
        while stop is not None and "up" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        if stop is not None:
            process.signal(stop)
        return process.wait(20)
    finally:
        process.close()


def captures(plan: Plan, out: Path) -> list[Path]:
    return sorted(path for pattern in plan.artifacts for path in out.glob(pattern))


def live_at_the_end(path: Path) -> dict[str, int]:
    """Bytes by function, those of what it called included."""
    out: dict[str, int] = {}
    for record in FileReader(str(path)).get_leaked_allocation_records(merge_threads=True):
        for name in {frame[0] for frame in record.stack_trace()}:
            out[name] = out.get(name, 0) + record.size
    return out


@pytest.fixture
def profile(target, stage, tmp_path, system):
    """Runs a script under memray to its end; the captures, oldest first, and the exit code."""

    def run(script: str, *argv: str, stop: signal.Signals | None = None, **options: object):
        service = target(script, *argv)
        plan = Memray().plan(service, stage("memray", **options), tmp_path, system)
        code = run_to_the_end(plan, service, stop=stop, log=tmp_path / "log")
        return captures(plan, tmp_path), code

    return run


def test_allocations_of_a_program_are_recorded_with_their_functions(profile):
    (capture,), code = profile(f"{GROW}keep = grow(20)\nraise SystemExit(3)\n")
    assert code == 3
    assert capture.name.startswith("memray.")
    metadata = FileReader(str(capture)).metadata
    assert metadata.peak_memory > 2_000_000
    stacks = [
        record.stack_trace()
        for record in FileReader(str(capture)).get_high_watermark_allocation_records(merge_threads=True)
        if record.size > 1_900_000
    ]
    # whole, from the top of the program, and with nothing of ours in it
    assert [[name for name, *_ in stack if name != "<listcomp>"] for stack in stacks] == [
        ["grow", "<module>"]
    ]


@pytest.mark.slow
def test_memrays_own_flame_graph_is_made_of_each_capture(target, stage, tmp_path, system):
    service = target(f"{GROW}import os\nkeep = grow(20)\nos.waitpid(os.fork() or os._exit(0), 0)\n")
    plan = Memray().plan(service, stage("memray"), tmp_path, system)
    assert run_to_the_end(plan, service, log=tmp_path / "log") == 0
    files = captures(plan, tmp_path)
    assert len(files) == 2
    made = {file: report for report in plan.reports for file in tmp_path.glob(report.pattern)}
    assert sorted(made) == files
    for file, report in made.items():
        done = system.run([word.replace("{file}", str(file)) for word in report.argv])
        assert done.code == 0, done.stderr
        assert done.stdout.lstrip().startswith("<!DOCTYPE html>")
        assert "grow" in done.stdout
        file.with_name(file.name + report.suffix).write_text(done.stdout)
    assert captures(plan, tmp_path) == files  # the reports are none
    broken = tmp_path / "memray.1.bin"
    broken.write_bytes(b"memray")
    done = system.run([word.replace("{file}", str(broken)) for word in plan.reports[0].argv])
    assert done.code != 0
    assert not done.stdout


def test_sigterm_writes_what_was_still_in_memory_and_ends_the_process_as_before(profile):
    script = f"{GROW}import time\nkeep = grow(20)\nprint('up', flush=True)\ntime.sleep(60)\n"
    (capture,), code = profile(script, stop=signal.SIGTERM)
    assert code == -signal.SIGTERM
    assert live_at_the_end(capture)["grow"] > 2_000_000


def test_garbage_that_nobody_collected_yet_is_no_leak(profile):
    cycle = "def cycle():\n    ring = [bytearray(3_000_000)]\n    ring.append(ring)\n"
    (capture,), _ = profile(f"{GROW}{cycle}cycle()\nkeep = grow(20)\n")
    assert FileReader(str(capture)).metadata.peak_memory > 5_000_000
    left = live_at_the_end(capture)
    assert "cycle" not in left
    assert left["grow"] > 2_000_000


def test_a_service_with_a_handler_of_its_own_ends_by_it(profile):
    script = (
        f"{GROW}import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "keep = grow(20)\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    (capture,), code = profile(script, stop=signal.SIGTERM)
    assert code == 5
    assert FileReader(str(capture)).metadata.peak_memory > 2_000_000


@pytest.mark.parametrize(
    "end", ["os._exit(0)", "sys.exit(0)", "time.sleep(60)"], ids=["_exit", "exit", "killed"]
)
def test_every_forked_worker_has_a_file_of_its_own(profile, end):
    script = f"""{GROW}
import os, signal, sys, time
pids = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        keep = grow(30)
        {end}
    pids.append(pid)
time.sleep(0.4)
for pid in pids:
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
"""
    (parent, *workers), _ = profile(script)
    assert [worker.name.startswith(f"{parent.name}.") for worker in workers] == [True, True]
    assert all(FileReader(str(worker)).metadata.peak_memory > 3_000_000 for worker in workers)


def test_interpreters_that_the_service_starts_are_recorded_too_unless_told_otherwise(profile, tmp_path):
    script = (
        f"{GROW}import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'x = bytearray(5_000_000)'])\n"
    )
    both, _ = profile(script)
    assert len(both) == 2
    for capture in both:
        capture.unlink()
    one, _ = profile(script, subprocesses=False)
    assert len(one) == 1


@pytest.mark.parametrize(
    "argv",
    [
        (sys.executable, "-m", "app"),
        ("sh", "-c", f"A=1 && cd . && exec {sys.executable} app.py"),
        ("./console-script",),
    ],
    ids=["module", "shell", "console script"],
)
def test_the_command_is_left_as_it_is(profile, target, argv):
    script = target("").cwd / "console-script"
    script.write_text(f"#!{sys.executable}\nimport app\n")
    script.chmod(0o755)
    (capture,), code = profile(f"{GROW}keep = grow(20)\n", *argv)
    assert code == 0
    assert FileReader(str(capture)).metadata.peak_memory > 2_000_000


def test_a_secret_in_the_command_line_is_not_in_the_capture(profile):
    (capture,), _ = profile("x = bytearray(1_000_000)\n", sys.executable, "app.py", "--key", "s3cret-value")
    assert b"s3cret-value" not in capture.read_bytes()


def test_the_services_own_sitecustomize_still_runs(profile, target, tmp_path, system, stage):
    service = target("import marker_of_mine\n")
    (service.cwd / "sitecustomize.py").write_text("import sys\nsys.modules['marker_of_mine'] = sys\n")
    env = {**dict(service.env), "PYTHONPATH": str(service.cwd)}
    own = Target(argv=service.argv, cwd=service.cwd, env=tuple(env.items()))
    plan = Memray().plan(own, stage("memray"), tmp_path, system)
    assert run_to_the_end(plan, own, log=tmp_path / "log") == 0


@pytest.mark.parametrize(
    ("flag", "reason"),
    [("-I", "no Python of the service read PYTHONPATH"), ("-S", "Was it started with -I, -E or -S")],
)
def test_a_python_that_cannot_be_reached_has_a_reason(profile, tmp_path, flag, reason):
    files, code = profile("pass\n", sys.executable, flag, "app.py")
    assert code == 0
    assert files == []
    assert reason in Memray().silence(tmp_path)


def test_a_python_without_memray_starts_all_the_same_and_says_what_to_do(target, tmp_path):
    """The folder for this version of Python is not there: installed for another one than the service then used."""
    service = target("print('served')\n")
    env = {
        **dict(service.env),
        "PYTHONPATH": f"{Path(sitecustomize.__file__).parent}",
        "PERF_ACTION_MEMRAY_OUT": str(tmp_path),
        "PERF_ACTION_MEMRAY_PACKAGES": str(tmp_path / "nothing"),
    }
    blocked = tmp_path / "nothing" / str(sys.implementation.cache_tag) / "memray"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('built for another Python')\n")
    done = System().run(service.argv, cwd=service.cwd, env=env)
    assert done.stdout == "served\n"
    said = Memray().silence(tmp_path)
    assert said.startswith(f"memray did not start in Python {sys.version_info[0]}.{sys.version_info[1]}.")
    assert said.endswith("built for another Python; run `perf-action setup memray`")


def test_nothing_but_memray_of_its_folder_is_left_in_the_service(tmp_path, monkeypatch):
    folder = tmp_path / "cpython"
    (folder / "memray" / "reporters").mkdir(parents=True)
    (folder / "memray/__init__.py").write_text("import helper_of_memray\n")
    (folder / "memray/reporters/__init__.py").write_text("")
    (folder / "memray/reporters/module_tools.py").write_text("")
    (folder / "helper_of_memray.py").write_text("")
    real = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "memray"}
    for name in real:
        monkeypatch.delitem(sys.modules, name)
    before = list(sys.path)
    try:
        loaded = sitecustomize.load_memray(str(folder))
        assert loaded.__file__ == str(folder / "memray/__init__.py")
        assert "helper_of_memray" not in sys.modules
        assert sys.path == before
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] == "memray"]:
            del sys.modules[name]
        sys.modules.update(real)


def test_consent_to_tracing_is_asked_of_the_kernel_and_again_in_forks():
    asked: list[tuple[int, ...]] = []
    sitecustomize.allow_tracing(lambda *numbers: asked.append(numbers) or 0)
    assert asked == [(0x59616D61, -1, 0, 0, 0)]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"%d" % len(asked))
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 10) == b"2"
    os.close(read)
    os.close(write)


def test_the_cache_is_where_the_runner_or_the_desktop_keeps_it():
    assert cache_folder(System({"RUNNER_TOOL_CACHE": "/t", "XDG_CACHE_HOME": "/x"})) == Path("/t/perf-action")
    assert cache_folder(System({"XDG_CACHE_HOME": "/x", "HOME": "/h"})) == Path("/x/perf-action")
    assert cache_folder(System({"HOME": "/h"})) == Path("/h/.cache/perf-action")


def test_the_version_is_that_of_the_reader(system):
    assert Memray().version(system) == version("memray")


def fake(tmp_path: Path, body: str) -> Interpreter:
    path = tmp_path / "python3.97"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return Interpreter(executable=str(path), tag="cpython-397", version="3.97.1")


def test_an_installation_that_fails_leaves_nothing_and_says_how_to_do_it_by_hand(tmp_path):
    system = System({"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/nonexistent"})
    python = fake(tmp_path, "echo 'ERROR: No matching distribution found for memray' >&2; exit 1")
    with pytest.raises(CannotMeasure) as error:
        install_memray(python, system)
    memray = version("memray")
    assert str(error.value) == (
        f"memray {memray} could not be installed for Python 3.97.1 ({python.executable}): ERROR: No matching "
        f"distribution found for memray; install it there with `{python.executable} -m pip install memray=={memray}`"
    )
    assert list(memray_folder(system).iterdir()) == []


def test_an_installation_is_made_once_and_whole(tmp_path):
    system = System({"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"})
    python = fake(
        tmp_path,
        'while [ "$1" != --target ]; do shift; done\nmkdir -p "$2"; touch "$2/memray.py"\necho "$@" >> "${0%/*}/calls"',
    )
    assert not is_ready(python, system)
    assert install_memray(python, system)
    assert is_ready(python, system)
    assert not install_memray(python, system)
    assert [p.name for p in (memray_folder(system) / "cpython-397").iterdir()] == ["memray.py"]
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert f"memray=={version('memray')}" in call


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file")
    system = System({"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"})
    with pytest.raises(CannotMeasure, match=r"could not be written: Not a directory; set XDG_CACHE_HOME"):
        install_memray(fake(tmp_path, "exit 0"), system)


def test_a_python_with_our_memray_needs_nothing(tmp_path):
    python = Interpreter(executable="/p", tag="cpython-397", version="3.97.1", memray=version("memray"))
    assert is_ready(python, System({"XDG_CACHE_HOME": str(tmp_path)}))


@pytest.fixture
def setting(target, stage, tmp_path, system):
    return target, stage, tmp_path, system


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
@pytest.mark.parametrize("number", ["3.10", "3.12", "3.13"])
def test_a_service_of_another_python_is_recorded_and_its_environment_stays_as_it_was(setting, cache, number):
    target, stage, tmp_path, system = setting
    python = newest_python(number)
    if python is None:
        assert number != f"{sys.version_info[0]}.{sys.version_info[1]}"
        return
    there = System({**system.environ, "XDG_CACHE_HOME": str(cache)})
    script = (
        f"{GROW}import importlib.util, sys\nkeep = grow(20)\n"
        "print(sorted(n for n in ('rich', 'mdurl', 'textual') if importlib.util.find_spec(n)), sys.path)\n"
        "print('up', flush=True)\nimport time; time.sleep(60)\n"
    )
    service = target(script, python, "app.py")
    (found,) = interpreters(service, there)
    before = there.run([python, "-m", "pip", "list"]).stdout
    plan = Memray().plan(service, stage("memray"), tmp_path, there)
    log = tmp_path / "log"
    assert run_to_the_end(plan, service, stop=signal.SIGTERM, log=log) == -signal.SIGTERM
    (capture,) = captures(plan, tmp_path)
    assert live_at_the_end(capture)["grow"] > 2_000_000
    assert there.run([python, "-m", "pip", "list"]).stdout == before
    plain = there.run([python, "-c", script.split("print('up'", maxsplit=1)[0]], cwd=service.cwd).stdout
    assert log.read_text().splitlines()[0].partition("]")[0] == plain.partition("]")[0]
    assert str(cache) not in log.read_text()
    assert found.version.startswith(number)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_uvicorn_is_stopped_gracefully_and_nothing_is_lost(target, stage, tmp_path, system, workers):
    script = """
KEPT = []
def keep(): KEPT.append(bytearray(3_000_000))
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        keep()
        print("up", flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
"""
    port = str(system.free_port())
    service = target(script, sys.executable, "-m", "uvicorn", "app:app", "--port", port, *workers)
    plan = Memray().plan(service, stage("memray"), tmp_path, system)
    process = system.start(
        plan.argv, cwd=service.cwd, env={**dict(service.env), **dict(plan.env)}, log=tmp_path / "log"
    )
    wanted = 2 if workers else 1
    deadline = time.monotonic() + 30
    while (tmp_path / "log").read_text().count("startup complete") < wanted:
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.05)
    process.signal(signal.SIGTERM)
    assert process.wait(20) is not None
    process.close()
    kept = [live_at_the_end(path).get("keep", 0) for path in captures(plan, tmp_path)]
    assert sum(size > 2_900_000 for size in kept) == wanted
