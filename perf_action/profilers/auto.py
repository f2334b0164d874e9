"""`profiler: auto`: looks at the service and at what this machine allows, and picks a profiler for a stage.

| service | CPU | memory |
|---|---|---|
| Python | py-spy | memray |
| Rust, C, C++ | perf; callgrind where the kernel forbids perf | heaptrack; jemalloc if it is built in with profiling |
| Go | perf; pprof where the kernel forbids perf or the program is stripped | pprof |
| other | perf | heaptrack: what is allocated through malloc |

A stage measures memory if its name says so (memory, heap, allocations, leaks), else CPU. The choice depends on the
service and the rights only, never on what happens to be installed, so that `perf-action setup` brings in what `run`
takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from perf_action.config import Config
from perf_action.errors import CannotMeasure
from perf_action.profilers.allowed import PerfEvents, perf_events
from perf_action.profilers.elf import contains
from perf_action.profilers.plan import Target
from perf_action.profilers.subject import Subject, look
from perf_action.system import System

Purpose = Literal["cpu", "memory"]
ChosenName = Literal["py-spy", "memray", "perf", "callgrind", "heaptrack", "jemalloc", "pprof"]

#: cannot attach to a service that runs
_STARTING = frozenset({"memray", "callgrind", "jemalloc"})
_START = "give service.command instead"
_MEMORY = re.compile(r"mem|heap|alloc|leak")
_NAMES = {
    "rust": "Rust",
    "go": "Go",
    "c": "C",
    "c++": "C++",
    "python": "Python",
    "other": "of a runtime of its own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The profiler, and why: a sentence for the report."""

    profiler: ChosenName
    reason: str


def purpose_of(stage: str) -> Purpose:
    """What a stage of that name measures."""
    return "memory" if _MEMORY.search(stage) else "cpu"


def made_by(config: Config) -> str:
    """The commands that set the service up and build it."""
    commands = (config.service.build, config.service.setup)
    return "; ".join(" ".join(c) if isinstance(c, list) else c for c in commands if c)


def waiting(config: Config) -> tuple[str, ...]:
    """The stages for which a profiler has to be chosen."""
    return tuple(name for name, stage in config.stages.items() if stage.profiler == "auto")


def choices(
    config: Config,
    target: Callable[[], Target],
    system: System,
    events: Callable[[], PerfEvents] = perf_events,
) -> dict[str, Choice | CannotMeasure]:
    """For each stage with ``auto``, by name, the choice, or why there is none. `target` gives the service; neither it
    nor `events` is asked where nothing has to be chosen.
    """
    names = waiting(config)
    if not names:
        return {}
    service, allowed = target(), events()
    subject = look(service, system, made_by=made_by(config))
    found: dict[str, Choice | CannotMeasure] = {}
    for name in names:
        try:
            found[name] = choose(name, subject, allowed, runs=service.pid is not None)
        except CannotMeasure as error:
            found[name] = error
    return found


def applied(config: Config, chosen: Mapping[str, Choice | CannotMeasure]) -> Config:
    """`config` with what was chosen in place of ``auto``; where nothing was, ``auto`` stays."""
    stages = dict(config.stages)
    for name, choice in chosen.items():
        if isinstance(choice, Choice):
            stages[name] = stages[name].model_copy(update={"profiler": choice.profiler})
    return config.model_copy(update={"stages": stages})


def resolve(
    config: Config,
    target: Callable[[], Target],
    system: System,
    events: Callable[[], PerfEvents] = perf_events,
) -> tuple[Config, tuple[str, ...]]:
    """`config` with a profiler in place of each ``auto``, and a note of each choice. `target` gives the service, built.

    CannotMeasure, naming the stage, if nothing fits one.
    """
    chosen = choices(config, target, system, events)
    notes = []
    for name, choice in chosen.items():
        if isinstance(choice, CannotMeasure):
            raise choice
        notes.append(f"{name}: auto chose {choice.profiler}: {choice.reason}")
    return applied(config, chosen), tuple(notes)


def choose(stage: str, subject: Subject | None, events: PerfEvents, *, runs: bool = False) -> Choice:
    """The profiler for a stage; one that attaches if the service `runs` already. CannotMeasure with the reason and what
    to do if there is none.
    """
    if subject is None:
        raise _none(
            stage, "nothing says what the service is written in", "name one in its profiler, such as perf"
        )
    if subject.language == "python":
        name: ChosenName = "py-spy" if purpose_of(stage) == "cpu" else "memray"
        if runs and name in _STARTING:
            raise _none(stage, f"{name} has to start the service, which runs already", _START)
        return Choice(profiler=name, reason=f"the service is Python ({subject.evidence})")
    choice = _cpu(stage, subject, events) if purpose_of(stage) == "cpu" else _memory(stage, subject)
    if runs and choice.profiler in _STARTING:
        raise _none(stage, f"{choice.profiler} has to start the service, which runs already", _START)
    known = f"the service is {_NAMES[subject.language]} ({subject.evidence})"
    return Choice(profiler=choice.profiler, reason=f"{known}; {choice.reason}")


def _cpu(stage: str, subject: Subject, events: PerfEvents) -> Choice:
    served = subject.language == "go" and _serves_pprof(subject)
    stripped = subject.elf is not None and not subject.elf.symbols
    if served and (stripped or not events.event):
        why = "perf would see no names in it" if stripped else f"the kernel forbids perf ({events.error})"
        return Choice(profiler="pprof", reason=f"it has net/http/pprof, and {why}")
    if events.event:
        what = "hardware cycles" if events.event == "cycles" else "the processors' clock (no hardware cycles)"
        return Choice(profiler="perf", reason=f"perf may sample {what}")
    if subject.language == "go":
        reason = f"the kernel forbids perf ({events.error}), and the service has no net/http/pprof"
        raise _none(stage, reason, "sudo sysctl kernel.perf_event_paranoid=1, or import net/http/pprof")
    if subject.language == "other":
        reason = f"the kernel forbids perf ({events.error})"
        raise _none(stage, reason, "sudo sysctl kernel.perf_event_paranoid=1")
    return Choice(profiler="callgrind", reason=f"the kernel forbids perf ({events.error})")


def _memory(stage: str, subject: Subject) -> Choice:
    if subject.language == "go":
        if subject.elf is None or _serves_pprof(subject):
            return Choice(
                profiler="pprof", reason="Go allocates without malloc, and says where through net/http/pprof"
            )
        raise _none(
            stage,
            "Go allocates without malloc, and the service has no net/http/pprof",
            'import _ "net/http/pprof" in it and serve it',
        )
    if subject.program is not None:
        own, profiled = contains(subject.program, b"_rjem_malloc", b"jeprof")
        if own and profiled:
            return Choice(profiler="jemalloc", reason="jemalloc is built in, with profiling")
        if own:
            reason = "it allocates with a jemalloc of its own, which is built without profiling"
            raise _none(stage, reason, "turn on the feature `profiling` of tikv-jemallocator")
    if subject.elf is not None and subject.elf.static:
        reason = "the service is linked statically, so nothing can be put between it and its allocator"
        remedy = "link it dynamically (Rust: a gnu target instead of musl; C: without -static)"
        raise _none(stage, reason, remedy)
    if subject.language == "other":
        return Choice(profiler="heaptrack", reason="only what is allocated through malloc is seen")
    return Choice(profiler="heaptrack", reason="it allocates through malloc")


def _serves_pprof(subject: Subject) -> bool:
    """Whether the handlers are linked in: Go's tables name them even in a stripped program."""
    return subject.program is not None and contains(subject.program, b"net/http/pprof.Index")[0]


def _none(stage: str, reason: str, remedy: str) -> CannotMeasure:
    return CannotMeasure(f"stages.{stage}: no profiler fits: {reason}; {remedy}")
