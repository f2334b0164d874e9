"""Reads memray files as memray itself does and as `perf-action show` does, in turn, and prints times and ratios.

`reports` is what memray's reporters do for the same three numbers by stack, without the HTML: `memray flamegraph`,
`memray flamegraph --leaks` and `memray stats`, each of which opens the file. `passes` is less: the file is opened once,
nobody asks for the stacks, and nothing is made of the records. Ours does all of it in a process of its own, whose start
is in the figure, and half of it on a second core where there is one: so processor time is printed too.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import memray
from memray.reporters.flamegraph import FlameGraphReporter

from perf_action import formats
from perf_action.system import System

PAIRS = 5

CODE = """
import json
def encode(n): return json.dumps([{"id": i, "name": str(i)} for i in range(n)])
def decode(text): return json.loads(text)
"""
DEEP = """
def leaf(bits): return bytearray(600 + bits % 50)
def left(depth, bits): return (left if bits >> depth % 16 & 1 else right)(depth - 1, bits) if depth else leaf(bits)
def right(depth, bits): return (left if bits >> depth % 16 & 1 else right)(depth - 1, bits) if depth else leaf(bits)
kept = [left(60, bits) for bits in range(1500)][::10]
"""

#: what is recorded: few records of few stacks, many of few, many different deep stacks, and a program that starts
SHAPES = {
    "short": CODE
    + "kept = [decode(encode(200)) for _ in range(60)]\nfor _ in range(50): decode(encode(200))",
    "long": CODE + "for _ in range(600): decode(encode(200))",
    "deep": DEEP,
    "imports": "import json, asyncio, email.message, http.client, pydantic, requests",
}


def record(folder: Path, shape: str) -> Path:
    script, out = folder / f"{shape}.py", folder / f"{shape}.bin"
    script.write_text(SHAPES[shape])
    run = ["memray", "run", "-q", "--trace-python-allocators", "-o", str(out), str(script)]
    subprocess.run([sys.executable, "-m", *run], check=True, stdout=subprocess.DEVNULL)
    return out


def reports(path: Path) -> None:
    for leaks in (False, True):
        with memray.FileReader(path) as reader:
            records = (
                reader.get_leaked_allocation_records
                if leaks
                else reader.get_high_watermark_allocation_records
            )
            FlameGraphReporter.from_snapshot(
                records(merge_threads=True),
                memory_records=tuple(reader.get_memory_snapshots()),
                native_traces=False,
            )
    memray._memray.compute_statistics(str(path))  # noqa: SLF001 - as `memray stats` does


def passes(path: Path) -> None:
    with memray.FileReader(path) as reader:
        for _ in reader.get_high_watermark_allocation_records(merge_threads=True):
            pass
        for _ in reader.get_leaked_allocation_records(merge_threads=True):
            pass
        for _ in reader.get_allocation_records():
            pass


def ours(path: Path) -> None:
    formats.read(path, System())


def measured(read: Callable[[Path], None], path: Path) -> tuple[float, float]:
    """Seconds until it is done, and of all processors."""
    before, started = processor(), time.perf_counter()
    read(path)
    return time.perf_counter() - started, processor() - before


def processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def row(path: Path) -> str:
    """Medians of seconds (processor seconds), and the ratios of ours within each turn."""
    turns = [[measured(read, path) for read in (reports, passes, ours)] for _ in range(PAIRS)]
    cells = []
    for tool in range(3):
        wall, cpu = (statistics.median(turn[tool][i] for turn in turns) for i in (0, 1))
        cells.append(f"{wall:6.2f} ({cpu:5.2f})")
    for tool in range(2):
        ratios = [turn[2][0] / turn[tool][0] for turn in turns]
        cells.append(f"{statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return "   ".join(cells)


def main() -> None:
    titles = ("reports", "passes", "ours", "ours / reports", "ours / passes")
    print(f"{'':38}" + "   ".join(f"{title:14}" for title in titles))
    with tempfile.TemporaryDirectory() as name:
        for path in [Path(given) for given in sys.argv[1:]] or [
            record(Path(name), shape) for shape in SHAPES
        ]:
            with memray.FileReader(path) as reader:
                count = reader.metadata.total_allocations
            size = path.stat().st_size / 1e6
            print(f"{path.stem[:10]:10} {size:5.1f} MB {count:9,} records   {row(path)}", flush=True)


main()
