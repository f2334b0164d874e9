"""cargo-flamegraph: perf round a whole run, and the flame graph of it (https://github.com/flamegraph-rs/flamegraph).

What was found with 0.6.14, and why it is called as it is:

* ``cargo run …`` becomes ``cargo flamegraph …``, with ``--dev`` where it was not ``--release``; any other command is
  started by ``flamegraph --``. Both start the service, so that start-up and warm-up are in the picture.
* ``--cmd`` instead of its own ``perf record``: that samples 997 times a second, copies 64 KB of stack each time, names no
  event and leaves perf.data in the service's folder. The words of ``--cmd`` are cut at spaces, whatever is quoted.
* The service is told to end, not the tool: perf ends with it, and then the picture is drawn. ``--ignore-status``, since a
  service that SIGTERM ends has not succeeded.

``flamegraph.svg`` and its stacks (``stacks.folded``, weighted by periods of the event) are for people; what is compared
are the samples of ``perf.data``.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Final

from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.model.trial import Stage
from perf_action.profilers import perf
from perf_action.profilers.allowed import PerfEvents, perf_events
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.system import System

_REMEDY: Final = "perf-action setup cargo-flamegraph, or cargo install flamegraph --locked"
_OWN: Final = ("flamegraph", "cargo-flamegraph", "cargo", "perf", "tee")
#: options of `cargo run` that `cargo flamegraph` has, and those of them with a value
_SAME: Final = frozenset({"--release", "-r", "--no-default-features", "--verbose", "-v"})
_VALUED: Final = frozenset(
    {"--bin", "--example", "--package", "-p", "--profile", "--target", "--features", "-F", "--manifest-path"}
)
#: `-F` is the frequency there
_RENAMED: Final = {"-F": "--features"}


class CargoFlamegraph:
    """Starts the service under `flamegraph`. `allowed` says what the kernel lets be sampled of a process."""

    name: ClassVar[str] = "cargo-flamegraph"
    traits: ClassVar[Traits] = Traits()

    def __init__(self, allowed: Callable[[int], PerfEvents] = perf_events) -> None:
        self._allowed = allowed

    def version(self, system: System) -> str:
        words = system.run([_tool("flamegraph", system), "--version"], timeout=60).stdout.split()
        return words[-1] if words else "unknown"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """Wrapped round the service. CannotMeasure if it runs already, or its command cannot be given to the tool."""
        if target.pid is not None:
            raise CannotMeasure(
                "cargo-flamegraph has to start the service, which runs already; use profiler: perf"
            )
        folder = out.resolve()
        if any(character.isspace() for character in str(folder)):
            raise CannotMeasure(
                f"cargo-flamegraph cannot write to {str(folder)!r}; name a folder without spaces"
            )
        recorder = perf.program(system)
        event, notes = perf.sampled_event(recorder, self._allowed(0), system)
        record = perf.recording(event, stage.rate_hz or 99.0, stage.call_graph or "dwarf")
        options = (
            *("--cmd", shlex.join(["record", *record, "--no-buildid-cache", "-o", f"{folder}/perf.data"])),
            *("--post-process", shlex.join(["tee", f"{folder}/stacks.folded"])),
            *("--output", f"{folder}/flamegraph.svg"),
            *("--no-inline", "--ignore-status", "--deterministic"),
        )
        return Plan(
            argv=_command(target, options, system),
            env=_path(target, recorder),
            stop_profiler=signal.SIGTERM,
            own_processes=_OWN,
            artifacts=("perf.data",),
            notes=(*notes, "cargo-flamegraph started the service: start-up and warm-up are in the profile"),
        )

    def silence(self, out: Path) -> str:  # noqa: ARG002
        """Why there is no capture."""
        return "cargo-flamegraph recorded nothing: what it and perf said is in the service's log"


def _tool(name: str, system: System) -> str:
    found = system.which(name)
    if found is None:
        raise ToolMissing(name, _REMEDY)
    return found


def _command(target: Target, options: tuple[str, ...], system: System) -> tuple[str, ...]:
    first, *rest = target.argv
    if Path(first).name != "cargo" or rest[:1] not in (["run"], ["r"]):
        return (_tool("flamegraph", system), *options, "--", *target.argv)
    tool = _tool("cargo-flamegraph", system)
    own, trailing = rest[1:], []
    if "--" in own:
        at = own.index("--")
        own, trailing = own[:at], own[at + 1 :]
    build = tuple(_build_options(own))
    dev = () if any(word in ("--release", "-r", "--profile") for word in build) else ("--dev",)
    return (tool, "flamegraph", *options, *dev, *build, "--", *trailing)


def _build_options(words: list[str]) -> Iterator[str]:
    """The options of `cargo run` as `cargo flamegraph` takes them."""
    left = iter(words)
    for word in left:
        name, equals, _ = word.partition("=")
        if word in _SAME or (equals and name.startswith("--") and name in _VALUED):
            yield word
        elif word in _VALUED:
            yield _RENAMED.get(word, word)
            yield next(left, "")
        elif word not in ("--quiet", "-q"):
            raise CannotMeasure(
                f"cargo flamegraph does not know {word!r} of the service's `cargo run`; let service.build build it, and "
                "service.command start the program"
            )


def _path(target: Target, recorder: str) -> tuple[tuple[str, str], ...]:
    """The PATH on which flamegraph finds the perf that is used here; nothing where it finds it anyway."""
    path = dict(target.env).get("PATH", "")
    if System({"PATH": path}).which("perf") == recorder:
        return ()
    return (("PATH", ":".join(filter(None, (str(Path(recorder).parent), path)))),)
