"""What this machine is: the facts that times depend on, read from /proc, /sys/fs/cgroup and the runner's variables.

Limits are those of the control group this process is in (https://docs.kernel.org/admin-guide/cgroup-v2.html, and v1
where a runner or container still has it); the tightest of it and its parents counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from perf_action.model.environment import Environment
from perf_action.system import System

_ROOT = Path("/")


def environment(
    system: System,
    *,
    tools: tuple[tuple[str, str], ...] = (),
    extra: tuple[tuple[str, str], ...] = (),
    root: Path = _ROOT,
) -> Environment:
    """The machine as it is now. `tools` are (name, version) of what measures, builds and runs the service, and part of
    the fingerprint; `extra` is only shown; `root` is where /proc and /sys are.
    """
    name = os.uname()
    return Environment(
        cpu_model=_cpu_model(root),
        cores=len(system.cores()),
        cpu_quota=cpu_quota(root),
        memory_bytes=memory_limit(root),
        kernel=name.release,
        os=_os_name(root),
        arch=name.machine,
        image=" ".join(filter(None, (system.environ.get("ImageOS"), system.environ.get("ImageVersion")))),
        tools=tuple(sorted(tools)),
        extra=tuple(sorted(extra)),
    )


def cpu_quota(root: Path = _ROOT) -> float:
    """How many cores' worth of time the control groups allow; 0.0 for no limit."""
    limits = []
    for folder in _groups(root, "cpu"):
        words = _text(folder / "cpu.max").split()
        if not words:
            words = [_text(folder / f"cpu.cfs_{what}_us").strip() for what in ("quota", "period")]
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            limits.append(int(words[0]) / int(words[1]))
    return min(limits, default=0.0)


def memory_limit(root: Path = _ROOT) -> int:
    """Bytes that may be used: the control groups' limit or what the machine has, whichever is less."""
    total = re.search(r"MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"))
    limits = [int(total[1]) * 1024] if total else []
    for folder in _groups(root, "memory"):
        text = (_text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes")).strip()
        if text.isdigit():
            limits.append(int(text))
    return min(limits, default=0)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of all above it, of version 2 and of `controller` in version 1."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if names == "" or controller in names.split(","):
            top = root / "sys/fs/cgroup" / (controller if names else "")
            inner = Path(path.lstrip("/"))
            # in a container the path may be that of the host, and is not there
            yield from (top / folder for folder in (inner, *inner.parents) if (top / folder).is_dir())


def _cpu_model(root: Path) -> str:
    text = _text(root / "proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    if model:
        return " ".join(model[1].split())
    # arm64 gives numbers instead of a name
    numbers = re.findall(r"^CPU (implementer|part)\s*:\s*(\S+)$", text, re.MULTILINE)[:2]
    return "ARM " + " ".join(f"{what} {value}" for what, value in numbers) if numbers else ""


def _os_name(root: Path) -> str:
    named = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', _text(root / "etc/os-release"), re.MULTILINE)
    return named[1] if named else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
