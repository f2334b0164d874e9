"""Reads a memray file as memray itself does, and as `perf-action show` does, in turn; prints both times and the ratio.

memray's own passes: opening, high-water mark, leaked, and one over all records. Ours does the same and builds the
profile, in a process of its own, whose start is in the figure.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import memray

from perf_action import formats
from perf_action.system import System

PROGRAM = """
import json
def encode(n): return json.dumps([{"id": i, "name": str(i)} for i in range(n)])
def decode(text): return json.loads(text)
kept = [decode(encode(200)) for _ in range(60)]
for _ in range(2500): decode(encode(200))
"""


def record(folder: Path) -> Path:
    script, out = folder / "program.py", folder / "profile.bin"
    script.write_text(PROGRAM)
    run = [
        sys.executable,
        "-m",
        "memray",
        "run",
        "-q",
        "--trace-python-allocators",
        "-o",
        str(out),
        str(script),
    ]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    return out


def theirs(path: Path) -> None:
    with memray.FileReader(path) as reader:
        for _ in reader.get_high_watermark_allocation_records(merge_threads=True):
            pass
        for _ in reader.get_leaked_allocation_records(merge_threads=True):
            pass
        for _ in reader.get_allocation_records():
            pass


def ours(path: Path) -> None:
    formats.read(path, System())


def seconds(read, path: Path) -> float:
    started = time.perf_counter()
    read(path)
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = record(Path(name))
        with memray.FileReader(path) as reader:
            records = reader.metadata.total_allocations
        pairs = [(seconds(theirs, path), seconds(ours, path)) for _ in range(5)]
    ratios = [b / a for a, b in pairs]
    print(f"{records} records, {len(pairs)} pairs of runs")
    print(f"memray's own passes   {statistics.median(a for a, _ in pairs):6.2f} s")
    print(f"read by perf-action   {statistics.median(b for _, b in pairs):6.2f} s")
    print(
        f"ratio                 {statistics.median(ratios):6.2f}   ({min(ratios):.2f} to {max(ratios):.2f})"
    )


main()
