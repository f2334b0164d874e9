"""valgrind's tools on a small server in C that answers requests of known number."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure, InputError, ToolMissing
from perf_action.formats import read
from perf_action.machine.tree import Tree
from perf_action.model.tree import costs
from perf_action.profilers import Plan, Profiler, Target
from perf_action.profilers.callgrind import Callgrind
from perf_action.profilers.dhat import Dhat
from perf_action.profilers.massif import Massif
from perf_action.profilers.memcheck import Memcheck
from perf_action.system import Process, System

HERE = Path(__file__).resolve().parent
TOOLS = (Massif(), Dhat(), Memcheck(), Callgrind())
HEAP = TOOLS[:3]
REQUESTS = 40


def by_name(profiler: Profiler) -> str:
    return profiler.name


@pytest.fixture(scope="module")
def vat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server, compiled."""
    program = tmp_path_factory.mktemp("vat") / "vat"
    compiler = ["gcc", "-g", "-O1", "-Wno-unused-result", "-o", str(program), str(HERE / "vat.c")]
    subprocess.run(compiler, check=True, timeout=120)
    return program


@dataclass(frozen=True)
class Launch:
    """What a launch left: its files, the profiler's plan, and where."""

    plan: Plan
    out: Path

    @property
    def files(self) -> list[Path]:
        found = {f for pattern in self.plan.artifacts for f in self.out.glob(pattern)}
        return sorted(f for f in found if f.stat().st_size)

    def own(self, kind: str) -> dict[str, int]:
        """Self values by function, all processes added up."""
        out: dict[str, int] = {}
        for file in self.files:
            for profile in (c.profile for c in read(file, System()).captures):
                column = profile.find_kind(kind)
                if column is not None:
                    for key, cost in costs(profile, column).items():
                        out[key.name] = out.get(key.name, 0) + cost.self
        return out


def ask(port: int, requests: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as line:
        for _ in range(requests):
            line.sendall(b"more\n")
            assert line.recv(16) == b"ok\n"


def port_of(process: Process, log: Path, children: int) -> int:
    """The port that the service prints when it is up, and its children too."""
    deadline = time.monotonic() + 30
    while True:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        ports = [line.split()[1] for line in lines if line.startswith("up ")]
        if ports and lines.count("aside") == children:
            return int(ports[0])
        assert process.poll() is None, lines
        assert time.monotonic() < deadline, lines
        time.sleep(0.02)


@pytest.fixture
def launch(vat, stage, tmp_path, system) -> Callable[..., Launch]:
    """Starts the server under a profiler, makes requests, and ends it."""

    def run(
        profiler: Profiler,
        *argv: str,
        requests: int = REQUESTS,
        stop: int = signal.SIGTERM,
        **options: object,
    ) -> Launch:
        service = Target(argv=argv or (str(vat),), cwd=vat.parent, env=tuple(system.environ.items()))
        out = tmp_path / "out 100%d"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        plan = profiler.plan(service, stage(profiler.name, **options), out, system)
        log = out / "service.log"
        env = {**dict(service.env), **dict(plan.env)}
        process = System().start(plan.argv, cwd=service.cwd, env=env, log=log)
        tree = Tree(process.pid)
        try:
            ask(port_of(process, log, len({"fork", "exec"} & set(argv))), requests)
            heads = tree.heads({"sh", "dash", "bash"})
            children = set(tree.service_pids()) - {process.pid} - set(heads)
            for pid in (*heads, *children):
                os.kill(pid, stop)
            assert process.wait(60) is not None
            deadline = time.monotonic() + 30
            while tree.pids() and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            process.close()
        return Launch(plan=plan, out=out)

    return run


@pytest.mark.slow
def test_massif_shows_the_peak_and_the_heap_over_time(launch):
    done = launch(Massif())
    assert done.own("peak")["spill"] == 10 * REQUESTS
    (capture,) = (read(file, System()) for file in done.files)
    assert capture.metrics[0].samples[0] >= 10 * REQUESTS
    assert capture.series[0].t_ns[-1] > 10_000_000  # in milliseconds of real time
    assert not any("taken for nanoseconds" in note for note in capture.notes)


@pytest.mark.slow
def test_dhat_shows_every_allocation(launch):
    done = launch(Dhat())
    assert done.own("allocations")["spill"] == REQUESTS
    assert done.own("leaked")["spill"] == done.own("written")["spill"] == 10 * REQUESTS


@pytest.mark.slow
def test_dhats_file_is_what_the_viewer_opens(launch):
    """It refuses a file that lacks one of these fields, or has another version (dh_view.js)."""
    (file,) = launch(Dhat()).files
    document = json.loads(file.read_text())
    wanted = {"mode", "verb", "bklt", "bkacc", "tu", "Mtu", "cmd", "pid", "te", "pps", "ftbl", "tg", "tuth"}
    assert wanted <= document.keys()
    assert document["dhatFileVersion"] == 2


@pytest.mark.slow
def test_memcheck_finds_the_leak(launch):
    done = launch(Memcheck())
    assert done.own("lost") == {"spill": 10 * REQUESTS, "main": 0, "serve": 0}
    metrics = {m.name: m.samples[0] for m in read(done.files[0], System()).metrics}
    assert metrics["memory.leak.definite"] == 10 * REQUESTS
    assert metrics["memory.errors"] == 0


@pytest.mark.slow
def test_callgrind_counts_the_same_for_every_request(launch):
    few, many = (launch(Callgrind(), requests=n).own("instructions")["stir"] for n in (10, 60))
    each, rest = divmod(many - few, 50)
    assert rest == 0
    assert 3000 < each < 12_000  # a thousand times round, a few instructions each


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profiler", "words"),
    [
        (Massif(), "Number of snapshots: "),
        (Memcheck(), "400 bytes in 40 blocks are definitely lost in loss record"),
        (Callgrind(), "PROGRAM TOTALS"),
    ],
    ids=["massif", "memcheck", "callgrind"],
)
def test_the_tools_own_text_is_made(launch, system, profiler, words):
    done = launch(profiler)
    (report,) = done.plan.reports
    (file,) = done.files
    argv = [word.replace("{file}", str(file)) for word in report.argv]
    made = system.run(argv, timeout=60)
    assert made.code == 0, made.stderr
    assert words in made.stdout
    # nor is it taken for a capture, once it stands beside it
    (file.parent / f"{file.name}{report.suffix}").write_text(made.stdout)
    assert done.files == [file]


@pytest.mark.slow
@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_every_process_has_a_file_of_its_own(launch, vat, profiler):
    done = launch(profiler, str(vat), "fork", "exec", requests=3)
    assert len(done.files) == 3
    for file in done.files:
        assert read(file, System()).captures
    if profiler.name == "memcheck":
        assert done.own("lost")["spill"] == 3 * 10 + 500 + 700


@pytest.mark.slow
@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_what_it_executes_is_left_alone_if_nobody_asks_for_it(launch, vat, profiler):
    done = launch(profiler, str(vat), "exec", requests=3, subprocesses=False)
    assert len(done.files) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv",
    [("sh", "-c", "cd . && ./vat"), ("sh", "-c", "exec ./vat"), ("./start",)],
    ids=["shell", "exec", "script"],
)
def test_a_service_behind_a_shell_is_seen_and_told_to_end(launch, vat, argv):
    """The shell runs under valgrind too; it is the service that SIGTERM has to reach."""
    script = vat.parent / "start"
    script.write_text("#!/bin/sh\n./vat\n")
    script.chmod(0o755)
    done = launch(Memcheck(), *argv, requests=5, subprocesses=False)
    assert done.own("lost")["spill"] == 50


@pytest.mark.slow
@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_a_service_that_is_killed_leaves_no_capture_to_trust(launch, profiler):
    done = launch(profiler, requests=3, stop=signal.SIGKILL)
    for file in done.files:
        with pytest.raises(InputError, match="was killed before it had written the end"):
            read(file, System())
    if not done.files:
        assert "raise service.stop-timeout" in profiler.silence(done.out)
    assert (profiler.name == "memcheck") == bool(done.files)


@pytest.mark.slow
def test_an_interrupt_writes_too(launch):
    assert launch(Dhat(), stop=signal.SIGINT).own("allocations")["spill"] == REQUESTS


@pytest.mark.slow
@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_a_static_program_has_a_malloc_that_cannot_be_replaced(tmp_path, stage, system, profiler):
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    system.run(["gcc", "-static", "-o", "a", "a.c"], cwd=tmp_path)
    service = Target(argv=("./a",), cwd=tmp_path, env=tuple(system.environ.items()))
    if profiler.name == "callgrind":
        assert profiler.plan(service, stage(profiler.name), tmp_path, system).notes == ()
        return
    with pytest.raises(
        CannotMeasure, match=r"cannot see the memory of a: it is linked statically.*callgrind"
    ):
        profiler.plan(service, stage(profiler.name), tmp_path, system)


@pytest.mark.slow
def test_an_allocator_that_is_built_in_is_said(tmp_path, stage, system):
    (tmp_path / "a.c").write_text("void mi_malloc(void) {}\nint main(void) { return 0; }\n")
    system.run(["gcc", "-o", "a", "a.c"], cwd=tmp_path)
    service = Target(argv=("./a",), cwd=tmp_path, env=tuple(system.environ.items()))
    (note,) = Massif().plan(service, stage("massif"), tmp_path, system).notes
    assert note == "massif: mimalloc is built into a; what it hands out is not seen"


@pytest.mark.slow
def test_the_version_is_valgrinds(system):
    assert all(tool.version(system).count(".") >= 1 for tool in TOOLS)


# --- plans, without valgrind -----------------------------------------------------------------------------------------


@pytest.fixture
def tools(tmp_path: Path) -> System:
    """A system that has a program called valgrind, and little else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "valgrind").write_text("#!/bin/sh\necho valgrind-3.99.1\n")
    (folder / "valgrind").chmod(0o755)
    return System({"PATH": f"{folder}:/usr/bin:/bin"})


@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_without_valgrind_it_is_said_how_to_get_it(target, stage, tmp_path, profiler):
    nothing = System({"PATH": str(tmp_path)})
    with pytest.raises(
        ToolMissing, match="valgrind is not installed; sudo apt-get install valgrind libc6-dbg"
    ):
        profiler.plan(target(""), stage(profiler.name), tmp_path, nothing)
    with pytest.raises(ToolMissing):
        profiler.version(nothing)


@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_go_programs_are_refused(target, stage, tmp_path, tools, profiler):
    service = target("", "./shop")
    (service.cwd / "go.mod").write_text("module shop\n")
    with pytest.raises(
        CannotMeasure, match=r"cannot follow a Go program \(go.mod in its folder\).*profiler: pprof"
    ):
        profiler.plan(service, stage(profiler.name), tmp_path, tools)


@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_a_service_that_runs_already_is_refused(target, stage, tmp_path, tools, profiler):
    running = Target(argv=(), cwd=tmp_path, env=(), pid=os.getpid())
    with pytest.raises(CannotMeasure, match=r"which runs already; give service\.command"):
        profiler.plan(running, stage(profiler.name), tmp_path, tools)


@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_python_repeats_itself_and_hides_nothing(target, stage, tmp_path, tools, profiler):
    plan = profiler.plan(target(""), stage(profiler.name), tmp_path, tools)
    malloc = {"PYTHONMALLOC": "malloc"} if profiler in HEAP else {}
    assert dict(plan.env) == {"PYTHONHASHSEED": "0", **malloc}
    own = Target(
        argv=("python", "app.py"), cwd=tmp_path, env=(("PYTHONHASHSEED", "7"), ("PYTHONMALLOC", "debug"))
    )
    kept = dict(profiler.plan(own, stage(profiler.name), tmp_path, tools).env)
    assert kept["PYTHONHASHSEED"] == "7"
    assert kept.get("PYTHONMALLOC", "debug") == "debug"


@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_the_command_is_left_as_it_is(target, stage, tmp_path, tools, profiler):
    service = target("", "sh", "-c", "exec ./a 'b c'")
    plan = profiler.plan(service, stage(profiler.name), tmp_path / "50% off", tools)
    assert plan.argv[-3:] == service.argv
    assert plan.argv[0] == tools.which("valgrind")
    assert f"--tool={profiler.name}" in plan.argv
    assert any(
        word.endswith(f"{tmp_path}/50%% off/{plan.artifacts[0].removesuffix('.*[0-9]')}.%p")
        for word in plan.argv
    )
    assert plan.text_artifacts
    assert profiler.traits.counts
    assert profiler.traits.slowdown >= 20


def test_a_runtime_of_its_own_is_said(target, stage, tmp_path, tools):
    service = target("", "./shop")
    (service.cwd / "package.json").write_text("{}")
    (note,) = Callgrind().plan(service, stage("callgrind"), tmp_path, tools).notes
    assert (
        note == "callgrind: code that a runtime makes while it runs has no names (package.json in its folder)"
    )


@pytest.mark.parametrize("profiler", TOOLS, ids=by_name)
def test_why_there_is_no_capture(tmp_path, profiler):
    assert f"{profiler.name} wrote nothing: valgrind could not run the service" in profiler.silence(tmp_path)


def test_an_empty_capture_is_named(tmp_path):
    (tmp_path / "callgrind.out.12").touch()
    said = Callgrind().silence(tmp_path)
    assert said.startswith(
        "callgrind wrote only callgrind.out.12, which is empty: the service was killed before"
    )


def test_a_version_that_is_not_said_is_unknown(tmp_path):
    (tmp_path / "valgrind").write_text("#!/bin/sh\n")
    (tmp_path / "valgrind").chmod(0o755)
    assert Dhat().version(System({"PATH": f"{tmp_path}:/usr/bin:/bin"})) == "unknown"
