"""perf.yml, `service:`: how to get, start and stop the service, or which one that runs already."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from perf_action.config.group import Command, Group
from perf_action.config.quantity import Seconds
from perf_action.config.queries import Queries


class Ready(Group):
    """How to see that the service answers: exactly one of url, tcp, log and command."""

    url: str | None = None
    """GET this until it answers 2xx; {port} is replaced"""
    tcp: str | None = None
    """connect to host:port until it works; {port} is replaced"""
    log: str | None = None
    """a regular expression that a line of the service's output matches"""
    command: Command | None = None
    """run this until it ends with 0, such as pg_isready -p {port}"""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    """headers of the GET; $NAME is taken from the environment"""
    timeout: Seconds = 60.0
    """how long a start may take"""

    @model_validator(mode="after")
    def _one_way(self) -> Ready:
        given = [k for k in ("url", "tcp", "log", "command") if getattr(self, k)]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of url, tcp, log and command, not {' and '.join(given) or 'none'}"
            )
        if self.headers and not self.url:
            raise ValueError("headers go with url")
        if self.log:
            re.compile(self.log)
        return self


#: keys that name a service that runs already
_EXISTING = ("pid", "url", "container")


class Service(Group):
    """How to get, start and stop the service, or which one that runs already. {port}, {work} (a fresh folder for each
    launch), {checkout}, {python} and {needs.NAME.port} are replaced in commands and values.
    """

    command: Command = ""
    """what starts the service, in the foreground"""
    pid: int | None = Field(default=None, ge=1)
    """instead of command: the process id of a service that runs already; for profilers that attach"""
    url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+(/\S*)?$")
    """instead of command: where a service on this machine answers that runs already"""
    container: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
    """instead of command: the name or id of the container that a service runs in already"""
    setup: Command | None = None
    """run once in each checkout, before build"""
    build: Command | None = None
    """run once in each checkout"""
    before_launch: Command | None = None
    """run before every launch: the same state for each"""
    ready: Ready | None = None
    """default: tcp 127.0.0.1:{port}"""
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    """environment of the service and of the commands here; $NAME is taken from the environment"""
    directory: str = "."
    """where the commands run, relative to the checkout"""
    port: int | None = Field(default=None, ge=1, le=65535)
    """a fixed port; then two launches never run at once. Default: a free one, {port}"""
    stop_timeout: Seconds = 15.0
    """how long the service may take to end after SIGTERM, before it is killed"""
    queries: Queries | None = None
    """who counts its database queries"""
    virtualenv: Literal["auto", "always", "never"] = "auto"
    """whether each checkout gets a Python virtual environment of its own, first on the PATH; auto: if setup uses pip"""
    reuse_build: Literal["auto", "always", "never"] = "auto"
    """whether a commit that an earlier run built is built again; auto: not if lock files say what goes into it"""

    @property
    def existing(self) -> str:
        """Which key names a service that runs already; empty if we start it."""
        return next((key for key in _EXISTING if getattr(self, key)), "")

    @model_validator(mode="after")
    def _one_service(self) -> Service:
        given = [key for key in ("command", *_EXISTING) if getattr(self, key)]
        if not given:
            raise ValueError("command: missing (or pid, url or container of a service that runs already)")
        if len(given) > 1:
            raise ValueError(f"give one of {' and '.join(given)}")
        for key in ("setup", "build", "before_launch", "env"):
            if self.existing and getattr(self, key):
                raise ValueError(
                    f"{key.replace('_', '-')} goes with command; with {self.existing} the service runs already"
                )
        return self
