"""What a service needs (`needs:` of perf.yml), running: started in their order, reset before every launch, stopped last.

Each side has instances of its own, with a port and a work folder each, so that one side's state and load are not the
other's; a need that is `shared` is there once. Each is a `Service` like the measured one: a process group of its own, a
readiness check, a log without secrets, and nothing left behind.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perf_action.config import Need
from perf_action.config import Service as ServiceConfig
from perf_action.errors import CannotMeasure
from perf_action.machine.commands import argv_of
from perf_action.machine.logs import last_words
from perf_action.machine.prepare import Prepared
from perf_action.machine.role import Role
from perf_action.machine.service import Service
from perf_action.model.trial import Side
from perf_action.system import System

Values = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instance:
    """A need that runs. `side` is None for one that is shared."""

    name: str
    side: Side | None
    need: Need
    service: Service
    log: Path

    @property
    def values(self) -> Values:
        start = f"needs.{self.name}"
        return ((f"{start}.port", str(self.service.port)), (f"{start}.work", str(self.service.work)))


class Needed:
    """All needs of all sides."""

    def __init__(self, instances: Sequence[_Instance] = ()) -> None:
        self._instances = tuple(instances)

    def values(self, side: Side) -> Values:
        """What ``{needs.NAME.port}`` and the like stand for on one side."""
        return tuple(value for i in self._instances if i.side in (side, None) for value in i.values)

    def reset(self, side: Side) -> None:
        """Bring the side's own needs to the state that every launch begins with. CannotMeasure if one has died."""
        self._reset([i for i in self._instances if i.side is side])

    def reset_shared(self) -> None:
        """The same for those that sides share; before any side is launched."""
        self._reset([i for i in self._instances if i.side is None])

    def _reset(self, instances: Sequence[_Instance]) -> None:
        for i in instances:
            if not i.service.alive():
                raise CannotMeasure(f"needs.{i.name} has died{last_words(i.service.log_tail())}")
            if i.need.reset is not None:
                argv = argv_of(i.need.reset, i.service.places, key=f"needs.{i.name}.reset")
                i.service.run_command(argv, "reset", i.log)

    def pin(self, side: Side, cores: Sequence[int]) -> None:
        """Move the side's own needs to where its service is: there they disturb nobody else."""
        for i in self._instances:
            if i.side is side:
                i.service.pin(cores)

    def deaths(self, side: Side) -> str:
        """Which needs of a side have ended, as the end of an error; empty if none has."""
        dead = [i for i in self._instances if i.side in (side, None) and not i.service.alive()]
        return "".join(f"; needs.{i.name} has died{last_words(i.service.log_tail())}" for i in dead)


@contextlib.contextmanager
def needed(
    needs: Mapping[str, Need],
    prepared: Mapping[Side, Prepared],
    system: System,
    *,
    logs: Path,
    say: Callable[[str], None],
) -> Iterator[Needed]:
    """Start all that is needed, and stop it afterwards, the last one first. ServiceDidNotStart with the reason and the last
    output of the first that does not get ready.
    """
    with contextlib.ExitStack() as stack:
        instances: list[_Instance] = []
        for name, need in needs.items():
            for side in (None,) if need.shared else tuple(prepared):
                say(f"{f'{side.value}: ' if side else ''}starting needs.{name}")
                known = tuple(value for i in instances if i.side in (side, None) for value in i.values)
                side_of = prepared[side or Side.HEAD]
                log = logs / f"needs-{name}{f'-{side.value}' if side else ''}.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                service = stack.enter_context(_service(name, need, side_of, known, system=system, log=log))
                service.start()
                service.wait_ready()
                stack.callback(_stop, service)
                instances.append(_Instance(name=name, side=side, need=need, service=service, log=log))
        yield Needed(instances)


def _service(
    name: str, need: Need, prepared: Prepared, known: Values, *, system: System, log: Path
) -> Service:
    """The need as a service that can be started."""
    role = Role(
        key=f"needs.{name}",
        before="setup",
        places=known,
        stop_signal=signal.Signals[f"SIG{need.stop_signal}"],
        user=need.user or "",
    )
    return Service(replace(prepared, service=_as_service(need)), system, log=log, role=role)


def _stop(service: Service) -> None:
    if service.alive():
        service.stop()


def _as_service(need: Need) -> ServiceConfig:
    return ServiceConfig(
        command=need.command,
        before_launch=need.setup,
        ready=need.ready,
        env=need.env,
        port=need.port if isinstance(need.port, int) else None,
        stop_timeout=need.stop_timeout,
    )
