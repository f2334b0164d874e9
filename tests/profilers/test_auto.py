"""What auto sees in a service and picks for it: real programs, and machines that allow less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from perf_action.config import parse
from perf_action.config.groups import ProfilerName
from perf_action.errors import CannotMeasure
from perf_action.profilers.allowed import PerfEvents
from perf_action.profilers.auto import Choice, ChosenName, applied, choices, choose, purpose_of, resolve
from perf_action.profilers.plan import Target
from perf_action.profilers.subject import Subject, find_program, look, look_at

ALLOWED = PerfEvents(event="cycles", kernel=True)
CLOCK = PerfEvents(event="cpu-clock", kernel=True, cycles_error="none here")
FORBIDDEN = PerfEvents(error="Permission denied")


@pytest.fixture
def target(tmp_path, system):
    def make(*argv: str, pid: int | None = None) -> Target:
        return Target(argv=argv, cwd=tmp_path, env=tuple(system.environ.items()), pid=pid)

    return make


def put(path: Path, program: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(program.read_bytes())
    path.chmod(0o755)


@pytest.mark.parametrize(
    "argv",
    [
        ("./server", "--port", "1"),
        ("sh", "-c", "exec ./server --port 1"),
        ("sh", "-c", "RUST_LOG=info taskset -c 0 ./server"),
        ("env", "A=1", "./server"),
        ("nice", "-n", "5", "./server"),
        ("server",),
    ],
)
def test_the_program_is_found_behind_shells_and_launchers(target, tmp_path, system, compiler, argv):
    put(tmp_path / "server", compiler.c("-O2"))
    there = target(*argv)
    found = Target(argv=there.argv, cwd=tmp_path, env=(("PATH", f"{tmp_path}:{system.environ['PATH']}"),))
    assert find_program(found, system) == tmp_path / "server"


@pytest.mark.parametrize(
    ("argv", "place"),
    [
        (("cargo", "run", "--release"), "target/release/shop"),
        (("cargo", "run"), "target/debug/shop"),
        (("cargo", "run", "--release", "--bin", "server", "--", "--port", "1"), "target/release/server"),
        (("cargo", "run", "--profile", "bench"), "target/bench/shop"),
        (("sh", "-c", "exec cargo run --release"), "target/release/shop"),
    ],
)
def test_the_program_that_cargo_runs(target, tmp_path, system, compiler, *, argv, place):
    (tmp_path / "Cargo.toml").write_text('[workspace]\n\n[package]\nedition = "2021"\nname = "shop"\n')
    assert find_program(target(*argv), system) is None
    put(tmp_path / place, compiler.c("-O2"))
    assert find_program(target(*argv), system) == tmp_path / place


def test_what_is_no_program_is_not_taken_for_one(target, tmp_path, system):
    (tmp_path / "run.sh").write_text("#!/bin/sh\nexec java -jar x.jar\n")
    assert find_program(target("./run.sh"), system) is None
    assert find_program(target("./none"), system) is None
    assert look(target("./run.sh"), system) is None


@pytest.mark.parametrize(
    ("argv", "made_by", "files", "language"),
    [
        (("python", "-m", "shop"), "", (), "python"),
        (("uv", "run", "shop"), "", (), "python"),
        (("./target/release/shop",), "cargo build --release", ("pyproject.toml",), "rust"),
        (("./shop",), "go build -o shop ./cmd/shop", (), "go"),
        (("./shop",), "g++ -O2 shop.cc -o shop", (), "c++"),
        (("./shop",), "cmake -B build && cmake --build build", (), "c"),
        (("gunicorn-of-nobody", "shop:app"), "python -m pip install -r requirements.txt", (), "python"),
        (("shop",), "make", ("go.mod", "Makefile"), "go"),
        (("shop",), "", ("Makefile",), "c"),
        (("shop",), "", ("package.json",), "other"),
        (("./shop",), "make", (), None),
    ],
)
def test_before_it_is_built_the_project_says_the_language(
    target, tmp_path, system, *, argv, made_by, files, language
):
    for name in files:
        (tmp_path / name).touch()
    found = look(target(*argv), system, made_by=made_by)
    assert (found.language if found else None) == language


def test_a_process_that_runs_is_known_by_its_program(target, system):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        found = look(target("whatever", pid=child.pid), system)
        assert found is not None
        assert (found.language, found.program) == ("python", Path(f"/proc/{child.pid}/exe"))
        assert choose("cpu", found, ALLOWED, runs=True).profiler == "py-spy"
        with pytest.raises(
            CannotMeasure, match=r"memray has to start the service, which runs already; give service.c"
        ):
            choose("memory", found, ALLOWED, runs=True)
    finally:
        child.communicate(b"\n")


def test_a_runtime_is_not_the_service(tmp_path, compiler):
    put(tmp_path / "node", compiler.cxx("-O1"))
    found = look_at(tmp_path / "node")
    assert found is not None
    assert found.language == "other"
    assert choose("heap", found, ALLOWED).reason.endswith("only what is allocated through malloc is seen")


def test_the_name_of_a_stage_says_what_it_measures():
    assert [purpose_of(n) for n in ("memory", "heap", "mem-stress", "allocations", "leaks")] == ["memory"] * 5
    assert [purpose_of(n) for n in ("cpu", "profile", "hot-path", "x")] == ["cpu"] * 4


def picks(subject: Subject, events: PerfEvents) -> tuple[str, str]:
    out = []
    for stage in ("cpu", "memory"):
        try:
            out.append(choose(stage, subject, events).profiler)
        except CannotMeasure as error:
            out.append(str(error))
    return out[0], out[1]


def test_c_and_c_plus_plus(compiler):
    for path, name in ((compiler.c("-O2"), "C"), (compiler.cxx("-O1"), "C++")):
        subject = look_at(path)
        assert subject is not None
        assert picks(subject, ALLOWED) == ("perf", "heaptrack")
        assert picks(subject, FORBIDDEN) == ("callgrind", "heaptrack")
        assert choose("cpu", subject, CLOCK).reason.startswith(
            f"the service is {name} (program is an ELF program, "
        )
        assert choose("cpu", subject, CLOCK).reason.endswith(
            "perf may sample the processors' clock (no hardware cycles)"
        )
        assert choose("cpu", subject, FORBIDDEN).reason.endswith(
            "the kernel forbids perf (Permission denied)"
        )
        with pytest.raises(CannotMeasure, match="callgrind has to start the service"):
            choose("cpu", subject, FORBIDDEN, runs=True)


def test_a_static_program_has_no_memory_profiler(compiler):
    subject = look_at(compiler.c("-O2", "-static"))
    assert subject is not None
    assert picks(subject, ALLOWED) == (
        "perf",
        "stages.memory: no profiler fits: the service is linked statically, so nothing can be put between it and its allocator; link it dynamically (Rust: a gnu target instead of musl; C: without -static)",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('const char *x = "_rjem_malloc"; const char *y = "jeprof";', "jemalloc"),
        ('const char *x = "_rjem_malloc";', "stages.memory: no profiler fits: it allocates with a jemalloc of its own, which is built without profiling; turn on the feature `profiling` of tikv-jemallocator"),
    ],
)  # fmt: skip
def test_a_jemalloc_of_its_own_is_asked_itself(tmp_path, text, expected):
    """heaptrack would see nothing: the functions have names of their own."""
    (tmp_path / "x.c").write_text(f"{text}\nint main(void) {{ return x[0]; }}\n")
    subprocess.run(["gcc", "-O0", "x.c", "-o", "x"], cwd=tmp_path, check=True)
    subject = look_at(tmp_path / "x")
    assert subject is not None
    assert picks(subject, ALLOWED) == ("perf", expected)


@pytest.mark.slow
def test_rust(compiler):
    subject = look_at(compiler.rust("-O", "-C", "strip=symbols"))
    assert subject is not None
    assert picks(subject, ALLOWED) == ("perf", "heaptrack")


@pytest.mark.slow
def test_go(compiler):
    plain, served, stripped = (
        look_at(compiler.go()), look_at(compiler.go(pprof=True)), look_at(compiler.go("-ldflags=-s -w", pprof=True))
    )  # fmt: skip
    assert plain is not None
    assert served is not None
    assert stripped is not None
    no_memory = (
        "stages.memory: no profiler fits: Go allocates without malloc, and the service has no net/http/pprof; "
        'import _ "net/http/pprof" in it and serve it'
    )
    assert picks(plain, ALLOWED) == ("perf", no_memory)
    assert picks(plain, FORBIDDEN)[0] == (
        "stages.cpu: no profiler fits: the kernel forbids perf (Permission denied), and the service has no net/http/pprof; "
        "sudo sysctl kernel.perf_event_paranoid=1, or import net/http/pprof"
    )
    assert picks(served, ALLOWED) == ("perf", "pprof")
    assert picks(served, FORBIDDEN) == ("pprof", "pprof")
    assert picks(stripped, ALLOWED) == ("pprof", "pprof")
    assert "perf would see no names in it" in choose("cpu", stripped, ALLOWED).reason


def settings(**stages: object):
    return parse(
        {
            "service": {"command": "python -m shop", "setup": ["pip", "install", "."]},
            "load": {"main": {"tool": "locust", "script": "x.py"}},
            "stages": stages,
        },
        "perf.yml",
    )


def test_stages_get_their_profilers_and_the_report_its_notes(target, system):
    config = settings(cpu={}, memory={"profiler": "auto", "slices": 2}, times={"profiler": "none"})
    assert config.stages["cpu"].profiler == "auto"
    resolved, notes = resolve(config, lambda: target("python", "-m", "shop"), system, lambda: ALLOWED)
    assert {n: s.profiler for n, s in resolved.stages.items()} == {
        "cpu": "py-spy",
        "memory": "memray",
        "times": "none",
    }
    assert resolved.stages["memory"].slices == 2
    assert notes == (
        "cpu: auto chose py-spy: the service is Python (its command starts Python)",
        "memory: auto chose memray: the service is Python (its command starts Python)",
    )


def test_nothing_is_looked_at_where_nothing_has_to_be_chosen(system):
    def never() -> Target:
        raise AssertionError

    config = settings(cpu={"profiler": "perf"})
    assert resolve(config, never, system, never) == (config, ())


def test_a_stage_for_which_nothing_fits_is_named_and_stays_as_it_is(target, system):
    config = settings(cpu={}, memory={"profiler": "memray"})
    config = config.model_copy(update={"service": config.service.model_copy(update={"setup": None})})
    unknown = lambda: target("./shop")  # noqa: E731
    with pytest.raises(
        CannotMeasure, match=r"^stages.cpu: no profiler fits: nothing says what the service is written"
    ):
        resolve(config, unknown, system, lambda: ALLOWED)
    chosen = choices(config, unknown, system, lambda: ALLOWED)
    assert [isinstance(c, Choice) for c in chosen.values()] == [False]
    assert applied(config, chosen).stages["cpu"].profiler == "auto"


def test_auto_chooses_what_the_settings_know():
    assert set(get_args(ChosenName)) < set(get_args(ProfilerName)) - {"none", "auto"}
