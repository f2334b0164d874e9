"""perf.yml, `needs:`: services that the service needs, such as a database, started with it and stopped after it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from perf_action.config.group import Command, Group
from perf_action.config.quantity import Seconds
from perf_action.config.service import Ready, Service
from perf_action.errors import nearest

#: what the service may ask of a need; written {needs.NAME.port}
FIELDS = ("port", "work")
_PLACE = re.compile(r"\{needs\.([^{}]*)\}")


class Need(Group):
    """A service that the service needs. It runs in the service's folder of the checkout, and is not measured. {port},
    {work} (a fresh folder), {checkout}, {python}, and {needs.NAME.port} of those before it are replaced.
    """

    command: Command
    """what starts it, in the foreground"""
    setup: Command | None = None
    """run once before command, such as initdb -D {work}/data"""
    ready: Ready | None = None
    """default: tcp 127.0.0.1:{port}"""
    reset: Command | None = None
    """run before every launch of the service: the same state for each"""
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    """environment of the commands here; $NAME is taken from the environment"""
    port: Literal["auto"] | int = "auto"
    """its port; auto: a free one, for each side its own"""
    user: str | None = Field(default=None, pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    """where the job is root, run the commands here as this user (PostgreSQL refuses to run as root)"""
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"
    """what asks it to end"""
    stop_timeout: Seconds = 15.0
    """how long that may take, before it is killed"""
    shared: bool = False
    """one for both sides, instead of one for each: what one side does to it, the other one sees"""


def check_needs(needs: Mapping[str, Need], service: Service, placement: str) -> None:
    """ValueError for what cannot be: names that nobody has, one port for two instances, a service that runs already."""
    if needs and service.existing:
        raise ValueError(
            f"needs go with service.command; with service.{service.existing} all of it runs already"
        )
    for i, (name, need) in enumerate(needs.items()):
        if isinstance(need.port, int) and not 1 <= need.port <= 65535:
            raise ValueError(f"needs.{name}.port: {need.port} is no port")
        if isinstance(need.port, int) and not need.shared and placement == "duet":
            raise ValueError(
                f"needs.{name}.port: measure.placement: duet starts two of it; leave port out and write {{port}}, "
                "or set shared: true"
            )
        before = [n for n in list(needs)[:i] if needs[n].shared or not need.shared]
        _check_places(need.model_dump(), before, f"needs.{name}")
    _check_places(service.model_dump(), list(needs), "service")


def _check_places(value: Any, known: list[str], key: str) -> None:
    for where, text in _texts(value, key):
        for match in _PLACE.finditer(text):
            name, _, wanted = match[1].rpartition(".")
            if name in known and wanted in FIELDS:
                continue
            fits = [f"{n}.{f}" for n in known for f in FIELDS]
            near = nearest(match[1], fits, alike=0.4)
            there = ", ".join(known) or "none"
            hint = f"did you mean {{needs.{near}}}?" if near else f"of needs before it, there is {there}"
            raise ValueError(f"{where}: {match[0]} stands for nothing; {hint}")


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{key}.{str(name).replace('_', '-')}")
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, key)
