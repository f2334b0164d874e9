"""What the settings need of the machine: the service as it would be started, profilers, load generators, tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perf_action.config import Config
from perf_action.errors import CannotMeasure
from perf_action.machine.commands import Places, argv_of, inherited
from perf_action.machine.existing import existing_target
from perf_action.machine.prepare import Prepared
from perf_action.machine.tools import TOOLS, Tool
from perf_action.profilers import Target
from perf_action.profilers.allowed import PerfEvents
from perf_action.profilers.auto import Choice, applied, choices, waiting
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """`profilers` (see `profilers_of`) and `loads` by name; `notes` say what ``auto`` chose, or why it has not yet."""

    profilers: frozenset[str]
    loads: frozenset[str]
    notes: tuple[str, ...] = ()

    def wants(self, tool: Tool) -> bool:
        return bool((self.profilers | self.loads) & set(tool.used_by))

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(tool for tool in TOOLS if self.wants(tool))


def profilers_of(config: Config) -> frozenset[str]:
    """The profilers of all stages, by name, and as ``NAME attached`` those that look into a service that runs already,
    which takes more rights. Where nothing has been chosen yet there is none.
    """
    names = {s.profiler for s in config.stages.values()} - {"none", "auto"}
    return frozenset(names | ({f"{n} attached" for n in names} if config.service.existing else set()))


def needs(
    config: Config, target: Callable[[], Target], system: System, events: Callable[[], PerfEvents]
) -> Needs:
    """Of all stages and the clean launches, whether the service has been built or not."""
    chosen: dict[str, Choice | CannotMeasure]
    try:
        chosen = choices(config, target, system, events)
    except CannotMeasure as error:
        chosen = dict.fromkeys(waiting(config), error)
    return Needs(
        profilers=profilers_of(applied(config, chosen)),
        loads=frozenset(config.load[name].tool for name in config.loads_used) - {"command"},
        notes=tuple(
            str(choice)
            if isinstance(choice, CannotMeasure)
            else f"stages.{name}: auto takes {choice.profiler}: {choice.reason}"
            for name, choice in chosen.items()
        ),
    )


def service_target(config: Config, folder: Path, system: System) -> Target:
    """The service as it would be started in `folder`, as far as that can be said before a launch, or as it runs.

    CannotMeasure for one that should run already and does not.
    """
    if config.service.existing:
        return existing_target(config.service, system)
    directory = folder / config.service.directory
    python = system.which("python") or system.which("python3") or "python3"
    places = Places(checkout=folder, python=python, port=0, work=directory)
    return Target(
        argv=argv_of(config.service.command, places, key="service.command"),
        cwd=directory if directory.is_dir() else folder,
        env=tuple(inherited(system.environ).items()),
    )


def prepared_target(prepared: Prepared, system: System) -> Target:
    """The service of a side that has been built."""
    service = prepared.service
    if service.existing:
        return existing_target(service, system)
    places = Places(checkout=prepared.checkout.path, python=prepared.python, port=0, work=prepared.directory)
    return Target(
        argv=argv_of(service.command, places, key="service.command"),
        cwd=prepared.directory,
        env=tuple(prepared.env.items()),
    )
