"""What the kernel lets this process do, each thing really tried, and the settings and walls that decide it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from perf_action.machine.sysctl import SETTINGS, Kernel
from perf_action.machine.tools_needed import Needs
from perf_action.model.check import Check, Weight
from perf_action.model.finding import State
from perf_action.profilers.allowed import ptrace_refusal

#: bits of CapEff (capability.h) that open what is tried here
_CAPABILITIES = (("SYS_PTRACE", 19), ("SYS_ADMIN", 21), ("SYSLOG", 34), ("PERFMON", 38))
_MARKS = (".dockerenv", "run/.containerenv")
_PASS, _FAIL, _UNKNOWN = State.PASS, State.FAIL, State.CANNOT_TELL


def rights_checks(kernel: Kernel, needed: Needs | None, pid: int | None = None) -> Iterator[Check]:
    """`needed` None: the machine alone is looked at. `pid`: also whether that process lets itself be looked into."""
    walls = _walls(kernel.root)
    yield _events(kernel, needed, walls)
    yield _kernel_names(kernel, needed)
    yield _ptrace(kernel, needed, walls, pid)
    for setting in {s.name: s for s in SETTINGS}.values():
        value = setting.value(kernel.root)
        said = "this kernel has no such restriction" if value is None else str(value)
        yield Check(name=setting.name.rpartition(".")[2], topic="rights", state=_PASS, evidence=said)
    yield Check(
        name="container",
        topic="rights",
        state=_PASS,
        evidence=walls or "none seen, no filter of system calls",
    )


def _weight(needed: Needs | None, *profilers: str) -> Weight:
    if needed is None:
        return Weight.ADVICE
    return Weight.NEEDED if needed.profilers & set(profilers) else Weight.UNUSED


def _events(kernel: Kernel, needed: Needs | None, walls: str) -> Check:
    seen = kernel.events()
    state, evidence, remedy = _PASS, f"perf may sample {seen.event}", ""
    if not seen.event:
        state, evidence = _FAIL, f"forbidden: {seen.error}"
        remedy = _open_up(kernel, 0, walls, "PERFMON")
    elif not seen.kernel:
        state, evidence = _FAIL, f"{evidence}, of the service but not of the kernel under it"
        remedy = _open_up(kernel, 0, walls, "PERFMON")
    elif seen.event == "cpu-clock":
        evidence = f"{evidence} only; no hardware cycles: {seen.cycles_error}"
    weight = _weight(needed, "perf", "cargo-flamegraph")
    if seen.event and weight is Weight.NEEDED:
        weight = Weight.ADVICE
    return Check(
        name="perf events", topic="rights", state=state, evidence=evidence, remedy=remedy, weight=weight
    )


def _kernel_names(kernel: Kernel, needed: Needs | None) -> Check:
    shown = not kernel.names_hidden()
    weight = _weight(needed, "perf", "cargo-flamegraph")
    return Check(
        name="kernel symbols",
        topic="rights",
        state=_PASS if shown else _FAIL,
        evidence="/proc/kallsyms shows addresses"
        if shown
        else "hidden: kernel functions are not named in profiles",
        remedy="" if shown else "sudo sysctl -w kernel.kptr_restrict=0",
        weight=Weight.ADVICE if weight is Weight.NEEDED else weight,
    )


def _ptrace(kernel: Kernel, needed: Needs | None, walls: str, pid: int | None) -> Check:
    whom = "a process that it did not start" if pid is None else f"process {pid}"
    refused = kernel.ptrace(kernel.system) if pid is None else ptrace_refusal(kernel.system, pid)
    evidence = (
        f"a profiler may look into {whom}" if not refused else f"no profiler may look into {whom}: {refused}"
    )
    # py-spy has ways of its own, and a check of its own
    weight = Weight.ADVICE if needed is None or "py-spy" in needed.profilers else Weight.UNUSED
    remedy = _open_up(kernel, 2, walls, "SYS_PTRACE") if refused else ""
    return Check(
        name="ptrace",
        topic="rights",
        state=_FAIL if refused else _PASS,
        evidence=evidence,
        remedy=remedy,
        weight=weight,
    )


def _open_up(kernel: Kernel, index: int, walls: str, capability: str) -> str:
    """The setting that is in the way if it is one, else what the container has to be given."""
    setting = SETTINGS[index]
    value = setting.value(kernel.root)
    lowest = 0 if setting.name.endswith("ptrace_scope") else setting.wanted
    if value is not None and value > lowest:
        return f"sudo sysctl -w {setting.name}={lowest}"
    if walls:
        return f"docker run --cap-add {capability} --security-opt seccomp=unconfined …"
    return 'sudo -E env "PATH=$PATH" perf-action run'


def _walls(root: Path) -> str:
    """Container, filter of system calls and missing capabilities, in words; empty if there is none of them."""
    status = _text(root / "proc/self/status")
    seen = []
    kind = next((mark.rpartition(".")[2] for mark in _MARKS if (root / mark).exists()), "")
    named = re.search(r"(docker|kubepods|lxc|containerd|libpod|garden)", _text(root / "proc/1/cgroup"))
    if kind or named:
        seen.append(f"in a container ({named[1] if named else kind.removesuffix('env')})")
    if re.search(r"^Seccomp:\s*2", status, re.MULTILINE):
        seen.append("system calls are filtered (seccomp)")
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    if seen and effective:
        bits = int(effective[1], 16)
        lacking = [name for name, bit in _CAPABILITIES if not bits >> bit & 1]
        seen += [f"without CAP_{', CAP_'.join(lacking)}"] if lacking else []
    return ", ".join(seen)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
