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
from perf_action.machine.needs import Needs, needs, service_target
from perf_action.machine.sysctl import Kernel
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
        path = _path(patient)
    except CannotMeasure as error:
        reason, _, remedy = str(error).partition("; ")
        yield _unknown(reason, State.FAIL, remedy, Weight.NEEDED)
        return
    if path is None:
        yield from _without_program(patient)
        return
    try:
        yield from program_checks(read_elf(path), patient.root)
    except InputError as error:
        yield damaged(error)


def _path(patient: Patient) -> Path | None:
    if patient.pid is not None:
        if not (patient.root / "proc" / str(patient.pid)).exists():
            raise CannotMeasure(f"there is no process {patient.pid}; pgrep -a NAME finds it")
        return patient.root / "proc" / str(patient.pid) / "exe"
    if patient.binary is None and patient.config is not None:
        return find_program(patient.target, patient.system)
    return patient.binary


def _without_program(patient: Patient) -> Iterator[Check]:
    if patient.config is None:
        return
    command = patient.config.service.command
    words = " ".join(command) if isinstance(command, list) else command
    if names_python(patient.target):
        found = _RELOADING.search(words)
        yield Check(
            name="optimised build",
            topic="before profiling",
            state=State.FAIL if found else State.PASS,
            evidence=f"service.command has {found.group()}"
            if found
            else "Python, without a debug or reload option",
            remedy="leave it out of service.command" if found else "",
        )
    else:
        build = patient.config.service.build
        shown = " ".join(build) if isinstance(build, list) else build
        remedy = f"build it first: {shown}" if shown else "perf-action doctor --binary FILE"
        yield _unknown(
            "the program that service.command starts is not there (yet)", State.CANNOT_TELL, remedy
        )


def _unknown(evidence: str, state: State, remedy: str, weight: Weight = Weight.ADVICE) -> Check:
    return Check(
        name="program", topic="program", state=state, evidence=evidence, remedy=remedy, weight=weight
    )
