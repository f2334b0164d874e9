"""What works here: every tool that the settings need is tried, and every failure has one command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from perf_action.config import Config
from perf_action.errors import CannotMeasure, ConfigError, PerfActionError
from perf_action.machine.commands import Places, argv_of, expand, inherited
from perf_action.machine.environment import cpu_quota, memory_limit
from perf_action.machine.noise import noise
from perf_action.profilers import Target
from perf_action.profilers.interpreters import Interpreter, interpreters
from perf_action.profilers.packages import is_ready
from perf_action.profilers.py_spy import PySpy, consent, program, way_in
from perf_action.system import System

State = Literal["ok", "warn", "fail"]
#: the load generators, by name: what gives the version, or raises ToolMissing
Versions = Mapping[str, Callable[[System], str]]

#: k6 comes from its makers only; nothing of it is fetched by us
K6_REMEDY = "sudo snap install k6 (elsewhere: brew install k6; on GitHub a step before: uses: grafana/setup-k6-action@v1)"

_WAYS = {
    "attach": "attaches to running processes",
    "consent": "attaches to services that let it (Yama: ptrace_scope 1)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried. `remedy` is a command or a change, empty where nothing is wrong."""

    name: str
    state: State
    value: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined: a service in a folder, or (`config` None) the machine alone. The processors are watched for
    `watch_seconds`.
    """

    system: System
    config: Config | None
    folder: Path
    loads: Versions
    watch_seconds: float = 1.0

    def needs(self, tool: str) -> bool:
        """Whether the settings use that profiler or load generator."""
        if self.config is None:
            return False
        stages, loads = self.config.stages.values(), self.config.load.values()
        return any(tool == stage.profiler for stage in stages) or any(tool == load.tool for load in loads)


def examine(patient: Patient) -> Iterator[Check]:
    """All checks, in the order in which they are worth reading; the last takes a second."""
    yield _git(patient)
    if patient.config is not None:
        yield _variables(patient.config, patient.system)
    yield _py_spy(patient)
    yield from _memray(patient)
    yield from (_load(name, patient) for name in patient.loads)
    yield from _kernel()
    yield from _capacity(patient.system)
    yield _neighbours(patient)


def worst(checks: tuple[Check, ...]) -> State:
    """The state of the whole."""
    states = {check.state for check in checks}
    return "fail" if "fail" in states else "warn" if "warn" in states else "ok"


def service_target(config: Config, folder: Path, system: System) -> Target:
    """The service as it would be started in `folder`, as far as that can be said before a launch."""
    directory = folder / config.service.directory
    python = system.which("python") or system.which("python3") or "python3"
    places = Places(checkout=folder, python=python, port=0, work=directory)
    return Target(
        argv=argv_of(config.service.command, places, key="service.command"),
        cwd=directory if directory.is_dir() else folder,
        env=tuple(inherited(system.environ).items()),
    )


def service_pythons(patient: Patient) -> tuple[Interpreter, ...]:
    """The Pythons that the service may run in; without settings, the one on the PATH."""
    if patient.config is not None:
        target = service_target(patient.config, patient.folder, patient.system)
    else:
        target = Target(argv=("python",), cwd=patient.folder, env=tuple(patient.system.environ.items()))
    return interpreters(target, patient.system)


def _git(patient: Patient) -> Check:
    try:
        said = patient.system.run(["git", "--version"], timeout=30).stdout.split()
    except CannotMeasure:
        return Check(name="git", state="fail", value="not installed", remedy="sudo apt-get install -y git")
    return Check(name="git", state="ok", value=said[2] if len(said) > 2 else "unknown version")


def _variables(config: Config, system: System) -> Check:
    """Every $NAME of the settings is set."""
    groups = [("service.env", config.service.env)]
    groups += [(f"load.{name}.env", scenario.env) for name, scenario in config.load.items()]
    if config.service.ready is not None:
        groups.append(("service.ready.headers", config.service.ready.headers))
    try:
        for key, values in groups:
            expand(values, system.environ, key=key)
    except ConfigError as error:
        return Check(
            name="variables", state="fail", value=str(error), remedy="export it before perf-action run"
        )
    return Check(name="variables", state="ok", value="all that perf.yml names are set")


def _py_spy(patient: Patient) -> Check:
    try:
        spy = program(patient.system)
        number = PySpy().version(patient.system)
        way = way_in(spy, consent(patient.system.environ), patient.system)
    except PerfActionError as error:
        reason, _, remedy = str(error).partition("; ")
        return _missing("py-spy", reason, remedy, patient)
    if way == "wrap":
        remedy = "sudo sysctl kernel.yama.ptrace_scope=1"
        value = f"{number}, only as the parent of the service: start-up is in its profiles"
        return Check(name="py-spy", state="warn", value=value, remedy=remedy)
    return Check(name="py-spy", state="ok", value=f"{number}, {_WAYS[way]}")


def _memray(patient: Patient) -> Iterator[Check]:
    try:
        pythons = service_pythons(patient)
    except PerfActionError as error:
        yield _missing("memray", str(error), "name the Python in service.command", patient)
        return
    for python in pythons:
        where = f"Python {python.version} ({python.executable})"
        if is_ready(python, patient.system):
            yield Check(name="memray", state="ok", value=f"{version('memray')} for {where}")
        else:
            yield _missing(
                "memray", f"not there yet for {where}", "perf-action setup memray", patient, worst="warn"
            )


def _load(name: str, patient: Patient) -> Check:
    try:
        return Check(name=name, state="ok", value=patient.loads[name](patient.system))
    except PerfActionError as error:
        reason, _, remedy = str(error).partition("; ")
        return _missing(name, reason, K6_REMEDY if name == "k6" else remedy, patient)


def _missing(name: str, reason: str, remedy: str, patient: Patient, worst: State = "fail") -> Check:
    """What is missing and not needed is no failure."""
    if patient.needs(name):
        return Check(name=name, state=worst, value=reason, remedy=remedy)
    unused = "not used by perf.yml" if patient.config else "only needed if perf.yml uses it"
    return Check(name=name, state="ok", value=f"{reason}; {unused}")


def _kernel() -> Iterator[Check]:
    for name, path in (
        ("ptrace_scope", "/proc/sys/kernel/yama/ptrace_scope"),
        ("perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid"),
    ):
        file = Path(path)
        value = (
            file.read_text(encoding="ascii").strip()
            if file.is_file()
            else "this kernel has no such restriction"
        )
        yield Check(name=name, state="ok", value=value)


def _capacity(system: System) -> Iterator[Check]:
    cores, quota = len(system.cores()), cpu_quota()
    if cores < 2:
        yield Check(
            name="cores",
            state="warn",
            value="1: base and head take turns instead of running at once, and the load shares their core",
            remedy="use a runner with two cores or more",
        )
    elif quota and quota < cores:
        yield Check(
            name="cores",
            state="warn",
            value=f"{cores}, of which a quota allows the time of {quota:g}: services are stopped when it is used up",
            remedy="raise the container's CPU limit to its number of cores",
        )
    else:
        yield Check(name="cores", state="ok", value=str(cores))
    yield Check(name="memory", state="ok", value=f"{memory_limit() / 2**30:.1f} GiB")


def _neighbours(patient: Patient) -> Check:
    seen = noise(patient.system, patient.watch_seconds)
    value = (
        f"{seen.busy:.0%} of the processors' time used by other programs, {seen.stolen:.1%} stolen by the hypervisor, "
        f"load average {seen.load_average:.1f}"
    )
    if seen.quiet:
        return Check(name="neighbours", state="ok", value=value)
    return Check(name="neighbours", state="warn", value=value, remedy="end what else runs here: top -o %CPU")
