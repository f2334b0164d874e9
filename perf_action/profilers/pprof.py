"""pprof: what a Go service says of itself under /debug/pprof (https://pkg.go.dev/net/http/pprof), for each slice.

CPU, allocations, lock and blocking profiles are what happened during the slice (``?seconds=``), all at once; the live
heap (after a collection) and the goroutines are what is there at its end. A service without one of them still gives
the others. Go records locks only if the service calls runtime.SetMutexProfileFraction and SetBlockProfileRate, and
allocations one in 512 KiB unless it sets runtime.MemProfileRate: these are its own decisions, nothing here changes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from perf_action.errors import CannotMeasure, UsageError, one_line
from perf_action.model.trial import Stage
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.system import System, isolated

HEADERS_VARIABLE: Final = "PERF_ACTION_PPROF_HEADERS"
RECORDING: Final = "recording"
#: asked for with ?seconds=, all at once
TIMED: Final = ("profile", "allocs", "mutex", "block")
#: as they are afterwards; the query that goes with each
AFTER: Final[Mapping[str, str]] = {"heap": "gc=1", "goroutine": ""}
_DEFAULT_URL: Final = "http://127.0.0.1:{port}/debug/pprof"
_RECORDER: Final = Path(__file__).with_name("pprof_http.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`base` is where the profiles are, such as ``http://127.0.0.1:6060/debug/pprof``."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{self.base}: not an http URL of /debug/pprof")
        if parts.username or parts.password:
            host = f"{parts.scheme}://{parts.hostname}"
            raise UsageError(f"{host}: a user name or password in a URL is seen by everybody; give headers")


class Pprof:
    """Asks the service itself; nothing is attached and nothing wrapped."""

    name: ClassVar[str] = "pprof"
    traits: ClassVar[Traits] = Traits(timed=True)

    def version(self, system: System) -> str:  # noqa: ARG002
        """The profiler is part of the service, and has no version of its own."""
        return "in the service"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:  # noqa: ARG002
        url = stage.url or _DEFAULT_URL
        try:
            Server(base=url.replace("{port}", "1"))
        except UsageError as error:
            raise CannotMeasure(f"stages.{stage.name}.url: {error}") from None
        wanted = [f"{name}={out / name}.{{slice}}.pb.gz" for name in (*TIMED, *AFTER)]
        return Plan(
            argv=target.argv,
            attach=isolated(_RECORDER, url, "{seconds}", *wanted),
            attached=f"(?m)^{RECORDING}$",
            recorder_env=((HEADERS_VARIABLE, json.dumps(dict(stage.headers))),) if stage.headers else (),
            stop_profiler=None,
            artifacts=tuple(f"{name}.*.pb.gz" for name in (*TIMED, *AFTER)),
        )

    def silence(self, out: Path) -> str:
        """Why there is no capture: what the service answered."""
        for log in sorted(out.glob("profiler-*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
            said = [line for line in lines if line.strip() and line != RECORDING]
            if said:
                return f"the service gave no profile: {one_line(said[0], 400)}"
        return 'the service gave no profile; does it import _ "net/http/pprof" and serve it?'
