"""Settings of the kernel that keep profilers out: changed only for as long as something is measured, only where a
profiler of the settings needs it and this process may (root, or sudo without a password), and given back.

What was there before is written down first, with the process that changed it, so that a run that was killed can be
cleaned up after (`restore`), and so that of two runs at once the last one gives the settings back.

* kernel.perf_event_paranoid: 1 lets a process sample its user's processes, kernel included (perf_event_open(2))
* kernel.kptr_restrict: 0 shows the addresses by which perf names the kernel's functions
* kernel.yama.ptrace_scope: 1 lets a service of ours consent to being looked into, 0 is needed for one that runs already
  (3 cannot be changed)
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from perf_action.machine.root import as_root, may_be_root
from perf_action.profilers.allowed import PerfEvents, perf_events, ptrace_refusal
from perf_action.system import System, write_text

_ROOT = Path("/")
_FOREVER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting, the highest value that the profilers in `used_by` can live with, and what it is for."""

    name: str
    wanted: int
    used_by: tuple[str, ...]
    purpose: str

    def path(self, root: Path) -> Path:
        return root / "proc/sys" / self.name.replace(".", "/")

    def value(self, root: Path = _ROOT) -> int | None:
        """What it is now; None where the kernel does not have it."""
        try:
            return int(self.path(root).read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return None


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="kernel.perf_event_paranoid",
        wanted=1,
        used_by=("perf", "cargo-flamegraph"),
        purpose="sampling the service and the kernel under it",
    ),
    Setting(
        name="kernel.kptr_restrict",
        wanted=0,
        used_by=("perf", "cargo-flamegraph"),
        purpose="the names of the kernel's functions",
    ),
    Setting(
        name="kernel.yama.ptrace_scope",
        wanted=1,
        used_by=("py-spy",),
        purpose="looking into the service",
    ),
    Setting(
        name="kernel.yama.ptrace_scope",
        wanted=0,
        used_by=("py-spy attached", "heaptrack attached"),
        purpose="looking into a service that runs already",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was changed, or (`error`) why it could not be."""

    setting: Setting
    before: int
    error: str = ""

    def __str__(self) -> str:
        name, purpose = self.setting.name, self.setting.purpose
        if self.error:
            return (
                f"{name} is {self.before}, which is in the way of {purpose}, and was left so ({self.error}); "
                f"sudo sysctl -w {name}={self.setting.wanted}"
            )
        return f"{name} was {self.before}, and {self.setting.wanted} while measuring, for {purpose}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The kernel as this process sees it. `root` is where /proc is, `say` hears what is given back; the others are what
    is really allowed.
    """

    system: System
    say: Callable[[str], None] = lambda _line: None
    root: Path = _ROOT
    events: Callable[[], PerfEvents] = perf_events
    names_hidden: Callable[[], bool] = lambda: not kernel_names_shown()
    ptrace: Callable[[System], str] = ptrace_refusal
    uid: Callable[[], int] = os.geteuid

    def in_the_way(self, profilers: frozenset[str]) -> tuple[Setting, ...]:
        """The settings that keep one of these profilers out of what it needs, found by trying."""
        return tuple(
            s for s in SETTINGS if profilers & set(s.used_by) and _above(s, self.root) and self._hurts(s)
        )

    def _hurts(self, setting: Setting) -> bool:
        if setting.name.endswith("perf_event_paranoid"):
            events = self.events()
            return not (events.event and events.kernel)
        if setting.name.endswith("kptr_restrict"):
            return self.names_hidden()
        return bool(self.ptrace(self.system))

    def expected_events(self) -> PerfEvents:
        """What perf will be able to sample within `relaxed`."""
        now, paranoid = self.events(), SETTINGS[0]
        if now.event or not _above(paranoid, self.root) or not may_be_root(self.system, self.uid):
            return now
        return PerfEvents(event="cpu-clock", kernel=True)

    @contextlib.contextmanager
    def relaxed(self, profilers: frozenset[str]) -> Iterator[tuple[Change, ...]]:
        """The settings lowered within the block, as far as that is needed and allowed; what was changed, and what not."""
        needed = self.in_the_way(profilers)
        lowered = {e.name for e in _entries(self._file)}
        shared = tuple(s for s in SETTINGS if s.name in lowered and profilers & set(s.used_by))
        wanted = tuple(dict.fromkeys((*needed, *shared)))
        try:
            yield tuple(self._lower(setting) for setting in wanted)
        finally:
            for line in self.restore() if wanted else ():
                self.say(line)

    def _lower(self, setting: Setting) -> Change:
        now = setting.value(self.root) or 0
        if now == _FOREVER and setting.name.endswith("ptrace_scope"):
            return Change(setting=setting, before=now, error="3 stays until the machine starts anew")
        if not may_be_root(self.system, self.uid):
            reason = "changing it needs root, which sudo does not give without a password here"
            return Change(setting=setting, before=now, error=reason)
        try:
            with _locked(self._file) as entries:
                kept = next((e for e in entries if e.name == setting.name), None)
                entry = kept or _Entry(name=setting.name, before=now)
                others = [e for e in entries if e is not kept]
                _save(self._file, [*others, replace(entry, holders=(*entry.holders, os.getpid()))])
                return Change(
                    setting=setting, before=entry.before, error=self._write(setting, setting.wanted)
                )
        except OSError as error:
            reason = f"{self._file} could not be written: {error.strerror}"
            return Change(setting=setting, before=now, error=reason)

    def restore(self) -> tuple[str, ...]:
        """Give back what this process, or one that has ended, changed; a line for each. What others hold stays."""
        if not self._file.exists():
            return ()
        said, left = [], []
        with _locked(self._file) as entries:
            for entry in entries:
                holders = tuple(p for p in entry.holders if p != os.getpid() and _alive(p))
                setting = next((s for s in SETTINGS if s.name == entry.name), None)
                if setting is None:
                    continue
                error = "" if holders else self._write(setting, entry.before)
                if holders or error:
                    left.append(replace(entry, holders=holders))
                if not holders:
                    said.append(
                        f"{entry.name} is {entry.before} again" if not error else f"{entry.name}: {error}"
                    )
            _save(self._file, left)
        return tuple(said)

    @property
    def _file(self) -> Path:
        return self.system.cache / "kernel-settings.json"

    def _write(self, setting: Setting, value: int) -> str:
        """Set it; why that failed, or an empty string."""
        path = setting.path(self.root)
        try:
            path.write_text(f"{value}\n", encoding="ascii")
        except OSError as error:
            if self.uid() == 0:
                return error.strerror or str(error)
            done = as_root(
                ["tee", str(path)], self.system, stdin=f"{value}\n".encode(), timeout=30, uid=self.uid
            )
            if done.code != 0:
                return (done.stderr.strip().splitlines() or [f"exit code {done.code}"])[-1]
        return "" if setting.value(self.root) == value else "the kernel kept its value"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A setting that is changed now: what it was before, and the processes that need it changed."""

    name: str
    before: int
    holders: tuple[int, ...] = ()


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[list[_Entry]]:
    """What is changed on this machine, while nobody else may write it down."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _entries(file)


def _entries(file: Path) -> list[_Entry]:
    """What was written down; nothing where the file is gone or damaged."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return [
            _Entry(name=str(d["name"]), before=int(d["before"]), holders=tuple(map(int, d["holders"])))
            for d in data
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _save(file: Path, entries: list[_Entry]) -> None:
    if entries:
        write_text(file, json.dumps([asdict(e) for e in entries], indent=1) + "\n")
    else:
        file.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def kernel_names_shown(root: Path = _ROOT) -> bool:
    """Whether this process sees where the kernel's functions are: their addresses are zeros where it may not."""
    try:
        with (root / "proc/kallsyms").open(encoding="ascii", errors="replace") as file:
            return any(line.split(" ", 1)[0].strip("0") for line in (file.readline() for _ in range(100)))
    except OSError:
        return False


def _above(setting: Setting, root: Path) -> bool:
    value = setting.value(root)
    return value is not None and value > setting.wanted
