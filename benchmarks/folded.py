"""Reads a million folded lines as inferno does, and as `perf-action` does, in turn; sorted ones and mixed ones.

Aim: at most 1.5 times inferno's own reading. inferno is a library; ``flamegraph`` of cargo-flamegraph is the program
that has it in. It is given a tiny perf.data, and the lines in place of its stacks (``--post-process``), and draws next
to nothing (``--min-width``); what it needs for a single line in their place is taken off, so that what is left is the
reading.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import Spent, median, ratio, read, run

ROUNDS, LINES = 5, 1_000_000


def stacks(draw: random.Random) -> Iterator[str]:
    """Distinct lines of 4 to 14 frames of 300 functions, 207 bytes each on average."""
    rooms, verbs = (
        ("http", "json", "db", "cache", "auth", "util"),
        ("parse", "read", "write", "handle", "encode"),
    )
    names = [
        f"{room}::{verb}_{n}{ending}"
        for n in range(2)
        for room in rooms
        for verb in verbs
        for ending in ("", "<u8>", "::{{closure}}", "_inner", "_slow")
    ]
    seen: set[str] = set()
    while len(seen) < LINES:
        frames, at = ["main"], draw.randrange(4)
        for _ in range(draw.randint(4, 14)):
            at = (at * 7 + draw.randrange(5)) % len(names)
            frames.append(names[at])
        stack = ";".join([*frames, draw.choice(names)])
        if stack not in seen:
            seen.add(stack)
            yield f"{stack} {draw.randint(1, 9)}\n"


def inferno(tool: str, lines: Path, tiny: Path, folder: Path) -> Spent:
    feeder = folder / "feeder"
    feeder.write_text(f"#!/bin/sh\ncat > /dev/null\nexec cat {lines}\n")
    feeder.chmod(0o755)
    return run(
        [tool, "--perfdata", tiny, "--post-process", feeder, "--min-width", "100", "-o", folder / "x.svg"]
    )


def record(folder: Path) -> Path:
    """A perf.data with a few samples."""
    words = [
        "perf",
        "record",
        "-q",
        "-F",
        "99",
        "-e",
        "cpu-clock:u",
        "-g",
        "-o",
        "tiny",
        "--",
        sys.executable,
        "-c",
        "sum(range(9**7))",
    ]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder / "tiny"


def main() -> None:
    beside = Path(sys.executable).with_name("flamegraph")
    tool = str(beside) if beside.is_file() else shutil.which("flamegraph")
    if tool is None:
        raise SystemExit("flamegraph (cargo-flamegraph) is not installed: it has inferno in it")
    lines = list(stacks(random.Random(7)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny, one = record(folder), folder / "one.folded"
        one.write_text("main;f 1\n")
        for order in ("mixed", "sorted"):
            path = folder / f"{order}.folded"
            path.write_text("".join(lines if order == "mixed" else sorted(lines)))
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(read(path, one).spent)
                nothing = inferno(tool, one, tiny, folder)
                whole = inferno(tool, path, tiny, folder)
                theirs.append(Spent(whole.wall - nothing.wall, whole.cpu - nothing.cpu))
            print(f"{len(lines)} lines, {order}, {path.stat().st_size / 1e6:.0f} MB, {ROUNDS} rounds")
            print(f"inferno               {median(theirs)}")
            print(f"read by perf-action   {median(ours)}")
            print(f"ratio                 {ratio(ours, theirs)}")


if __name__ == "__main__":
    main()
