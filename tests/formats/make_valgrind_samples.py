"""Makes the samples of valgrind's tools anew, from programs/orchard.c.

    python tests/formats/make_valgrind_samples.py

gcc, valgrind and its headers have to be installed. The folder of the program becomes /srv/orchard. Afterwards:
pytest tests/formats --update-golden.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = HERE / "samples"
_WORK = "--toggle-collect=press"

#: sample -> tool, its options, what the program is to do
CASES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "massif/peak.out": ("massif", (), "memory"),
    "massif/stacks.out": ("massif", ("--stacks=yes", "--time-unit=B", "--threshold=0"), "memory"),
    "massif/pages.out": ("massif", ("--pages-as-heap=yes", "--time-unit=ms"), "memory"),
    "massif/grow.out": ("massif", ("--detailed-freq=1",), "grow"),
    "massif/bare.out": ("massif", (), "grow"),
    "dhat/heap.out": ("dhat", (), "memory"),
    "dhat/copy.out": ("dhat", ("--mode=copy",), "memory"),
    "dhat/events.out": ("dhat", ("--mode=ad-hoc",), "events"),
    "dhat/no-events.out": ("dhat", ("--mode=ad-hoc",), "memory"),
    "memcheck/leaks.xml": ("memcheck", ("--leak-check=full", "--show-leak-kinds=all"), "memory"),
    "memcheck/lost.xml": ("memcheck", ("--leak-check=full",), "memory"),
    "memcheck/errors.xml": ("memcheck", ("--leak-check=full", "--track-origins=yes"), "errors"),
    "memcheck/checks.xml": ("memcheck", ("--leak-check=full", "--show-leak-kinds=all"), "checks"),
    "memcheck/summary.xml": ("memcheck", (), "memory"),
    "callgrind/work.out": ("callgrind", (_WORK,), "work"),
    "callgrind/instr.out": ("callgrind", (_WORK, "--dump-instr=yes", "--collect-jumps=yes"), "work"),
    "callgrind/events.out": ("callgrind", (_WORK, "--cache-sim=yes", "--branch-sim=yes"), "work"),
    "callgrind/plain.out": ("callgrind", (_WORK, "--compress-strings=no", "--compress-pos=no"), "work"),
    "callgrind/parts.out": ("callgrind", (_WORK, "--combine-dumps=yes", "--dump-before=press"), "work"),
    "callgrind/callers.out": ("callgrind", (_WORK, "--separate-callers=2", "--separate-recs=3"), "work"),
    "callgrind/blocks.out": ("callgrind", (_WORK, "--dump-bb=yes", "--separate-recs=1"), "work"),
    "callgrind/cachegrind.out": ("cachegrind", ("--branch-sim=yes", "--cache-sim=no"), "work"),
}


def build(folder: Path) -> Path:
    """The program, compiled."""
    program = folder / "orchard"
    source = HERE / "programs" / "orchard.c"
    here = folder / "orchard.c"
    here.write_text(source.read_text())
    argv = [
        "gcc",
        "-g",
        "-O1",
        "-fno-optimize-sibling-calls",
        "-Wno-use-after-free",
        "-o",
        str(program),
        str(here),
    ]
    subprocess.run(argv, check=True, cwd=folder, capture_output=True, timeout=120)
    return program


def record(program: Path, tool: str, options: tuple[str, ...], mode: str, out: Path) -> str:
    """Run the program under a tool that writes to `out`; what valgrind printed."""
    to = (
        ("--xml=yes", f"--xml-file={out}")
        if tool == "memcheck" and out.suffix == ".xml"
        else ()
        if tool == "memcheck"
        else (f"--{tool}-out-file={out}",)
    )
    argv = ["valgrind", f"--tool={tool}", *options, *to, str(program), mode]
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
    done = subprocess.run(argv, cwd=program.parent, capture_output=True, text=True, timeout=120, env=env)
    if done.returncode:
        raise RuntimeError(f"{argv}: {done.returncode}\n{done.stderr}")
    return done.stderr


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        program = build(folder)
        for name, (tool, options, mode) in CASES.items():
            out = folder / Path(name).name
            record(program, tool, options, mode, out)
            (SAMPLES / name).parent.mkdir(parents=True, exist_ok=True)
            (SAMPLES / name).write_text(out.read_text().replace(str(folder), "/srv/orchard"))


if __name__ == "__main__":
    main()
