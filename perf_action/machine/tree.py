"""A process and all that it started: what they used, summed, without the profiler's own processes.

CPU time comes from the process CPU clocks (``clock_gettime`` on ``(~pid << 3) | 2``, see clock_getcpuclockid(3)),
which count nanoseconds; ``utime`` and ``stime`` of /proc are ticks of 10 ms, and only split it. Time of children
that have ended is in ``cutime`` and ``cstime`` of the parent that waited for them (proc(5)); where nobody waited,
the last value seen is kept, so that no sum ever falls.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

#: the environment variable that marks every process of a launch, whatever session or parent it has
MARKER = "PERF_ACTION_LAUNCH"
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a tree has used since it was started, at `at_ns` of the monotonic clock; memory is what it holds now.

    `read_bytes` and `written_bytes` went to and from storage, not the page cache. `pss_bytes` None: not permitted, or
    not asked for. `steal_ns` is of the whole machine: time that the hypervisor gave to others.
    """

    at_ns: int
    cpu_ns: int
    user_ns: int
    system_ns: int
    rss_bytes: int
    pss_bytes: int | None
    read_bytes: int
    written_bytes: int
    minor_faults: int
    context_switches: int
    steal_ns: int
    processes: int


@dataclass(frozen=True, slots=True)
class _Counters:
    """What passes to the parent that waits for a process."""

    cpu_ns: int = 0
    user_ns: int = 0
    system_ns: int = 0
    minor_faults: int = 0
    read_bytes: int = 0
    written_bytes: int = 0

    def __add__(self, other: _Counters) -> _Counters:
        return _Counters(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A process as it was last seen: `total` is its own and what it inherited, `inherited_ns` the latter's CPU time."""

    started: int
    parent: int
    name: str
    zombie: bool
    total: _Counters
    inherited_ns: int


class Tree:
    """The processes that come from `root`, found by parentage and, for those that changed it, by `marker`.

    Safe to use from two threads. `own_names` are executables in the tree that are not the service's.
    """

    def __init__(self, root: int, marker: str = "", own_names: Collection[str] = ()) -> None:
        self._marker = f"{MARKER}={marker}".encode() if marker else b""
        self._own_names = {name[:15] for name in own_names}
        self._root = root
        self._known: dict[int, _Seen] = {}
        self._lost = _Counters()
        self._highest_ns = 0
        self._switches: dict[tuple[int, int], int] = {}
        self._lock = threading.Lock()

    def pids(self, *, strays: bool = False) -> tuple[int, ...]:
        """The live processes, the profiler's included. `strays`: look through all of /proc for the marker (some ms)."""
        with self._lock:
            self._refresh(strays=strays)
            return tuple(pid for pid, seen in self._known.items() if not seen.zombie)

    def service_pids(self) -> tuple[int, ...]:
        """The live processes that are the service's, parents first."""
        with self._lock:
            self._refresh()
            return tuple(pid for pid in self._mine() if not self._known[pid].zombie)

    def profiler_runs(self) -> bool:
        """Whether a process of the profiler lives: it may be writing what it has recorded."""
        with self._lock:
            self._refresh()
            return any(seen.name in self._own_names and not seen.zombie for seen in self._known.values())

    def heads(self, wrappers: Collection[str]) -> list[int]:
        """The service's own topmost processes: below the profiler's and below executables named in `wrappers`."""
        with self._lock:
            self._refresh()
            own = {
                pid
                for pid in self._mine()
                if not self._known[pid].zombie and _executable(pid) not in wrappers
            }
            return [pid for pid in own if not self._ancestors(pid) & own]

    def _ancestors(self, pid: int) -> set[int]:
        out: set[int] = set()
        while (pid := self._known[pid].parent) in self._known:
            out.add(pid)
        return out

    def usage(self, *, pss: bool = True) -> Usage:
        """What the tree has used until now. `pss` costs about 0.3 ms for each 50 MB."""
        with self._lock:
            self._refresh()
            mine = self._mine()
            total = self._lost
            for pid in mine:
                total = total + self._known[pid].total
            # what a parent takes over is rounded down to ticks, once
            self._highest_ns = max(self._highest_ns, total.cpu_ns)
            rss, proportional = _memory(mine, pss=pss)
            return Usage(
                at_ns=time.monotonic_ns(),
                cpu_ns=self._highest_ns,
                user_ns=total.user_ns,
                system_ns=total.system_ns,
                rss_bytes=rss,
                pss_bytes=proportional,
                read_bytes=total.read_bytes,
                written_bytes=total.written_bytes,
                minor_faults=total.minor_faults,
                context_switches=self._count_switches(mine),
                steal_ns=steal_ns(),
                processes=len(mine),
            )

    def memory(self) -> tuple[int, int]:
        """Bytes resident now, summed, and the highest that any single process has held since it was started."""
        with self._lock:
            self._refresh()
            mine = self._mine()
            return _memory(mine, pss=False)[0], max((_high_water(pid) for pid in mine), default=0)

    def _mine(self) -> list[int]:
        return [pid for pid, seen in self._known.items() if seen.name not in self._own_names]

    def _refresh(self, *, strays: bool = False) -> None:
        """Look at all processes anew; what the vanished had used is kept where no parent has taken it over."""
        before = self._known
        seen: dict[int, _Seen] = {}
        todo = [self._root, *before, *(self._strays() if strays else ())]
        while todo:
            pid = todo.pop(0)
            if pid in seen:
                continue
            process = _look(pid)
            if process is None or (pid in before and before[pid].started != process.started):
                continue
            seen[pid] = process
            todo += _children(pid)
        self._known = seen
        for heir, used in self._vanished(before).items():
            taken = seen[heir].inherited_ns - before[heir].inherited_ns if heir in seen else 0
            if taken + 2 * _TICK_NS < used.cpu_ns or heir not in seen:
                self._lost = self._lost + used

    def _vanished(self, before: dict[int, _Seen]) -> dict[int, _Counters]:
        """What the processes that are gone had used, by their nearest ancestor that still runs (0: none does)."""
        out: dict[int, _Counters] = {}
        for pid, seen in before.items():
            if pid in self._known or seen.name in self._own_names:
                continue
            heir = seen.parent
            while heir in before and heir not in self._known:
                heir = before[heir].parent
            mine = heir in before and before[heir].name not in self._own_names
            heir = heir if mine else 0
            out[heir] = out.get(heir, _Counters()) + seen.total
        return out

    def _strays(self) -> Iterator[int]:
        if self._marker:
            for entry in filter(str.isdigit, _entries("/proc")):
                if self._marker in _read(f"/proc/{entry}/environ").split(b"\0"):
                    yield int(entry)

    def _count_switches(self, pids: list[int]) -> int:
        """Voluntary and involuntary, over all threads that were ever seen: /proc has them by thread only."""
        for pid in pids:
            for tid in threads_of(pid):
                numbers = [
                    int(line.split()[1])
                    for line in _read(f"/proc/{pid}/task/{tid}/status").splitlines()[-2:]
                    if b"ctxt_switches" in line
                ]
                if numbers:
                    self._switches[pid, tid] = sum(numbers)
        return sum(self._switches.values())


def threads_of(pid: int) -> tuple[int, ...]:
    """The ids of its threads; empty if it has ended."""
    return tuple(map(int, _entries(f"/proc/{pid}/task")))


def steal_ns() -> int:
    """Time stolen by the hypervisor since boot, summed over processors (the eighth number of /proc/stat)."""
    fields = _read("/proc/stat").split(b"\n", 1)[0].split()
    return int(fields[8]) * _TICK_NS if len(fields) > 8 else 0


def _read(path: str) -> bytes:
    """The whole file, or nothing where it is gone or not ours to read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # twice as fast as Path, and called often
            return file.read()
    except OSError:
        return b""


def _entries(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208  # a path object for each of hundreds of entries is what costs here
    except OSError:
        return []


def _look(pid: int) -> _Seen | None:
    text = _read(f"/proc/{pid}/stat")
    name, bracket, rest = text.partition(b"(")[2].rpartition(b")")
    if not bracket:
        return None
    # numbered as in proc(5), where the state is field 3
    f = rest.split()
    utime, stime, cutime, cstime = (int(f[i - 3]) * _TICK_NS for i in (14, 15, 16, 17))
    try:
        cpu = int(time.clock_gettime_ns((~pid << 3) | 2))
    except OSError:
        cpu = utime + stime
    io = dict(line.split(b": ") for line in _read(f"/proc/{pid}/io").splitlines())
    return _Seen(
        started=int(f[22 - 3]),
        parent=int(f[4 - 3]),
        name=name.decode(errors="replace"),
        zombie=f[0] in (b"Z", b"X"),
        inherited_ns=cutime + cstime,
        total=_Counters(
            cpu_ns=cpu + cutime + cstime,
            user_ns=utime + cutime,
            system_ns=stime + cstime,
            minor_faults=int(f[10 - 3]) + int(f[11 - 3]),
            read_bytes=int(io.get(b"read_bytes", 0)),
            written_bytes=int(io.get(b"write_bytes", 0)),
        ),
    )


def _executable(pid: int) -> str:
    """The name of the program it runs; empty if that may not be read. A script has the name of its interpreter."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except OSError:
        return ""
    if os.path.basename(os.path.dirname(path)) == "valgrind":  # noqa: PTH119, PTH120
        path = _first_mapped(pid)
    return os.path.basename(path)  # noqa: PTH119


def _first_mapped(pid: int) -> str:
    """The file at the lowest address of a process: the program that valgrind runs, whatever its own file is."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
            return next((line.split(maxsplit=5)[5].strip() for line in maps if " /" in line), "")
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    """Its children. The kernel lists them by the thread that made them."""
    found: list[int] = []
    for tid in threads_of(pid):
        found += map(int, _read(f"/proc/{pid}/task/{tid}/children").split())
    return found


def _memory(pids: list[int], *, pss: bool) -> tuple[int, int | None]:
    """RSS and PSS in bytes, summed. PSS is None where one of them may not be read."""
    rss, proportional = 0, 0
    readable = pss
    for pid in pids:
        text = _read(f"/proc/{pid}/smaps_rollup") if pss else b""
        if text:
            sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in text.splitlines()[1:]}
            rss += sizes[b"Rss:"]
            proportional += sizes[b"Pss:"]
        else:
            resident = _read(f"/proc/{pid}/statm").split()
            rss += int(resident[1]) * _PAGE if resident else 0
            readable = readable and (not resident or resident[1] == b"0")
    return rss, proportional if readable else None


def _high_water(pid: int) -> int:
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
