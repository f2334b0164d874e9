"""Makes the samples of perf and cargo-flamegraph anew with the real tools, from the small programs beside it.

    python tests/formats/make_perf_samples.py

perf, gcc, g++ and flamegraph (beside this Python, or on the PATH) have to be installed, and perf has to be allowed.
Nothing of this machine stays in a sample: the folder of the programs becomes /srv/shop.
Afterwards: pytest tests/formats --update-golden.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS, SAMPLES = HERE / "programs", HERE / "samples"
FIELDS = "comm,pid,tid,cpu,time,period,event,ip,sym,symoff,dso"


def run(*argv: object, cwd: Path) -> str:
    done = subprocess.run([str(a) for a in argv], cwd=cwd, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise SystemExit(f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def keep(text: str, name: str, folder: Path) -> None:
    text = text.replace(str(folder), "/srv/shop")
    (SAMPLES / name).parent.mkdir(parents=True, exist_ok=True)
    (SAMPLES / name).write_text(text)


def record(folder: Path, out: str, *options: str, program: tuple[str, ...] = ("./warehouse", "3000")) -> None:
    run("perf", "record", "-q", "-o", out, *options, "--", *program, cwd=folder)


def script(folder: Path, name: str, data: str, *options: str) -> None:
    keep(run("perf", "script", "-i", data, *options, cwd=folder), f"perf-script/{name}.txt", folder)


def perf(folder: Path) -> None:
    run("gcc", "-O1", "-fno-omit-frame-pointer", "-o", "shop-c", "shop.c", cwd=folder)
    run(
        "g++",
        "-O2",
        "-g",
        "-fno-omit-frame-pointer",
        "-o",
        "warehouse",
        "warehouse.cc",
        "-pthread",
        cwd=folder,
    )
    record(folder, "fp", "-F", "49", "-e", "cpu-clock", "-g")
    record(folder, "dwarf", "-F", "49", "-e", "cpu-clock:u", "--call-graph", "dwarf,4096")
    record(folder, "flat", "-F", "99", "-e", "task-clock:u", program=("./shop-c",))
    record(folder, "events", "-F", "49", "-g", "-d", "-e", "cpu-clock:u,page-faults", program=("./shop-c",))
    script(folder, "default", "fp")
    script(folder, "no-inline-all-fields", "dwarf", "--no-inline", "-F", FIELDS.replace(",cpu", ""))
    script(folder, "inlined", "dwarf")
    script(folder, "source-lines", "dwarf", "-F", "+srcline")
    script(folder, "frames-only", "fp", "-F", "ip,sym,dso")
    script(folder, "no-call-graph", "flat", "-F", "+srcline")
    script(folder, "other-records", "flat", "--show-task-events", "--show-mmap-events")
    script(folder, "two-events", "events", "-F", "comm,pid,tid,time,event,ip,sym")


def flamegraph(folder: Path) -> None:
    tool = shutil.which("flamegraph", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    run(tool, "--perfdata", "fp", "-o", "flamegraph.svg", cwd=folder)
    keep((folder / "flamegraph.svg").read_text(), "flamegraph-svg/cargo-flamegraph.svg", folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(PROGRAMS, Path(scratch) / "shop"))
        perf(folder)
        flamegraph(folder)


if __name__ == "__main__":
    main()
