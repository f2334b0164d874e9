"""Reads a perf.data of about 500,000 samples and 250,000 distinct stacks, and compares with perf itself, in turn.

Aims: at least twice as fast as ``perf script --no-inline`` followed by a stack collapse; at most 1.5 times what
``perf report -g folded`` alone takes (it says less: no modules, no threads); at most four times the memory of the
profile that comes out. The recording is real: a C program that goes through a random tree of calls for 17 seconds.
Where cargo-flamegraph is installed, ``flamegraph`` reads the file too: that is `perf script` with the collapse of
inferno, and a picture of nearly nothing.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import Spent, median, ratio, read, run

ROUNDS = 5
SECONDS, FREQUENCY, FUNCTIONS, CALLEES = 17.0, 30_000, 400, 4
#: folds as stackcollapse-perf.pl does: the name of the command, then the frames without offset, root first
COLLAPSE = """
import re, sys
from collections import defaultdict
offset = re.compile(r"\\+0x[0-9a-f]+$")
stacks, names, comm, frames = defaultdict(int), {}, "", []
for line in sys.stdin:
    if line[0] == "\\t":
        text = line[18:-1]
        name = names.get(text)
        if name is None:
            name = names[text] = offset.sub("", text.rpartition(" (")[0])
        frames.append(name)
    elif line == "\\n":
        frames.append(comm)
        stacks[";".join(frames[::-1])] += 1
        frames = []
    else:
        comm = line.split(None, 1)[0]
sys.stdout.writelines(f"{stack} {count}\\n" for stack, count in sorted(stacks.items()))
"""


def program() -> str:
    """Functions that call one of a few others, to a random depth: real services have as few callees and as many paths."""
    functions = "".join(
        f"N void handler_{i}_of_some_module(int d) {{ for (int i = 0; i < {20 + i % 17}; i++) sink += i * d;"
        f" if (d > 0) table[({i} * 7 + draw() % {CALLEES}) % {FUNCTIONS}](d - 1); sink++; }}\n"
        for i in range(FUNCTIONS)
    )
    names = ", ".join(f"handler_{i}_of_some_module" for i in range(FUNCTIONS))
    return f"""
#include <stdlib.h>
#include <time.h>
#define N __attribute__((noinline)) static
typedef void function(int);
static unsigned long state = 88172645463325252ul;
static volatile unsigned long sink;
static function *const table[{FUNCTIONS}];
N unsigned long draw(void) {{ state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state; }}
{functions}
static function *const table[{FUNCTIONS}] = {{ {names} }};
int main(int count, char **words) {{
    const double seconds = atof(words[1]);
    do for (int i = 0; i < 1000; i++) table[draw() % 8](4 + draw() % 16);
    while (clock() / (double)CLOCKS_PER_SEC < seconds);
}}
"""


def record(folder: Path) -> tuple[Path, Path]:
    """The large file and a small one."""
    (folder / "deep.c").write_text(program())
    flags = ["-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]
    subprocess.run(["gcc", *flags, "-o", "deep", "deep.c"], cwd=folder, check=True)
    for name, frequency, seconds in (("large", FREQUENCY, SECONDS), ("small", 99, 0.5)):
        options = ["-q", "-F", str(frequency), "-e", "cpu-clock:u", "-g", "-o", name]
        subprocess.run(
            ["perf", "record", *options, "./deep", str(seconds)], cwd=folder, check=True, capture_output=True
        )
    return folder / "large", folder / "small"


def collapsed(path: Path, folder: Path) -> Spent:
    """One after the other, as scripts do it that keep the text."""
    text = folder / "script.txt"
    script = run(["perf", "script", "--no-inline", "-i", path], stdout=text)
    (folder / "collapse.py").write_text(COLLAPSE)
    fold = run(
        [f"{sys.executable} {folder}/collapse.py < {text}"], stdout=folder / "stacks.folded", shell=True
    )
    return Spent(script.wall + fold.wall, script.cpu + fold.cpu)


def piped(path: Path, folder: Path) -> Spent:
    line = f"perf script --no-inline -i {path} | {sys.executable} {folder}/collapse.py"
    return run([line], stdout=folder / "stacks.folded", shell=True)


def reported(path: Path, folder: Path) -> Spent:
    options = ["--stdio", "--no-inline", "--no-children", "--percent-limit", "0", "-w", "0,64", "-t", "\x01"]
    fields = ["-g", "folded,0,caller,count", "-s", "comm", "-F", "sample,comm"]
    return run(["perf", "report", "-i", path, *options, *fields], stdout=folder / "report.txt")


def inferno(tool: str, path: Path, folder: Path) -> Spent:
    options = ["--no-inline", "--min-width", "100", "-o", folder / "x.svg"]
    return run([tool, "--perfdata", path, *options])


def total(folded: Path) -> tuple[int, int]:
    lines = folded.read_text().splitlines()
    return len(lines), sum(int(line.rpartition(" ")[2]) for line in lines)


def main() -> None:
    beside = Path(sys.executable).with_name("flamegraph")
    tool = str(beside) if beside.is_file() else shutil.which("flamegraph")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large, small = record(folder)
        rows: dict[str, list[Spent]] = {}
        reads = []
        for _ in range(ROUNDS):
            reads.append(read(large, small))
            rows.setdefault("perf report -g folded", []).append(reported(large, folder))
            rows.setdefault("perf script, then collapse", []).append(collapsed(large, folder))
            rows.setdefault("perf script | collapse", []).append(piped(large, folder))
            if tool:
                rows.setdefault("perf script | inferno", []).append(inferno(tool, large, folder))
        stacks, samples = total(folder / "stacks.folded")
    show(reads[0]._asdict(), samples, stacks, rows, [r.spent for r in reads])
    memory = [r.peak / r.size for r in reads]
    size = reads[0].size / 1e6
    print(
        f"memory / the profile's own {size:.1f} MB {statistics.median(memory):15.2f}   ({min(memory):.2f} to {max(memory):.2f})"
    )


def show(
    found: dict[str, int], samples: int, stacks: int, rows: dict[str, list[Spent]], ours: Sequence[Spent]
) -> None:
    if found["samples"] != samples:
        raise SystemExit(f"{found['samples']} samples were read, perf script printed {samples}")
    print(f"{samples} samples, {stacks} distinct stacks, {ROUNDS} rounds")
    print(f"read by perf-action          {median(ours)}")
    for what, spent in rows.items():
        print(f"{what:28} {median(spent)}")
    for what, spent in rows.items():
        print(f"ours / {what:35} {ratio(ours, spent)}")


if __name__ == "__main__":
    main()
