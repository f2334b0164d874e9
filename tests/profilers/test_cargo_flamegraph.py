"""cargo-flamegraph round real programs: the command it becomes, the picture it leaves, and what it cannot do."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from perf_action import formats
from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.model.profile import Profile
from perf_action.model.tree import costs
from perf_action.profilers import Plan, Target
from perf_action.profilers.allowed import PerfEvents
from perf_action.profilers.cargo_flamegraph import CargoFlamegraph
from perf_action.system import System

pytestmark = pytest.mark.slow  # perf, flamegraph and Rust have to be there
RUST = """
use std::io::Write;
#[inline(never)]
fn price(n: u64) -> u64 { (0..n).fold(0, |sum, i| std::hint::black_box(sum ^ i * i)) }
#[inline(never)]
fn search(n: u64) -> u64 { (0..n).fold(1, |sum, i| std::hint::black_box(sum + i)) }
fn main() {
    println!("up {}", std::env::args().skip(1).collect::<Vec<_>>().join(" "));
    std::io::stdout().flush().unwrap();
    loop { std::hint::black_box(price(300_000) + search(100_000)); }
}
"""
CLOCK = PerfEvents(event="cpu-clock", kernel=True, cycles_error="none")


def flamegraph(event: PerfEvents = CLOCK) -> CargoFlamegraph:
    return CargoFlamegraph(lambda _: event)


def service(system: System, folder: Path, *argv: str, **more: object) -> Target:
    return Target(argv=argv, cwd=folder, env=tuple(system.environ.items()), **more)


def rest(plan: Plan) -> tuple[str, ...]:
    """The command without the options that every one has."""
    at = plan.argv.index("--deterministic")
    return plan.argv[at + 1 :]


def test_a_program_is_started_by_flamegraph(stage, tmp_path, system):
    plan = flamegraph().plan(
        service(system, tmp_path, "./shop", "--port", "1"), stage("x", rate_hz=250.0), tmp_path, system
    )
    assert Path(plan.argv[0]).name == "flamegraph"
    assert plan.argv[1:-4] == (
        "--cmd",
        "record --freq 250 --event cpu-clock --call-graph dwarf --no-buildid-cache -o " + f"{tmp_path}/perf.data",
        "--post-process", f"tee {tmp_path}/stacks.folded", "--output", f"{tmp_path}/flamegraph.svg",
        "--no-inline", "--ignore-status", "--deterministic",
    )  # fmt: skip
    assert rest(plan) == ("--", "./shop", "--port", "1")
    assert plan.artifacts == ("perf.data",)
    assert plan.stop_profiler == signal.SIGTERM
    assert plan.notes[-1] == "cargo-flamegraph started the service: start-up and warm-up are in the profile"


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("cargo run", "--dev --"),
        ("cargo run --release -q", "--release --"),
        ("cargo r -r --bin shop -- --port 1 -- x", "-r --bin shop -- --port 1 -- x"),
        ("cargo run --profile bench -F a,b -p shop", "--profile bench --features a,b -p shop --"),
        (
            "cargo run --release --features=a --manifest-path=x/Cargo.toml",
            "--release --features=a --manifest-path=x/Cargo.toml --",
        ),
    ],
)
def test_cargo_run_becomes_cargo_flamegraph(command, becomes, stage, tmp_path, system):
    plan = flamegraph().plan(service(system, tmp_path, *command.split()), stage("x"), tmp_path, system)
    assert Path(plan.argv[0]).name == "cargo-flamegraph"
    assert plan.argv[1] == "flamegraph"
    assert " ".join(rest(plan)) == becomes


def test_what_cargo_flamegraph_does_not_know_is_said(stage, tmp_path, system):
    with pytest.raises(
        CannotMeasure, match=r"does not know '--jobs' of the service's `cargo run`; let service.build"
    ):
        flamegraph().plan(
            service(system, tmp_path, "cargo", "run", "--jobs", "2"), stage("x"), tmp_path, system
        )


def test_a_service_that_runs_is_refused(stage, tmp_path, system):
    with pytest.raises(CannotMeasure, match="which runs already; use profiler: perf"):
        flamegraph().plan(service(system, tmp_path, "x", pid=1), stage("x"), tmp_path, system)


def test_a_folder_with_spaces_is_refused(stage, tmp_path, system):
    with pytest.raises(CannotMeasure, match="name a folder without spaces"):
        flamegraph().plan(service(system, tmp_path, "x"), stage("x"), tmp_path / "a b", system)


@pytest.mark.parametrize("command", ["./shop", "cargo run"])
def test_without_the_tool_its_installation_is_named(command, stage, tmp_path, system):
    (tmp_path / "perf").symlink_to(system.which("perf"))
    only_perf = System({"PATH": str(tmp_path)})
    with pytest.raises(
        ToolMissing, match="flamegraph is not installed; perf-action setup cargo-flamegraph, or cargo install"
    ):
        flamegraph().plan(service(system, tmp_path, *command.split()), stage("x"), tmp_path, only_perf)


def test_the_perf_that_is_used_is_on_its_path(stage, tmp_path, system):
    elsewhere = Target(argv=("./shop",), cwd=tmp_path, env=(("PATH", "/nowhere"),))
    plan = flamegraph().plan(elsewhere, stage("x"), tmp_path, system)
    assert dict(plan.env)["PATH"] == f"{Path(system.which('perf')).parent}:/nowhere"
    assert flamegraph().plan(service(system, tmp_path, "./shop"), stage("x"), tmp_path, system).env == ()


def test_the_version(system):
    assert re.fullmatch(r"\d+\.\d+\.\d+", CargoFlamegraph().version(system))


def ended(plan: Plan, target: Target, log: Path, how: signal.Signals, program: str) -> int | None:
    """Started as the executor does, ended by a signal to the service itself; the exit code of the tool."""
    process = System().start(plan.argv, cwd=target.cwd, env={**dict(target.env), **dict(plan.env)}, log=log)
    try:
        deadline = time.monotonic() + 120
        while not re.search(r"^up", log.read_text(), re.MULTILINE):
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        time.sleep(1.5)
        (own,) = [p for p in psutil.Process(process.pid).children(recursive=True) if p.name() == program]
        own.send_signal(how)
        return process.wait(60)
    finally:
        process.close()


def check_outputs(out: Path) -> None:
    capture = formats.read(out / "perf.data", System())
    found = shares(capture.captures[0].profile)
    assert found["price"] > 0.5
    picture = formats.read(out / "flamegraph.svg", System())
    assert picture.format == "flamegraph-svg"
    drawn = shares(picture.captures[0].profile)
    assert drawn["price"] == pytest.approx(found["price"], abs=0.02)
    folded = formats.read(out / "stacks.folded", System()).captures[0].profile
    assert shares(folded)["price"] == pytest.approx(found["price"], abs=0.02)
    assert picture.captures[0].profile.total() == folded.total()


def shares(profile: Profile) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, cost in costs(profile).items():
        name = key.name.rpartition("::")[2]
        found[name] = found.get(name, 0.0) + cost.self / profile.total()
    return found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_service_that_is_told_to_end_leaves_its_flame_graph(stage, tmp_path, system, how):
    (tmp_path / "shop.rs").write_text(RUST)
    argv = ["rustc", "-O", "-C", "force-frame-pointers=yes", "-o", "shop", "shop.rs"]
    assert system.run(argv, cwd=tmp_path).code == 0
    out = tmp_path / "out"
    out.mkdir()
    target = service(system, tmp_path, "./shop")
    plan = CargoFlamegraph().plan(target, stage("x", rate_hz=199.0, call_graph="fp"), out, system)
    assert ended(plan, target, tmp_path / "log", how, "shop") == 0
    check_outputs(out)
    assert not (tmp_path / "perf.data").exists()


def test_cargo_builds_and_runs_it(stage, tmp_path, system):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.rs").write_text(RUST)
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n')
    out = tmp_path / "out"
    out.mkdir()
    target = service(system, tmp_path, "cargo", "run", "--release", "--", "--port", "1")
    plan = CargoFlamegraph().plan(target, stage("x", rate_hz=99.0), out, system)
    assert ended(plan, target, tmp_path / "log", signal.SIGTERM, "shop") == 0
    assert "up --port 1" in (tmp_path / "log").read_text()
    check_outputs(out)


def test_a_program_that_is_not_there_leaves_nothing(stage, tmp_path, system):
    target = service(system, tmp_path, "./missing")
    plan = flamegraph().plan(target, stage("x"), tmp_path, system)
    done = system.run(plan.argv, cwd=tmp_path)
    assert done.code != 0
    assert not list(tmp_path.glob("flamegraph.svg"))
    assert "cargo-flamegraph recorded nothing" in flamegraph().silence(tmp_path)
