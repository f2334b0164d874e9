"""One launch of the service: started in a process group of its own, awaited, measured, pinned, stopped.

Everything that belongs to a launch carries a random mark in its environment, so that nothing is left behind, not even
what left its process group and parent.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets as randomness
import signal
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from perf_action.errors import CannotMeasure, ServiceDidNotStart
from perf_action.formats import packing
from perf_action.machine.commands import Places, Secrets, argv_of, expand
from perf_action.machine.logs import keep, last_words, remove_tree, run_logged, tail
from perf_action.machine.prepare import Prepared
from perf_action.machine.queries import counter_of
from perf_action.machine.ready import listens, readiness
from perf_action.machine.role import Role
from perf_action.machine.tree import MARKER, Tree, Usage, threads_of
from perf_action.machine.user import UserOf
from perf_action.profilers.plan import Plan, Target
from perf_action.system import Completed, Process, System, write_bytes, writing

_SHELLS = frozenset({"sh", "dash", "bash", "ash", "busybox"})
_BEFORE_LAUNCH_TIMEOUT = 600.0
_CHECK_TIMEOUT = 5.0
#: how long a profiler's processes may write on after the service and what was started has ended
_FLUSH_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a service ended. `code` is the exit code, negative for a signal, None where it was not our child any more.

    `killed`: it had to be killed. `strays`: processes of it that were left and killed.
    """

    code: int | None
    killed: bool
    seconds: float
    strays: int = 0

    def __str__(self) -> str:
        how = "killed after it ignored SIGTERM" if self.killed else f"ended with {self.code}"
        return f"{how} after {self.seconds:.1f} s" + (
            f", {self.strays} processes left behind" if self.strays else ""
        )


class Service(contextlib.AbstractContextManager["Service"]):
    """A launch. Use it as a context manager: leaving it kills what is left and keeps the log, without secrets, in `log`.

    `port` None: the configured one, or a free one. `patience` multiplies its time-outs, for a service that a profiler
    slows down. Raises ConfigError for a variable that is not set, CannotMeasure where the port is taken.
    """

    def __init__(
        self,
        prepared: Prepared,
        system: System,
        *,
        log: Path,
        port: int | None = None,
        patience: float = 1.0,
        role: Role | None = None,
    ) -> None:
        self._prepared, self._system, self._log = prepared, system, log
        self._role = role or Role()
        self._patience = patience
        self.port = port or prepared.service.port or system.free_port()
        self._scratch = Path(tempfile.mkdtemp(prefix="perf-action-"))
        self.work = self._scratch / "work"
        self.work.mkdir()
        self._as = UserOf(self._role.user)
        self._as.own(self.work)
        self._raw = self._scratch / "service.log"
        self._process: Process | None = None
        self._tree: Tree | None = None
        self._started_ns = 0
        try:
            self._describe()
        except BaseException:
            remove_tree(self._scratch)
            raise

    def _describe(self) -> None:
        prepared, environ = self._prepared, self._system.environ
        key = self._role.key
        places = self.places = Places(
            checkout=prepared.checkout.path,
            python=prepared.python,
            port=self.port,
            work=self.work,
            needs=self._role.places,
        )
        values, hidden = expand(prepared.service.env, environ, key=f"{key}.env")
        filled = {name: places.fill(value) for name, value in values.items()}
        self._mark = randomness.token_hex(8)
        env = {**prepared.env, **filled, MARKER: self._mark}
        self.target = Target(
            argv=self._as.argv(argv_of(prepared.service.command, places, key=f"{key}.command")),
            cwd=prepared.directory,
            env=tuple(env.items()),
        )
        before = prepared.service.before_launch
        self._before = argv_of(before, places, key=f"{key}.{self._role.before}") if before else None
        self._ready = readiness(
            prepared.service.ready, places, environ, self._raw, run=self._run_check, key=key
        )
        self.queries, unsaid = counter_of(prepared.service.queries, places, self._system)
        self.secrets: Secrets = hidden + self._ready.secrets + unsaid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that was started; with a wrapping profiler, the wrapper."""
        return self._running().pid

    @property
    def tree(self) -> Tree:
        """The processes of the service."""
        if self._tree is None:
            raise CannotMeasure("the service was not started")
        return self._tree

    def start(self, plan: Plan | None = None, cores: Sequence[int] = ()) -> None:
        """Run `before-launch`, then start the service, as `plan` says. Returns at once; see `wait_ready`."""
        env = dict(self.target.env)
        if self._before:
            self.run_command(self._before, self._role.before, self._log.with_name(self._before_log))
        if listens(self.port):
            raise ServiceDidNotStart(
                f"port {self.port} is taken; end what listens there (ss -ltnp 'sport = :{self.port}'), "
                f"or leave {self._role.key}.port out and write {{port}} in {self._role.key}.command"
            )
        self._started_ns = self._system.monotonic_ns()
        self._process = self._system.start(
            plan.argv if plan else self.target.argv,
            cwd=self.target.cwd,
            env={**env, **dict(plan.env if plan else ())},
            log=self._raw,
            cores=cores,
        )
        self._tree = Tree(self._process.pid, self._mark, plan.own_processes if plan else ())

    @property
    def _before_log(self) -> str:
        return "before-launch.log" if self._role.key == "service" else self._log.name

    def run_command(self, argv: Sequence[str], name: str, log: Path) -> None:
        """Run a command of its group in perf.yml to its end. CannotMeasure with its last line if it fails."""
        run_logged(
            self._as.argv(argv),
            what=f"{self._role.key}.{name}",
            cwd=self.target.cwd,
            env=dict(self.target.env),
            log=log,
            secrets=self.secrets,
            system=self._system,
            timeout=_BEFORE_LAUNCH_TIMEOUT,
        )

    def _run_check(self, argv: Sequence[str]) -> Completed:
        env = dict(self.target.env)
        return self._system.run(self._as.argv(argv), cwd=self.target.cwd, env=env, timeout=_CHECK_TIMEOUT)

    def wait_ready(self) -> int:
        """Wait until it answers; how long that took, in ns. ServiceDidNotStart with the reason and its last output."""
        timeout = self._ready.timeout * self._patience
        deadline = self._started_ns + int(timeout * 1e9)
        reason: bool | str = "not yet"
        while self._system.monotonic_ns() < deadline:
            reason = self._ready.check()
            if not self.alive():
                raise self._did_not_start(f"{self._role.name} ended {self._how()} before it was ready")
            if reason is True:
                took = self._system.monotonic_ns() - self._started_ns
                self.tree.pids(strays=True)
                return took
            young = self._system.monotonic_ns() - self._started_ns < 1_000_000_000
            self._system.sleep(0.01 if young else 0.05)
        raise self._did_not_start(
            f"{self._role.name} was not ready within {timeout:g} s{self._slowed()}: {self._ready.what} ({reason})"
            + self._port_hint()
        )

    def _slowed(self) -> str:
        return (
            f" ({self._role.key}.ready.timeout × {self._patience:g} under this profiler)"
            if self._patience > 1
            else ""
        )

    def _did_not_start(self, reason: str) -> ServiceDidNotStart:
        shown = tail(self._raw, self.secrets)
        return ServiceDidNotStart(self.secrets.mask(reason) + last_words(shown), shown)

    def _how(self) -> str:
        code = self._running().poll()
        return f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"

    def _port_hint(self) -> str:
        service = self._prepared.service
        text = f"{service.command} {list(service.env.values())}"
        if service.port or "{port}" in text:
            return ""
        return f"; neither {self._role.key}.command nor {self._role.key}.env has {{port}} in it"

    def alive(self) -> bool:
        """Whether it runs: the process itself or, if that has ended well, one that it left behind to serve."""
        code = self._running().poll()
        return code is None or (code == 0 and bool(self.tree.pids(strays=True)))

    def usage(self, *, pss: bool = True) -> Usage:
        """What the tree has used until now."""
        return self.tree.usage(pss=pss)

    def pin(self, cores: Sequence[int]) -> None:
        """Move every thread of the tree to `cores`; what they start later stays there."""
        done: set[int] = set()
        while todo := {tid for pid in self.tree.pids() for tid in threads_of(pid)} - done:
            for tid in todo:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(tid, cores)
            done |= todo

    def log_tail(self) -> str:
        """The last lines of its output, secrets masked."""
        return tail(self._raw, self.secrets)

    def stop(self) -> Ending:
        """SIGTERM to the service itself (not to a shell or profiler round it), SIGKILL to all of it after stop-timeout."""
        process, began = self._running(), self._system.monotonic_ns()
        self.tree.pids(strays=True)
        heads = self.tree.heads(_SHELLS)
        _signal(heads, self._role.stop_signal)
        killed = not self._wait_gone(set(heads), began)
        strays = self._kill()
        return Ending(
            code=process.poll(),
            killed=killed,
            seconds=(self._system.monotonic_ns() - began) / 1e9,
            strays=0 if killed else strays,
        )

    def _wait_gone(self, heads: set[int], began: int) -> bool:
        """Whether all of `heads` and the process that was started end in time."""
        limit = self._prepared.service.stop_timeout * self._patience
        heads_gone_s, asked = 0.0, False
        while True:
            ended = self._running().poll() is not None
            left = bool(heads & set(self.tree.pids()))
            waited = (self._system.monotonic_ns() - began) / 1e9
            flushed = waited > heads_gone_s + _FLUSH_SECONDS or not self.tree.profiler_runs()
            if ended and not left and flushed:
                return True
            if waited > limit:
                return False
            heads_gone_s = waited if left else heads_gone_s
            if not asked and not left and waited > heads_gone_s + 0.5 and not self.tree.profiler_runs():
                # a shell that goes on after its child has ended, such as a loop
                self._running().signal(signal.SIGTERM)
                asked = True
            self._system.sleep(0.01)

    def _kill(self) -> int:
        """Kill everything that carries the mark; how many processes there were."""
        root = self._running().pid
        killed: set[int] = set()
        for _ in range(200):
            left = set(self.tree.pids(strays=True)) - {root}
            killed |= left
            self._running().signal_group(signal.SIGKILL)
            _signal(left, signal.SIGKILL)
            if not left:
                break
            self._system.sleep(0.01)
        self._running().close()
        return len(killed)

    def scrub(self, capture: Path) -> None:
        """Mask secrets in a file that a profiler wrote: py-spy and heaptrack note the command line. Of a packed one
        the beginning is looked at, where it stands; one that is broken is emptied.
        """
        with capture.open("rb") as file:
            how = packing.kind(file.read(packing.MAGIC_BYTES))
        if how:
            self._scrub_packed(capture, how)
            return
        data = capture.read_bytes()
        masked = self._masked(data)
        if masked != data:
            write_bytes(capture, masked)

    def _scrub_packed(self, capture: Path, how: str) -> None:
        try:
            with capture.open("rb") as file:
                pieces = packing.unpack(file, how)
                first = next(pieces, b"")
                masked = self._masked(first)
                if masked != first:
                    with writing(capture) as temporary, temporary.open("wb") as out:
                        packing.pack(itertools.chain((masked,), pieces), how, out)
        except packing.Damaged:
            write_bytes(capture, b"")

    def _masked(self, data: bytes) -> bytes:
        """Binary files (perf.data) keep every offset: their secrets become stars of the same length."""
        if b"\0" in data:
            for value in self.secrets.values:
                secret = value.encode()
                data = data.replace(secret, b"*" * len(secret))
            return data
        text = data.decode(errors="surrogateescape")
        return self.secrets.mask(text).encode(errors="surrogateescape")

    def close(self) -> None:
        """Kill what is left, keep the log and remove the work folder. May be called twice."""
        try:
            if self._process is not None:
                self._kill()
            self._log.parent.mkdir(parents=True, exist_ok=True)
            keep(self._raw, self._log, self.secrets)
        finally:
            remove_tree(self._scratch)

    def _running(self) -> Process:
        if self._process is None:
            raise CannotMeasure("the service was not started")
        return self._process


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
