"""What doctor says, of this machine as it is and of others that a folder stands for; and what setup does about it."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action.cli import run
from perf_action.config import parse
from perf_action.machine.doctor import Patient, examine, stops
from perf_action.machine.doctor.machine import machine_checks
from perf_action.machine.doctor.rights import rights_checks
from perf_action.machine.sysctl import Kernel
from perf_action.machine.tools import TOOLS
from perf_action.machine.tools_needed import Needs, needs
from perf_action.model.check import Check, Weight
from perf_action.model.finding import State
from perf_action.profilers.allowed import PerfEvents
from perf_action.system import System

PASS, FAIL, UNKNOWN = State.PASS, State.FAIL, State.CANNOT_TELL
CONFIG = {
    "service": {"command": "python -m app --port {port}", "env": {"KEY": "$API_KEY"}},
    "load": {"main": {"tool": "k6", "script": "load.js"}},
    "stages": {"cpu": {"profiler": "py-spy"}},
}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def examined(tmp_path: Path, system: System) -> Callable[..., dict[str, Check]]:
    """All checks by name, with k6 only where a test puts one into `bin`."""

    def make(config: object = None, *, binary: Path | None = None, pid: int | None = None, **environ: str):
        elsewhere = [d for d in system.environ["PATH"].split(":") if not (Path(d) / "k6").exists()]
        path = ":".join([str(tmp_path / "bin"), *elsewhere])
        there = System({**system.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), **environ})
        parsed = parse(config, "perf.yml") if config else None
        patient = Patient(
            system=there, kernel=Kernel(system=there), config=parsed, folder=tmp_path, binary=binary, pid=pid,
            watch_seconds=0.02,
        )  # fmt: skip
        return {check.name: check for check in examine(patient)}

    return make


def test_what_works_is_told_with_its_version(examined, tmp_path):
    script(tmp_path / "bin/k6", "echo k6 v1.1.0")
    seen = examined(CONFIG)
    for name in ("git", "py-spy", "k6"):
        assert seen[name].state is PASS
        assert seen[name].evidence[0].isdigit()
        assert seen[name].weight is Weight.NEEDED
    assert seen["variables"].state is PASS
    assert seen["valgrind"].weight is Weight.UNUSED
    assert {
        "perf events",
        "ptrace",
        "container",
        "cores",
        "CPU governor",
        "memory",
        "disk",
        "neighbours",
    } <= seen.keys()


@pytest.mark.slow
def test_a_missing_tool_stops_a_run_only_if_it_is_needed(examined):
    seen = examined(CONFIG)
    assert (seen["k6"].state, seen["k6"].evidence) == (FAIL, "k6 is not installed")
    assert seen["k6"].remedy == "perf-action setup k6"
    assert stops(seen.values())
    locust = {**CONFIG, "load": {"main": {"tool": "locust", "script": "x.py"}}}
    assert examined(locust)["k6"].weight is Weight.UNUSED
    assert not stops([examined(locust)["k6"]])
    assert examined()["k6"].weight is Weight.ADVICE


@pytest.mark.slow
def test_a_load_that_no_stage_uses_is_not_needed(examined):
    loads = {"main": {"tool": "locust", "script": "x.py"}, "spare": {"tool": "k6", "script": "x.js"}}
    assert examined({**CONFIG, "load": loads})["k6"].weight is Weight.UNUSED
    stages = {"cpu": {"profiler": "none", "load": "spare"}}
    assert examined({**CONFIG, "load": loads, "stages": stages})["k6"].weight is Weight.NEEDED


def test_a_variable_that_is_not_set_is_found_before_a_run(examined):
    config = {**CONFIG, "load": {"main": {"tool": "k6", "script": "x.js", "env": {"TOKEN": "$NOT_SET_HERE"}}}}
    check = examined(config)["variables"]
    assert check.stops
    assert "load.main.env.TOKEN: the environment variable NOT_SET_HERE is not set" in check.evidence


def test_without_git_there_is_a_remedy(examined):
    check = examined(PATH="/nonexistent")["git"]
    assert (check.state, check.evidence, check.remedy) == (
        FAIL,
        "not installed",
        "sudo apt-get install -y git",
    )


def test_memray_that_is_not_there_for_the_services_python_is_brought_in_by_setup(examined, tmp_path):
    """A Python of another version than ours, as far as anyone can see."""
    other = script(tmp_path / "python3.99", "echo cpython-399 3.99.1 - /opt/python3.99")
    config = {
        **CONFIG,
        "service": {"command": f"{other} app.py {{port}}"},
        "stages": {"m": {"profiler": "memray"}},
    }
    check = examined(config)["memray"]
    assert (check.state, check.weight) == (FAIL, Weight.ADVICE)
    assert check.evidence == "not there yet for Python 3.99.1 (/opt/python3.99)"
    assert check.remedy == "perf-action setup memray"
    del config["stages"]
    assert examined(config)["memray"].weight is Weight.UNUSED


@pytest.mark.slow
def test_the_services_program_is_looked_at(examined, tmp_path, compiler):
    config = {**CONFIG, "service": {"command": "exec taskset -c 0 ./server", "build": "make server"}}
    seen = examined(config)
    assert (seen["program"].state, seen["program"].remedy) == (UNKNOWN, "build it first: make server")
    (tmp_path / "server").write_bytes(compiler.c("-O2", "-g").read_bytes())
    seen = examined(config)
    assert (seen["program"].state, seen["optimised build"].evidence) == (PASS, "-O2 in 1 unit")
    assert seen["frame pointers"].state is FAIL
    (tmp_path / "server").write_bytes(b"\x7fELF and so on")
    assert (examined(config)["program"].state, "damaged" in examined(config)["program"].evidence) == (
        FAIL,
        True,
    )


@pytest.mark.parametrize(("option", "state"), [("", PASS), (" --reload", FAIL), (" --debug", FAIL)])
def test_a_python_service_in_debug_mode_is_told(examined, option, state):
    check = examined({**CONFIG, "service": {"command": f"python -m app{option} --port {{port}}"}})[
        "optimised build"
    ]
    assert (check.state, bool(check.remedy)) == (state, state is FAIL)


def test_the_program_of_a_process_and_whether_it_may_be_looked_into(examined):
    seen = examined(pid=os.getpid())
    assert seen["program"].evidence.startswith(f"/proc/{os.getpid()}/exe: ")
    assert f"process {os.getpid()}" in seen["ptrace"].evidence
    gone = examined(pid=2**22 - 1)["program"]
    assert (gone.stops, gone.evidence) == (True, f"there is no process {2**22 - 1}")


def test_a_service_that_should_run_and_does_not(examined):
    config = {**CONFIG, "service": {"pid": 2**22 - 1}, "stages": {"cpu": {}}}
    assert examined(config)["program"].evidence.startswith("service.pid: there is no process")


def test_heaptrack_takes_gdb_along_to_attach(system):
    config = parse(
        {**CONFIG, "service": {"pid": os.getpid()}, "stages": {"m": {"profiler": "heaptrack"}}}, "perf.yml"
    )
    attached = needs(config, lambda: pytest.fail("nothing to choose"), system, PerfEvents)
    assert [tool.name for tool in attached.tools] == ["heaptrack", "gdb", "k6"]
    assert [tool.name for tool in needed_by(system, "heaptrack").tools] == ["heaptrack", "k6"]


def needed_by(system: System, *profilers: str) -> Needs:
    config = parse(
        {**CONFIG, "stages": {f"s{i}": {"profiler": p} for i, p in enumerate(profilers)}}, "perf.yml"
    )
    return needs(config, lambda: pytest.fail("nothing to choose"), system, PerfEvents)


def kernel(system: System, root: Path, events: PerfEvents, **files: str) -> Kernel:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Kernel(
        system=system,
        root=root,
        events=lambda: events,
        names_hidden=lambda: True,
        ptrace=lambda _s: "Operation not permitted",
    )


FORBIDDEN = PerfEvents(error="Permission denied", cycles_error="Permission denied")
UBUNTU = {
    "proc__sys__kernel__perf_event_paranoid": "4\n",
    "proc__sys__kernel__kptr_restrict": "1\n",
    "proc__sys__kernel__yama__ptrace_scope": "1\n",
    "proc__self__status": "CapEff:\t0000000000000000\nSeccomp:\t0\n",
}
DOCKER = {"proc__self__status": "CapEff:\t00000000a80425fb\nSeccomp:\t2\n", ".dockerenv": ""}


def test_ubuntu_forbids_all_and_each_has_a_command(system, tmp_path):
    there = kernel(system, tmp_path, FORBIDDEN, **UBUNTU)
    seen = {c.name: c for c in rights_checks(there, needed_by(system, "perf", "py-spy"))}
    assert seen["perf events"].stops
    assert seen["perf events"].evidence == "forbidden: Permission denied"
    assert [seen[name].remedy for name in ("perf events", "kernel symbols", "ptrace")] == [
        "sudo sysctl -w kernel.perf_event_paranoid=1",
        "sudo sysctl -w kernel.kptr_restrict=0",
        "sudo sysctl -w kernel.yama.ptrace_scope=0",
    ]
    assert [seen[name].evidence for name in ("perf_event_paranoid", "kptr_restrict", "ptrace_scope")] == [
        "4",
        "1",
        "1",
    ]
    assert seen["container"].evidence == "none seen, no filter of system calls"
    others = {c.name: c for c in rights_checks(there, needed_by(system, "heaptrack"))}
    assert others["perf events"].weight is Weight.UNUSED


def test_a_container_needs_capabilities(system, tmp_path):
    there = kernel(system, tmp_path, FORBIDDEN, **DOCKER)
    seen = {c.name: c for c in rights_checks(there, None)}
    assert seen["container"].evidence == (
        "in a container (docker), system calls are filtered (seccomp), "
        "without CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_SYSLOG, CAP_PERFMON"
    )
    assert seen["perf events"].remedy == "docker run --cap-add PERFMON --security-opt seccomp=unconfined …"
    assert seen["ptrace"].remedy == "docker run --cap-add SYS_PTRACE --security-opt seccomp=unconfined …"


@pytest.mark.parametrize(
    ("events", "state", "evidence"),
    [
        (PerfEvents(event="cycles", kernel=True), PASS, "perf may sample cycles"),
        (
            PerfEvents(event="cpu-clock", kernel=True, cycles_error="none"),
            PASS,
            "perf may sample cpu-clock only; no hardware cycles: none",
        ),
        (
            PerfEvents(event="cycles"),
            FAIL,
            "perf may sample cycles, of the service but not of the kernel under it",
        ),
    ],
)
def test_what_perf_may_sample(system, tmp_path, events, state, evidence):
    there = kernel(system, tmp_path, events, **{**UBUNTU, "proc__sys__kernel__perf_event_paranoid": "2"})
    check = next(rights_checks(there, needed_by(system, "perf")))
    assert (check.name, check.state, check.evidence) == ("perf events", state, evidence)
    assert not check.stops


CALM = "cpu  100 0 100 1000 0 0 0 0 0 0\n"


@pytest.fixture
def machine(tmp_path: Path, system: System) -> Callable[..., dict[str, Check]]:
    """The machine that files stand for."""

    def make(**files: str) -> dict[str, Check]:
        root = tmp_path / "root"
        base = {"proc/stat": CALM, "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n"}
        for name, text in {**base, **{k.replace("__", "/"): v for k, v in files.items()}}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return {check.name: check for check in machine_checks(system, tmp_path, 0.0, root)}

    return make


CPU = "sys__devices__system__cpu__"


def test_a_machine_that_keeps_still(machine):
    seen = machine(**{
        f"{CPU}cpu0__cpufreq__scaling_governor": "performance\n",
        f"{CPU}cpu1__cpufreq__scaling_governor": "performance\n",
        f"{CPU}intel_pstate__no_turbo": "1\n",
        f"{CPU}smt__active": "0\n",
    })  # fmt: skip
    assert {seen[n].state for n in ("CPU governor", "turbo", "SMT", "memory", "disk", "neighbours")} == {PASS}
    assert seen["memory"].evidence == "3.8 GiB free of 7.6 GiB"


def test_a_laptop_that_saves_power(machine):
    seen = machine(**{
        f"{CPU}cpu0__cpufreq__scaling_governor": "powersave\n",
        f"{CPU}cpu1__cpufreq__scaling_governor": "performance\n",
        f"{CPU}cpufreq__boost": "1\n",
        f"{CPU}smt__active": "1\n",
        "proc__meminfo": "MemTotal: 8000000 kB\nMemAvailable: 100000 kB\n",
    })  # fmt: skip
    assert [seen[n].state for n in ("CPU governor", "turbo", "SMT", "memory")] == [FAIL] * 4
    assert seen["CPU governor"].evidence == "performance, powersave"
    assert seen["turbo"].remedy == "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
    assert all(seen[n].remedy for n in ("CPU governor", "turbo", "SMT", "memory"))


def test_a_virtual_machine_that_says_nothing(machine):
    seen = machine()
    assert [seen[n].state for n in ("CPU governor", "turbo", "SMT")] == [UNKNOWN] * 3


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "perf.yml").write_text(textwrap.dedent(text))


@pytest.mark.slow
def test_doctor_prints_a_table_and_json(in_folder, capsys):
    assert run(["doctor"]) == 0
    table = capsys.readouterr().out
    assert "tools\n  ok    git" in table
    assert "\nrights\n" in table
    assert run(["doctor", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["state"] in ("ok", "warn")
    assert list(data["checks"][0]) == ["name", "topic", "state", "evidence", "remedy", "weight"]


@pytest.mark.slow
def test_doctor_looks_at_a_program_or_a_process(in_folder, capsys, compiler):
    assert run(["doctor", "--binary", str(compiler.c("-O2"))]) == 0
    assert "functions have names, but no files and lines" in capsys.readouterr().out
    assert run(["doctor", "--pid", str(os.getpid()), "--format", "json"]) == 0
    names = {check["name"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert {"debug symbols", "frame pointers", "optimised build", "linking"} <= names
    assert run(["doctor", "--pid", "1", "--binary", "x"]) == 2
    assert capsys.readouterr().err == "error: give --binary or --pid, not both\n"
    assert run(["doctor", "--binary", "no-such-file"]) == 0
    assert "cannot be read: No such file or directory" in capsys.readouterr().out


def test_doctor_ends_with_3_if_something_needed_does_not_work(in_folder, capsys):
    write(
        in_folder,
        """
        service: {command: python app.py, env: {K: $NOT_SET_HERE}}
        load: {main: {tool: locust, script: x.py}}
        """,
    )
    assert run(["doctor"]) == 3
    assert "fail  variables" in capsys.readouterr().out


def test_doctor_refuses_broken_settings(in_folder, capsys):
    write(in_folder, "service: {comand: x}\n")
    assert run(["doctor"]) == 2
    assert "did you mean 'command'?" in capsys.readouterr().err


def test_setup_says_what_is_there(in_folder, capsys):
    assert run(["setup", "py-spy", "locust"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("py-spy 0.")
    assert "locust 2." in out


SHOP = """
    service: {command: python -m shop}
    load: {main: {tool: locust, script: x.py}, stress: {tool: k6, script: x.js}}
    stages: {cpu: {profiler: none}}
    """


def test_setup_sees_overrides_as_run_does(in_folder, capsys, monkeypatch):
    """A stage or load that an override brings in is installed too; one that nothing uses is not."""
    write(in_folder, SHOP)
    assert run(["setup"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["locust"]
    assert run(["setup", "--set", "stages.cpu={profiler: py-spy}"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["py-spy", "locust"]
    assert run(["setup", "--cached"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["setup", "--cached", "--set", "stages.cpu.load=stress"]) == 0
    assert capsys.readouterr().out == f"{in_folder}/cache/perf-action/k6-1.1.0\n"
    monkeypatch.setenv("PERF_INPUT_LAUNCHES", "many")
    assert run(["setup"]) == 2
    assert "measure.launches" in capsys.readouterr().err


def test_setup_says_what_auto_takes_and_brings_it_in(in_folder, capsys):
    write(in_folder, SHOP.replace("profiler: none", "profiler: auto"))
    assert run(["setup"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "stages.cpu: auto takes py-spy: the service is Python (its command starts Python)"
    assert [line.split()[0] for line in lines[1:]] == ["py-spy", "locust"]


def test_setup_goes_on_where_auto_cannot_know_yet(in_folder, capsys):
    write(in_folder, SHOP.replace("profiler: none", "profiler: auto").replace("python -m shop", "./shop"))
    assert run(["setup"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("stages.cpu: no profiler fits: nothing says what the service is written in")
    assert [line.split()[0] for line in lines[1:]] == ["locust"]


def test_restore_has_nothing_to_do_where_nothing_was_changed(in_folder, capsys):
    assert run(["setup", "--restore"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (
            ["setup", "pyspy"],
            f"error: there is no tool 'pyspy'; there is {', '.join(tool.name for tool in TOOLS)}",
        ),
        (["setup"], "error: there is no perf.yml here; name the tools, or your settings with --config"),
        (
            ["setup", "--config", "no.yml"],
            "error: no.yml: no such file; write one, or name yours with --config",
        ),
    ],
)
def test_setup_refuses_what_it_does_not_know(in_folder, capsys, argv, error):
    assert run(argv) == 2
    assert capsys.readouterr().err.strip() == error
