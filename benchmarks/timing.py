"""Times and memory of what is compared: commands and functions, each in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds by the clock, and of the processor."""

    wall: float
    cpu: float


def run(argv: Sequence[object], *, stdout: Path | None = None, shell: bool = False) -> Spent:
    """A command, or with `shell` a line for bash; CPU time includes what it starts."""
    with (stdout or Path(os.devnull)).open("wb") as out:
        started, before = time.perf_counter(), os.times()
        words = ["bash", "-o", "pipefail", "-c", str(argv[0])] if shell else [str(a) for a in argv]
        done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
        wall, after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise SystemExit(f"{argv}: {done.returncode}: {done.stderr.strip()}")
    cpu = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return Spent(wall, cpu)


_READ = """
import json, os, re, resource, sys, time
from pathlib import Path
from perf_action import formats
from perf_action.system import System

def status(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10

def size(profile):
    columns = [getattr(profile, name) for name in profile.__slots__]
    return sum(c.nbytes for c in columns if hasattr(c, "nbytes")) + sum(map(sys.getsizeof, profile.strings))

formats.read(Path(sys.argv[2]), System())  # what is loaded once does not belong to the file
Path("/proc/self/clear_refs").write_text("5")
before, started, times = status("VmRSS"), time.perf_counter(), os.times()
profile = formats.read(Path(sys.argv[1]), System()).captures[0].profile
wall, after, peak = time.perf_counter() - started, os.times(), status("VmHWM")
print(json.dumps({
    "wall": wall, "cpu": sum(after[:4]) - sum(times[:4]), "size": size(profile), "peak": peak - before,
    "samples": profile.total(), "stacks": len(set(profile.sample_stack.tolist())), "nodes": len(profile.stack_parent),
}))
"""


class Read(NamedTuple):
    """What reading a file took; `peak` and `size` in bytes: memory on top of the process's own, and of the profile."""

    spent: Spent
    samples: int
    stacks: int
    nodes: int
    size: int
    peak: int


def read(path: Path, small: Path) -> Read:
    """`perf-action` reads `path`, after a small file of the same format, so that everything is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, path, small], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    spent = Spent(found["wall"], found["cpu"])
    return Read(spent, found["samples"], found["stacks"], found["nodes"], found["size"], found["peak"])


def ratio(ours: Sequence[Spent], theirs: Sequence[Spent]) -> str:
    """The median over the rounds, of the clock and of the processor."""
    pairs = list(zip(ours, theirs, strict=True))
    wall, cpu = [a.wall / b.wall for a, b in pairs], [a.cpu / b.cpu for a, b in pairs]
    return f"{statistics.median(wall):5.2f}   ({min(wall):.2f} to {max(wall):.2f}; processor {statistics.median(cpu):.2f})"


def median(spent: Sequence[Spent]) -> str:
    wall, cpu = statistics.median(s.wall for s in spent), statistics.median(s.cpu for s in spent)
    return f"{wall:6.2f} s   (processor {cpu:.2f} s)"
