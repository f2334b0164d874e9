"""A service that runs already: found by process id, by the address it answers on, or by its container.

It is looked at and loaded, never started, pinned or stopped.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from perf_action.config import Service as ServiceOptions
from perf_action.errors import CannotMeasure, one_line
from perf_action.machine.commands import Places
from perf_action.machine.prepare import Prepared
from perf_action.machine.queries import counter_of
from perf_action.machine.ready import readiness
from perf_action.machine.tree import Tree, Usage
from perf_action.profilers.plan import Plan, Target
from perf_action.system import System

_CONTAINER_ID = re.compile(r"[0-9a-f]{12,64}")
_ENGINES = ("docker", "podman", "nerdctl")


class ExistingService(contextlib.AbstractContextManager["ExistingService"]):
    """See `RunningService`. CannotMeasure if it is not there, or may not be looked at."""

    def __init__(self, prepared: Prepared, system: System) -> None:
        options = prepared.service
        self.target = existing_target(options, system)
        self._pid = self.target.pid or 0
        self._process = _process(self._pid)
        self.port = options.port or _port_of_url(options.url) or _listening(self._process) or 0
        self._options, self._system, self._scratch = options, system, prepared.directory
        self._tree = Tree(self._pid)
        places = Places(checkout=prepared.directory, python="python3", port=self.port)
        self.queries, _ = counter_of(options.queries, places, system)

    def __exit__(self, *ending: object) -> None:
        """It is left as it is."""

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def tree(self) -> Tree:
        return self._tree

    def start(self, plan: Plan, cores: Sequence[int] = ()) -> None:  # noqa: ARG002
        """Nothing is started; CannotMeasure if the profiler has to start the service itself."""
        if plan.argv != self.target.argv or plan.env:
            raise CannotMeasure(
                f"this profiler has to start the service, but service.{self._options.existing} names one that runs "
                "already; take one that attaches (py-spy, perf, pprof), or give service.command"
            )
        self._tree = Tree(self._pid, own_names=plan.own_processes)

    def wait_ready(self) -> int | None:
        """CannotMeasure if it does not answer now."""
        if self._options.ready or self.port:
            places = Places(checkout=self._scratch, python="python3", port=self.port)
            ready = readiness(self._options.ready, places, self._system.environ, self._scratch / "none")
            reason = ready.check()
            if reason is not True:
                raise CannotMeasure(
                    f"the service (pid {self._pid}) runs, but is not ready: {ready.what} ({reason})"
                )
        return None

    def alive(self) -> bool:
        return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE

    def usage(self, *, pss: bool = True) -> Usage:
        return self._tree.usage(pss=pss)

    def pin(self, cores: Sequence[int]) -> None:
        """It stays where it is: it is not ours."""

    def log_tail(self) -> str:
        return ""

    def stop(self) -> object:
        """It goes on."""
        return None

    def scrub(self, capture: Path) -> None:
        """We know no secret of it."""


def existing_target(options: ServiceOptions, system: System) -> Target:
    """The service that `options` names. CannotMeasure if it is not there, or may not be looked at."""
    pid = find(options, system)
    process = _process(pid)
    return Target(argv=tuple(process.cmdline()), cwd=_cwd(process), env=(), pid=pid)


def find(options: ServiceOptions, system: System, proc: Path = Path("/proc")) -> int:
    """The process id of the service that `options` names. CannotMeasure with what to do if there is none."""
    if options.pid:
        if not psutil.pid_exists(options.pid):
            raise CannotMeasure(f"service.pid: there is no process {options.pid} on this machine")
        return options.pid
    if options.url:
        return _listener(options.url)
    return _in_container(options.container or "", system, proc)


def _process(pid: int) -> psutil.Process:
    try:
        process = psutil.Process(pid)
        process.cmdline()
    except psutil.Error as error:
        raise CannotMeasure(
            f"the service (pid {pid}) cannot be looked at: {one_line(error)}; run as its user, or as root"
        ) from None
    return process


def _cwd(process: psutil.Process) -> Path:
    try:
        return Path(process.cwd())
    except psutil.Error:
        return Path("/")


def _port_of_url(url: str | None) -> int:
    if not url:
        return 0
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _listener(url: str) -> int:
    """The process that listens where `url` points to, its parent if several share the socket."""
    host, port = urlsplit(url).hostname or "", _port_of_url(url)
    if not _is_local(host):
        raise CannotMeasure(
            f"service.url: {host} is another machine, so its process cannot be measured; run there, with service.pid"
        )
    pids = {
        c.pid
        for c in psutil.net_connections("tcp")
        if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port and c.pid
    }
    if not pids:
        raise CannotMeasure(
            f"service.url: no process of this user listens on port {port}; is it running (ss -ltnp)? "
            "Those of other users and of containers are seen by root only, or by service.pid and service.container"
        )
    return _topmost(pids)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == socket.gethostname()


def _topmost(pids: set[int]) -> int:
    """The one whose ancestors are not among them; the lowest number if that leaves several."""
    top = [pid for pid in pids if not {p.pid for p in psutil.Process(pid).parents()} & pids]
    return min(top or pids)


def _listening(process: psutil.Process) -> int:
    """The port that the process listens on, 0 if it is not just one."""
    try:
        found = {
            c.laddr.port
            for one in (process, *process.children(recursive=True))
            for c in one.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN
        }
    except psutil.Error:
        return 0
    return found.pop() if len(found) == 1 else 0


def _in_container(name: str, system: System, proc: Path) -> int:
    """The first process of a container, as this host numbers it: from the control groups, else from the engine."""
    if _CONTAINER_ID.fullmatch(name) and (pid := _of_group(name, proc)):
        return pid
    tried = []
    for engine in _ENGINES:
        if system.which(engine) is None:
            continue
        done = system.run([engine, "inspect", "--format", "{{.State.Pid}}", "--", name], timeout=30)
        if done.code == 0 and done.stdout.strip().isdigit() and int(done.stdout):
            return int(done.stdout)
        tried.append(f"{engine} says: {one_line((done.stderr or 'it is not running').strip(), 160)}")
    said = "; ".join(tried) or f"none of {', '.join(_ENGINES)} is installed"
    raise CannotMeasure(
        f"service.container: no running container {name!r} was found ({said}); give its id or service.pid"
    )


def _of_group(container: str, proc: Path) -> int:
    """The lowest process id whose control group carries the id of the container; 0 if there is none."""
    found = []
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                groups = (entry / "cgroup").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if re.search(rf"(?:^|[/:-]){container}", groups, re.MULTILINE):
                found.append(int(entry.name))
    return min(found, default=0)
