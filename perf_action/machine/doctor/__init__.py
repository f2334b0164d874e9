"""What works here: every tool that the settings need is tried, so are the kernel's permissions; the service's program
and the machine are looked at. Every failure has one command that mends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perf_action.config import Config
from perf_action.errors import CannotMeasure, InputError, PerfActionError
from perf_action.machine.doctor.machine import machine_checks
from perf_action.machine.doctor.program import damaged, program_checks
from perf_action.machine.doctor.rights import rights_checks
from perf_action.machine.doctor.tools import tool_checks, variables
from perf_action.machine.sysctl import Kernel
from perf_action.machine.tools_needed import Needs, needs, service_target
from perf_action.model.check import Check, Weight
from perf_action.model.finding import State
from perf_action.profilers import Target
from perf_action.profilers.elf import read_elf
from perf_action.profilers.interpreters import Interpreter, interpreters, names_python
from perf_action.profilers.subject import find_program
from perf_action.system import System

_RELOADING = re.compile(r"(?<!\S)(?:--reload|--debug|--dev|FLASK_DEBUG=1|DJANGO_DEBUG=1)(?!\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined: a service in a folder, or (`config` None) the machine alone; instead of the service's program
    `binary`, or that of the running process `pid`. The processors are watched for `watch_seconds`.
    """

    system: System
    kernel: Kernel
    config: Config | None
    folder: Path
    binary: Path | None = None
    pid: int | None = None
    watch_seconds: float = 1.0
    root: Path = field(default=Path("/"))

    @property
    def target(self) -> Target:
        """The service; without settings, the Python on the PATH. CannotMeasure if it should run already and does not."""
        if self.config is not None:
            return service_target(self.config, self.folder, self.system)
        return Target(argv=("python",), cwd=self.folder, env=tuple(self.system.environ.items()))

    def needs(self) -> Needs | None:
        """What the settings use; None without settings."""
        if self.config is None:
            return None
        return needs(self.config, lambda: self.target, self.system, self.kernel.expected_events)

    def pythons(self) -> tuple[Interpreter, ...]:
        """The Pythons that the service may run in. CannotMeasure if there is none."""
        return interpreters(self.target, self.system)


def examine(patient: Patient) -> Iterator[Check]:
    """All checks, in the order in which they are worth reading; the last takes a second."""
    needed = patient.needs()
    if patient.config is not None:
        yield variables(patient.config, patient.system)
    yield from tool_checks(patient.system, needed, _pythons(patient))
    yield from rights_checks(patient.kernel, needed, patient.pid)
    yield from _program(patient)
    yield from machine_checks(patient.system, patient.folder, patient.watch_seconds, patient.root)


def stops(checks: Iterable[Check]) -> bool:
    """Whether nothing can be measured here."""
    return any(check.stops for check in checks)


def _pythons(patient: Patient) -> Sequence[Interpreter] | str:
    try:
        return patient.pythons()
    except PerfActionError as error:
        return str(error)


def _program(patient: Patient) -> Iterator[Check]:
    """Of the program that is named, that runs, or that the settings start."""
    try:
        if patient.pid is not None:
            yield from _of_file(_of_process(patient.pid, patient.root), patient.root)
        elif patient.binary is not None:
            yield from _of_file(patient.binary, patient.root)
        elif patient.config is not None:
            yield from service_checks(patient.config, patient.target, patient.system, patient.root)
    except CannotMeasure as error:
        reason, _, remedy = str(error).partition("; ")
        yield _unknown(reason, State.FAIL, remedy, Weight.NEEDED)


def service_checks(config: Config, target: Target, system: System, root: Path = Path("/")) -> Iterator[Check]:
    """Whether the service is fit to be profiled. `target` is the service, built or not yet."""
    if target.pid is None and names_python(target):
        yield _python(target)
        return
    path = find_program(target, system)
    if path is not None:
        yield from _of_file(path, root)
        return
    build = config.service.build
    shown = " ".join(build) if isinstance(build, list) else build
    remedy = f"build it first: {shown}" if shown else "perf-action doctor --binary FILE"
    evidence = "the program that service.command starts is not there (yet), or is none that can be looked at"
    yield _unknown(evidence, State.CANNOT_TELL, remedy)


def _of_process(pid: int, root: Path) -> Path:
    if not (root / "proc" / str(pid)).exists():
        raise CannotMeasure(f"there is no process {pid}; pgrep -a NAME finds it")
    return root / "proc" / str(pid) / "exe"


def _of_file(path: Path, root: Path) -> Iterator[Check]:
    try:
        yield from program_checks(read_elf(path), root)
    except InputError as error:
        yield damaged(error)


def _python(target: Target) -> Check:
    """A service that reloads itself, or asks for debug output, is another one than users have."""
    found = _RELOADING.search(" ".join(target.argv))
    return Check(
        name="optimised build",
        topic="before profiling",
        state=State.FAIL if found else State.PASS,
        evidence=f"service.command has {found.group()}"
        if found
        else "Python, without a debug or reload option",
        remedy="leave it out of service.command" if found else "",
    )


def _unknown(evidence: str, state: State, remedy: str, weight: Weight = Weight.ADVICE) -> Check:
    return Check(
        name="program", topic="program", state=state, evidence=evidence, remedy=remedy, weight=weight
    )
