"""The tools, each asked for its version; py-spy and memray are tried on what they would look into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from perf_action.config import Config
from perf_action.errors import CannotMeasure, ConfigError, PerfActionError
from perf_action.machine.commands import expand
from perf_action.machine.install import bundled_version
from perf_action.machine.tools import TOOLS, Bundled, OwnFolder, Tool
from perf_action.machine.tools_needed import Needs
from perf_action.model.check import Check, Weight
from perf_action.model.finding import State
from perf_action.profilers.interpreters import Interpreter
from perf_action.profilers.packages import is_ready
from perf_action.profilers.py_spy import PySpy, consent, program, way_in
from perf_action.system import System

_WAYS = {
    "attach": "attaches to running processes",
    "consent": "attaches to services that let it (Yama: ptrace_scope 1)",
}
_PASS, _FAIL = State.PASS, State.FAIL


def tool_checks(
    system: System, needed: Needs | None, pythons: Sequence[Interpreter] | str
) -> Iterator[Check]:
    """Every tool, git first. `needed` None: nobody says what is used. `pythons` are the service's, or why none is known."""
    yield _git(system)
    for tool in TOOLS:
        if tool.name == "py-spy":
            yield _py_spy(system, weight(tool, needed))
        elif isinstance(tool.source, OwnFolder):
            yield from _memray(system, weight(tool, needed), pythons)
        else:
            yield _versioned(tool, system, weight(tool, needed))


def weight(tool: Tool, needed: Needs | None) -> Weight:
    """How much it matters that a tool is there."""
    if needed is None:
        return Weight.ADVICE
    return Weight.NEEDED if needed.wants(tool) else Weight.UNUSED


def variables(config: Config, system: System) -> Check:
    """Every $NAME of the settings is set."""
    groups = [("service.env", config.service.env)]
    groups += [(f"load.{name}.env", scenario.env) for name, scenario in config.load.items()]
    if config.service.ready is not None:
        groups.append(("service.ready.headers", config.service.ready.headers))
    try:
        for key, values in groups:
            expand(values, system.environ, key=key)
    except ConfigError as error:
        return _check(
            "variables", _FAIL, str(error), "export it before perf-action run", weight=Weight.NEEDED
        )
    return _check("variables", _PASS, "all that perf.yml names are set")


def _check(name: str, state: State, evidence: str, remedy: str = "", weight: Weight = Weight.ADVICE) -> Check:
    return Check(name=name, topic="tools", state=state, evidence=evidence, remedy=remedy, weight=weight)


def _git(system: System) -> Check:
    try:
        said = system.run(["git", "--version"], timeout=30).stdout.split()
    except CannotMeasure:
        return _check("git", _FAIL, "not installed", "sudo apt-get install -y git", Weight.NEEDED)
    return _check("git", _PASS, said[2] if len(said) > 2 else "unknown version", weight=Weight.NEEDED)


def _versioned(tool: Tool, system: System, weight: Weight) -> Check:
    try:
        source = tool.source
        number = bundled_version(source) if isinstance(source, Bundled) else tool.installed(system)
    except PerfActionError as error:
        reason, _, remedy = str(error).partition("; ")
        return _check(tool.name, _FAIL, reason, remedy.removeprefix("run "), weight)
    return _check(tool.name, _PASS, number, weight=weight)


def _py_spy(system: System, weight: Weight) -> Check:
    try:
        spy = program(system)
        number = PySpy().version(system)
        way = way_in(spy, consent(system.environ), system)
    except PerfActionError as error:
        reason, _, remedy = str(error).partition("; ")
        return _check("py-spy", _FAIL, reason, remedy, weight)
    if way == "wrap":
        remedy = "sudo sysctl kernel.yama.ptrace_scope=1"
        value = f"{number}, only as the parent of the service: start-up is in its profiles"
        mild = Weight.ADVICE if weight is Weight.NEEDED else weight
        return _check("py-spy", _FAIL, value, remedy, mild)
    return _check("py-spy", _PASS, f"{number}, {_WAYS[way]}", weight=weight)


def _memray(system: System, weight: Weight, pythons: Sequence[Interpreter] | str) -> Iterator[Check]:
    if isinstance(pythons, str):
        yield _check("memray", _FAIL, pythons, "name the Python in service.command", weight)
        return
    for python in pythons:
        where = f"Python {python.version} ({python.executable})"
        if is_ready(python, system):
            yield _check("memray", _PASS, f"{version('memray')} for {where}", weight=weight)
        else:
            # brought in by the first launch that needs it
            mild = Weight.ADVICE if weight is Weight.NEEDED else weight
            yield _check("memray", _FAIL, f"not there yet for {where}", "perf-action setup memray", mild)
