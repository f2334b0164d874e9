"""Whether the machine keeps still: processors and their clocks, memory and disk, what else runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from perf_action.machine.environment import cpu_quota, memory_limit
from perf_action.machine.noise import noise
from perf_action.model.check import Check, Topic
from perf_action.model.finding import State
from perf_action.system import System

#: below this a service, its load and a profiler's captures hardly fit
_LEAST_MEMORY, _LEAST_DISK = 1 << 30, 2 << 30
_CPU = "sys/devices/system/cpu"
_PASS, _FAIL, _UNKNOWN = State.PASS, State.FAIL, State.CANNOT_TELL


def machine_checks(system: System, folder: Path, seconds: float, root: Path = Path("/")) -> Iterator[Check]:
    """`folder` is where the run folder goes; the processors are watched for `seconds`, last."""
    yield _cores(len(system.cores()), cpu_quota(root))
    yield _governor(root)
    yield _turbo(root)
    yield _smt(root)
    yield _memory(root)
    yield _disk(folder)
    yield _neighbours(system, seconds, root)


def _check(name: str, state: State, evidence: str, remedy: str = "", topic: Topic = "machine") -> Check:
    return Check(
        name=name, topic=topic, state=state, evidence=evidence, remedy=remedy if state is _FAIL else ""
    )


def _cores(cores: int, quota: float) -> Check:
    if cores < 2:
        evidence = "1: base and head take turns instead of running at once, and the load shares their core"
        return _check("cores", _FAIL, evidence, "use a runner with two cores or more")
    if quota and quota < cores:
        evidence = (
            f"{cores}, of which a quota allows the time of {quota:g}: services are stopped when it is used up"
        )
        return _check("cores", _FAIL, evidence, "raise the container's CPU limit to its number of cores")
    return _check("cores", _PASS, str(cores))


def _governor(root: Path) -> Check:
    """https://docs.kernel.org/admin-guide/pm/cpufreq.html"""
    seen = sorted({_text(f) for f in (root / _CPU).glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""})
    if not seen:
        return _check(
            "CPU governor", _UNKNOWN, "this kernel does not say: the host decides, or the clock is fixed"
        )
    remedy = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    state = _PASS if seen == ["performance"] else _FAIL
    return _check("CPU governor", state, ", ".join(seen), remedy)


def _turbo(root: Path) -> Check:
    """The clock depends on how many cores are busy and how warm they are. Intel's driver, then all others."""
    for name, off in (("intel_pstate/no_turbo", "1"), ("cpufreq/boost", "0")):
        value = _text(root / _CPU / name)
        if value:
            remedy = f"echo {off} | sudo tee /{_CPU}/{name}"
            state = _PASS if value == off else _FAIL
            return _check(
                "turbo", state, "off" if value == off else "on: the clock varies with heat and load", remedy
            )
    return _check("turbo", _UNKNOWN, "this kernel does not say")


def _smt(root: Path) -> Check:
    """Two threads of one core disturb each other."""
    value = _text(root / _CPU / "smt/active")
    if not value:
        return _check("SMT", _UNKNOWN, "this kernel does not say")
    evidence = "off" if value == "0" else "on: two processors that share a core disturb each other"
    return _check(
        "SMT", _PASS if value == "0" else _FAIL, evidence, f"echo off | sudo tee /{_CPU}/smt/control"
    )


def _memory(root: Path) -> Check:
    words = dict(line.split(":", 1) for line in _text(root / "proc/meminfo").splitlines() if ":" in line)
    limit = memory_limit(root)
    free = min(limit, int(words.get("MemAvailable", "0 kB").split()[0]) * 1024)
    evidence = f"{free / 2**30:.1f} GiB free of {limit / 2**30:.1f} GiB"
    return _check(
        "memory", _PASS if free >= _LEAST_MEMORY else _FAIL, evidence, "end what uses it: top -o %MEM"
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    state = _PASS if free >= _LEAST_DISK else _FAIL
    return _check(
        "disk",
        state,
        f"{free / 2**30:.1f} GiB free",
        f"make room: du -xh {folder} | sort -h | tail",
    )


def _neighbours(system: System, seconds: float, root: Path) -> Check:
    seen = noise(system, seconds, root=root)
    evidence = (
        f"{seen.busy:.0%} of the processors' time used by other programs, {seen.stolen:.1%} stolen by the hypervisor, "
        f"load average {seen.load_average:.1f}"
    )
    state = _PASS if seen.quiet else _FAIL
    return _check("neighbours", state, evidence, "end what runs here: top -o %CPU", topic="during profiling")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
