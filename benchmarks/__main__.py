"""`make bench`: how right the verdicts are, and how fast captures are read, each as a table.

Speed is given as a ratio to the tool's own passes over the same file, in one run, so that it means the same on any
machine.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    print("== verdicts: false alarms and power on simulated services\n", flush=True)
    sys.argv = ["score.py", "--reports", "200"]
    sys.path.insert(0, str(HERE / "verdicts"))
    runpy.run_path(str(HERE / "verdicts" / "score.py"), run_name="__main__")
    for name, title, reports in (
        ("stopping.py", "when to stop launching", "1000"),
        ("touched.py", "what knowing the touched functions is worth", "100"),
    ):
        print(f"\n== verdicts: {title}\n", flush=True)
        sys.argv = [name, "--reports", reports]
        runpy.run_path(str(HERE / "verdicts" / name), run_name="__main__")
    print("\n== speed: reading a memray file, against memray's own passes over it\n", flush=True)
    runpy.run_path(str(HERE / "speed.py"), run_name="__main__")
    print("\n== flame graphs of 100,000 nodes\n", flush=True)
    runpy.run_path(str(HERE / "flamegraph.py"), run_name="__main__")
    print("\n== speed: a perf.data of half a million samples, against perf\n", flush=True)
    runpy.run_path(str(HERE / "perf_data.py"), run_name="__main__")
    print("\n== speed: heaptrack captures of 100 MB, against heaptrack_print\n", flush=True)
    runpy.run_path(str(HERE / "heaptrack.py"), run_name="__main__")
    print("\n== speed: a million folded lines, against inferno\n", flush=True)
    runpy.run_path(str(HERE / "folded.py"), run_name="__main__")
    print("\n== causes: what is said of defects of known cause, measured live\n", flush=True)
    sys.argv = ["causes"]
    runpy.run_module("benchmarks.causes", run_name="__main__", alter_sys=True)


main()
