"""One cell of the matrix: a profiler on a service with faults that it is to find, measured by ``perf-action run``."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_action.model.profile import Profile
from perf_action.model.tree import Cost, costs, merge
from perf_action.model.trial import Side
from perf_action.profilers import PROFILERS
from perf_action.recording import Run, read_run
from perf_action.system import System

SERVICES = ("python", "rust", "go", "c")
#: `none` profiles nothing, and `auto` is one of the others
NAMES = tuple(p.name for p in PROFILERS if p.name not in ("none", "auto"))

#: those that say where the time goes; the others say where the memory stays, and pprof both
TIME = frozenset({"py-spy", "bytecodes", "perf", "cargo-flamegraph", "callgrind", "pprof"})

#: those that say how much of something there is, and not whose it is
NAMELESS = frozenset({"malloc-info"})

SLOW, LEAKING = "canonicalise", "record_request"

_STAGE = "matrix"
_TIME = ("cpu", "wall", "instructions", "bytecodes")
_HELD = ("leaked", "in_use", "peak")
_LOST = "memory.leak.definite"
_TIMEOUT = 280
_COUNTED = 400
_NOTHING = Cost(self=0, total=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came of it. `top` is the function with the most self cost (of time, else of what was allocated), `leak` the
    one that the leak is in; each is empty where the profiler says nothing of it. `reason`: why it did not run.
    """

    profiler: str
    service: str
    top: str = ""
    leak: str = ""
    reason: str = ""

    @property
    def ran(self) -> bool:
        return not self.reason


def machine(env: Mapping[str, str]) -> System:
    """This one with `env`, and with the tools beside the Python of the tests."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
    return System({**inherited, "PATH": path, **env})


def measure(profiler: str, service: str, examples: Path, out: Path) -> Cell:
    """One short run."""
    stage = _stage(profiler, service)
    settings = {
        "stages": json.dumps({_STAGE: stage}),
        "service.setup": "null",
        "measure.launches": "1",
        "measure.slices": "1",
        "measure.warm-up": "50",
        "measure.soak": "0",
    }
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    system = machine({"API_KEY": "k-matrix", "REGISTRY_FAULT": _faults(profiler)})
    folder = examples / f"schema-registry-{service}"
    argv = [sys.executable, "-m", "perf_action", "run", "--out", str(out), *sets]
    done = system.run(argv, cwd=folder, env=system.environ, timeout=_TIMEOUT)
    if done.code != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        reason = said[-1].removeprefix("error: ") if said else f"exit code {done.code}"
        assert "a fault of perf-action itself" not in reason, done.stderr
        return Cell(profiler=profiler, service=service, reason=_portable(reason, folder))
    run = read_run(out)
    outcome = next(s for s in run.stages if s.name == _STAGE)
    if outcome.state != "done":
        return Cell(profiler=profiler, service=service, reason=_portable(outcome.reason, folder))
    return Cell(
        profiler=profiler,
        service=service,
        top=_without_hash(_largest(_costs(run, (*_TIME, "allocated", *_HELD)))),
        leak=_without_hash(_leak(run)),
    )


def _faults(profiler: str) -> str:
    """What it is to find, and nothing that only makes it slower."""
    if profiler not in TIME:
        return "leak"
    return "slow,leak" if profiler == "pprof" else "slow"


def _stage(profiler: str, service: str) -> dict[str, object]:
    """A sampler samples for two seconds; a counter counts so many requests that what leaks is more than the rest."""
    traits = next(p.traits for p in PROFILERS if p.name == profiler)
    stage: dict[str, object] = {"profiler": profiler, "load": "baseline", "slices": 1}
    if traits.counts:
        stage["requests"] = (
            round(_COUNTED / (2 * traits.slowdown) ** 0.5) if service == "python" else _COUNTED
        )
    else:
        stage["launches"] = 1
    if profiler == "pprof":
        stage["headers"] = {"X-API-Key": "$API_KEY"}
    return stage


def _portable(reason: str, folder: Path) -> str:
    """Without what differs from run to run and from machine to machine."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", reason.replace(f"{folder}/", ""))
    text = re.sub(r"(?<![\w.])/(?:tmp|root|home)/[^\s:;,'\"]*/", "…/", text)
    return re.sub(r"\b(pid|process) \d+", r"\1 N", text)


def _profiles(run: Run) -> tuple[list[Profile], list[Profile]]:
    """What a counter saw in its first and in its last, longer launch; of a sampler nothing, and all that it saw."""
    snapshot = run.sides[Side.HEAD]
    captured = [c for c in snapshot.captures if c.stage == _STAGE]
    launches = sorted({c.launch for c in captured})
    if len(launches) > 1:
        first, last = ([c.profile for c in captured if c.launch == n] for n in (launches[0], launches[-1]))
        return first, last
    sliced = [merge(s.profile for s in snapshot.slices)] if snapshot.slices else []
    return [], [*(c.profile for c in captured), *sliced]


def _costs(run: Run, kinds: tuple[str, ...]) -> dict[str, Cost]:
    """Function -> its cost in the first of `kinds` that the profiler knows; of a counter, without what the shorter launch
    cost too, which is the start of the service.
    """
    start, last = map(_by_kind, _profiles(run))
    for kind in kinds:
        if any(cost.self for cost in last.get(kind, {}).values()):
            before = start.get(kind, {})
            return {name: _less(cost, before.get(name, _NOTHING)) for name, cost in last[kind].items()}
    return {}


def _less(cost: Cost, start: Cost) -> Cost:
    return Cost(self=max(0, cost.self - start.self), total=max(0, cost.total - start.total))


def _by_kind(profiles: list[Profile]) -> dict[str, dict[str, Cost]]:
    """Kind -> function -> cost; functions of one name are one."""
    out: dict[str, dict[str, Cost]] = {}
    for profile in profiles:
        for column, kind in enumerate(profile.kinds):
            named = out.setdefault(kind.kind, {})
            for key, cost in costs(profile, column).items():
                before = named.get(key.name, _NOTHING)
                named[key.name] = Cost(self=before.self + cost.self, total=before.total + cost.total)
    return out


def _largest(found: dict[str, Cost]) -> str:
    return max(found, key=lambda name: (found[name].self, name), default="")


def _without_hash(name: str) -> str:
    """Rust's mangling has a hash at the end, another one in every build."""
    return re.sub(r"::h[0-9a-f]{16}$", "", name)


def _leak(run: Run) -> str:
    """The function that is meant to leak, if it is on the stacks of most of what is held; else the top one."""
    found = _costs(run, _HELD)
    grown = sum(cost.self for cost in found.values())
    for name, cost in found.items():
        if is_called(name, LEAKING) and cost.total > grown / 2:
            return name
    lost = [m for m in run.sides[Side.HEAD].metrics if m.name == _LOST and max(m.samples) > 0]
    return _largest(found) or (_LOST if lost else "")


def is_called(name: str, expected: str) -> bool:
    """Whether a symbol, as a profiler prints it, is the function of that name in any of the languages."""
    return expected.replace("_", "") in re.sub(r"\W", " ", name.lower().replace("_", "")).split()
