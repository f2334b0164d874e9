"""The world outside: processes, the clock, free ports, files written whole. Passed in wherever it is needed.

Nothing else in the package starts a process, reads the clock or reads `os.environ`, so that a test can see all that
the program does, and so that one place keeps the rules: no shell unless the user wrote a shell command, no secret in
an argv, no half-written file under a final name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from perf_action.errors import CannotMeasure, ToolMissing

_ISOLATED = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A finished process. Output is text, undecodable bytes replaced."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float


class Process:
    """A started process that leads its own process group."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        return self._popen.stdout

    def poll(self) -> int | None:
        """The exit code (negative: the signal), or None while it runs."""
        return self._popen.poll()

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None if it still runs after `seconds`."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: int) -> None:
        """Signal the process itself; nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Signal every process of its group, also when the leader has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)

    def close(self) -> None:
        """Kill what is left of the group, reap the leader and close its pipes."""
        self.signal_group(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(10)
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class System:
    """The real world. `environ` is a copy of the environment, taken once."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ: Mapping[str, str] = dict(os.environ if environ is None else environ)
        self._running: set[int] = set()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    @property
    def cache(self) -> Path:
        """Where what `perf-action setup` brings in is kept: RUNNER_TOOL_CACHE on GitHub, else XDG_CACHE_HOME or ~/.cache."""
        named = self.environ.get("RUNNER_TOOL_CACHE") or self.environ.get("XDG_CACHE_HOME")
        return (
            Path(named or Path(self.environ.get("HOME") or tempfile.gettempdir()) / ".cache") / "perf-action"
        )

    @property
    def own_cache(self) -> Path | None:
        """The cache, if nobody else may write to it: what lies there is run."""
        homes = ("RUNNER_TOOL_CACHE", "XDG_CACHE_HOME", "HOME")
        return self.cache if any(self.environ.get(name) for name in homes) else None

    def which(self, tool: str) -> str | None:
        """The program of that name: one that `perf-action setup` brought in, since what is on the PATH was missing or
        did not work then; else the one on the PATH.
        """
        ours = str(self.own_cache / "bin") if self.own_cache else ""
        return shutil.which(tool, path=ours) or shutil.which(tool, path=self.environ.get("PATH"))

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        output: Path | None = None,
        timeout: float = 600,
    ) -> Completed:
        """Run to the end and return the output, whatever the exit code. `env` is the whole environment. With `output`,
        what it prints goes to that file as it is, and `stdout` is empty.

        Raises ToolMissing if the program is not there, CannotMeasure if it takes longer than `timeout` seconds
        (its whole process group is killed).
        """
        started = time.monotonic()
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            output.open("wb") if output else contextlib.nullcontext(out) as sink,
        ):
            source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
            popen = self._popen(argv, cwd=cwd, env=env, stdin=source, stdout=sink, stderr=err, cores=())
            self._running.add(popen.pid)
            try:
                popen.communicate(stdin, timeout=timeout)
            except subprocess.TimeoutExpired:
                raise CannotMeasure(f"{argv[0]} did not finish within {timeout:g} s") from None
            finally:
                if popen.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(popen.pid, signal.SIGKILL)
                    popen.wait()
                self._running.discard(popen.pid)
            out.seek(0)
            err.seek(0)
            return Completed(
                argv=tuple(argv),
                code=popen.returncode,
                stdout=out.read().decode(errors="replace"),
                stderr=err.read().decode(errors="replace"),
                seconds=time.monotonic() - started,
            )

    def kill_running(self) -> None:
        """Kill what `run` waits for in other threads, so that they end."""
        for pid in tuple(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        pipes: bool = False,
        cores: Sequence[int] = (),
    ) -> Process:
        """Start in a process group of its own. Output goes to `log` (appended), with `pipes` stdout goes to a pipe
        instead and stdin is one. `cores` pins the process and all that it will start.
        """
        with (log or Path(os.devnull)).open("ab") as sink:
            return Process(
                self._popen(
                    argv,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if pipes else sink,
                    stderr=sink,
                    cores=cores,
                )
            )

    def _popen(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None,
        env: Mapping[str, str] | None,
        stdin: int,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        cores: Sequence[int],
    ) -> subprocess.Popen[bytes]:
        environ = self.environ if env is None else env
        # taskset would do, but is not everywhere; the affinity of this process is inherited by the child
        before = os.sched_getaffinity(0) if cores else set()
        try:
            if cores:
                os.sched_setaffinity(0, cores)
            return subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(environ),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            if error.filename is not None and cwd is not None and str(error.filename) == str(cwd):
                raise CannotMeasure(f"the directory {cwd} does not exist") from None
            raise ToolMissing(argv[0], "install it, or put it on the PATH") from None
        except OSError as error:
            raise CannotMeasure(f"{argv[0]} could not be started: {error.strerror}") from None
        finally:
            if cores:
                os.sched_setaffinity(0, before)

    def free_port(self) -> int:
        """A TCP port of 127.0.0.1 that nobody listens on now."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
            return int(s.getsockname()[1])

    def cores(self) -> tuple[int, ...]:
        """The processors that this process may run on."""
        return tuple(sorted(os.sched_getaffinity(0)))


def isolated(program: Path, *arguments: str) -> tuple[str, ...]:
    """The argv of a Python that runs the file `program` with this process's own import path.

    Isolated (-I): nothing of the current directory, which may be a hostile checkout, is imported.
    """
    return (sys.executable, "-I", "-c", _ISOLATED, json.dumps(sys.path), str(program), *arguments)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block succeeds, and disappears if it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, name):
            raise OSError(error.errno, error.strerror, str(path)) from None  # the file that people know
        raise


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file or nothing."""
    with writing(path) as temporary:
        temporary.write_bytes(data)
