"""What a process that is started here is for: to be measured, or because what is measured needs it."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a process is here: the service, or something that it needs. `key` is its place in perf.yml, `before` the key
    of the command that runs before it there, `places` what {needs.…} stands for, `user` who it runs as where we are root.
    """

    key: str = "service"
    before: str = "before-launch"
    places: tuple[tuple[str, str], ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    user: str = ""

    @property
    def name(self) -> str:
        return "the service" if self.key == "service" else self.key
