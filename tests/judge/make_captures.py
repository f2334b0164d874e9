"""Makes tests/judge/captures anew with the real profilers, from the programs beside it.

    python tests/judge/make_captures.py [python|go|c|node ...]

Needs py-spy, go, g++ (libsqlite3-dev, zlib1g-dev), perf and node. Captures are kept as pprof; the folder of the programs
becomes /srv/kitchen, installed packages stay in site-packages.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from perf_action.formats.pprof.write import to_pprof
from perf_action.model.tree import rename_files
from perf_action.pipeline.reading import load_snapshot
from perf_action.system import System

HERE = Path(__file__).resolve().parent
PROGRAMS, CAPTURES = HERE / "programs", HERE / "captures"
_BUILD = re.compile(r".*/(Python-3\.\d+\.\d+/)")
_INSTALLED = re.compile(r".*/(lib/python3\.\d+/)")


def keep(capture: Path, name: str, folder: Path) -> None:
    def rename(file: str) -> str:
        for here in (str(PROGRAMS), str(folder)):
            file = file.replace(here, "/srv/kitchen")
        return _INSTALLED.sub(r"/usr/\1", _BUILD.sub(r"/build/\1", file))

    profile = load_snapshot(capture, System()).captures[0].profile
    (CAPTURES / name).write_bytes(to_pprof(rename_files(profile, rename)))


def run(*argv: object, cwd: Path) -> None:
    subprocess.run(
        [str(a) for a in argv], cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def python(folder: Path) -> None:
    for name, flags in (("python", []), ("python-native", ["--native"])):
        with subprocess.Popen([sys.executable, str(PROGRAMS / "kitchen.py"), "60"]) as service:
            time.sleep(5)
            py_spy = Path(sys.executable).with_name("py-spy")
            out = folder / f"{name}.folded"
            run(
                py_spy,
                "record",
                *flags,
                "-d",
                12,
                "-r",
                200,
                "--full-filenames",
                "-f",
                "raw",
                "-o",
                out,
                "-p",
                service.pid,
                cwd=folder,
            )
            service.kill()
        keep(out, f"{name}.pb.gz", folder)


def go(folder: Path) -> None:
    run("go", "build", "-o", "kitchen", PROGRAMS / "kitchen.go", cwd=folder)
    run("./kitchen", cwd=folder)
    keep(folder / "cpu.pb.gz", "go.pb.gz", folder)
    keep(folder / "heap.pb.gz", "go-heap.pb.gz", folder)


def c(folder: Path) -> None:
    run("g++", "-O2", "-g", "-o", "kitchen", PROGRAMS / "kitchen.cc", "-lsqlite3", "-lz", cwd=folder)
    run(
        "perf", "record", "-F", 400, "--call-graph", "dwarf,16384", "-o", "perf.data", "./kitchen", cwd=folder
    )
    keep(folder / "perf.data", "c.pb.gz", folder)


def node(folder: Path) -> None:
    run("node", "--cpu-prof", "--cpu-prof-name", "kitchen.cpuprofile", PROGRAMS / "kitchen.js", cwd=folder)
    keep(folder / "kitchen.cpuprofile", "node.pb.gz", folder)


if __name__ == "__main__":
    CAPTURES.mkdir(exist_ok=True)
    for make in (python, go, c, node):
        if not sys.argv[1:] or make.__name__ in sys.argv[1:]:
            with tempfile.TemporaryDirectory() as folder:
                make(Path(folder))
