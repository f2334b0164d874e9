"""`make bench`: how right the verdicts and the causes are, and how fast captures are read, each as a table.

    python -m benchmarks                all of it, some hours
    python -m benchmarks others speed   some of it, by name

Speed is given as a ratio to the tool's own passes over the same file, in one run, so that it means the same on any
machine. What is measured live (`live`, `causes`) wants a machine with nothing else to do.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Part(NamedTuple):
    """A script below this folder, or a package of it."""

    name: str
    title: str
    script: str
    arguments: tuple[str, ...] = ()


PARTS = (
    Part("score", "false alarms and power on simulated services", "verdicts/score.py", ("--reports", "200")),
    Part("others", "our verdicts beside the rules of other tools", "verdicts/others.py"),
    Part("stopping", "when to stop launching", "verdicts/stopping.py", ("--reports", "1000")),
    Part(
        "touched", "what knowing the touched functions is worth", "verdicts/touched.py", ("--reports", "100")
    ),
    Part("speed", "reading a memray file, against memray's own passes over it", "speed.py"),
    Part("flamegraph", "flame graphs of 100,000 nodes", "flamegraph.py"),
    Part("perf_data", "a perf.data of half a million samples, against perf", "perf_data.py"),
    Part("heaptrack", "heaptrack captures of 100 MB, against heaptrack_print", "heaptrack.py"),
    Part("folded", "a million folded lines, against inferno", "folded.py"),
    Part("install", "how long the action takes to install itself", "install.py"),
    Part("live", "pull requests of known effect, measured live", "live"),
    Part("causes", "what is said of defects of known cause, measured live", "causes"),
)


def main(names: list[str]) -> int:
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PARTS)}")
        return 2
    failed = [part.name for part in PARTS if (not names or part.name in names) and not run(part)]
    if failed:
        print(f"\nnot as it should be: {', '.join(failed)}")
    return int(bool(failed))


def run(part: Part) -> bool:
    print(f"\n== {part.name}: {part.title}\n", flush=True)
    how = [str(HERE / part.script)] if part.script.endswith(".py") else ["-m", f"benchmarks.{part.script}"]
    return subprocess.run([sys.executable, *how, *part.arguments], cwd=HERE.parent).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
