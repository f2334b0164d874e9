"""What we write, read by others: `go tool pprof` and speedscope's importer say the same numbers. And what speedscope
makes of other tools' files is what we make of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from perf_action import formats
from perf_action.formats.pprof.values import type_of
from perf_action.formats.pprof.write import to_pprof
from perf_action.formats.speedscope.write import to_speedscope
from perf_action.model.profile import Profile
from perf_action.model.tree import costs
from perf_action.system import System

HERE = Path(__file__).resolve().parent
SAMPLES = HERE / "samples"
#: one of each kind: names with spaces and brackets, several kinds of value, threads, inlined calls, bytes, unknown frames
WRITTEN = [
    "folded/mixed.folded",
    "py-spy-raw/threads-idle.folded",
    "pprof/go-heap.pb.gz",
    "pprof/go-block.pb.gz",
    "chrome-trace/py-spy.json",
    "cpuprofile/node.cpuprofile",
    "heapprofile/node.heapprofile",
    "gecko/firefox.json",
    "austin/full-gc.austin",
]
pytestmark = pytest.mark.slow


def profile_of(name: str) -> Profile:
    return formats.read(SAMPLES / name, System()).captures[0].profile


def by_name(profile: Profile, column: int) -> tuple[Counter[str], Counter[str]]:
    """Self and total of each function name. (Totals of functions that share a name cannot be added.)"""
    selves, totals, seen = Counter[str](), Counter[str](), Counter[str]()
    for key, cost in costs(profile, column).items():
        selves[key.name] += cost.self
        totals[key.name] = cost.total
        seen[key.name] += 1
    return +selves, Counter({name: total for name, total in totals.items() if seen[name] == 1})


UNITS = {"ns": "ns", "bytes": "B", "samples": "samples", "count": "count"}
TOP = re.compile(r"\s*(-?[\d.]+)(\w*)\s+\S+\s+\S+\s+(-?[\d.]+)(\w*)\s+\S+\s+(.*)")


def go_top(path: Path, name: str, unit: str, system: System) -> tuple[Counter[str], Counter[str]]:
    """Flat and cumulative of `go tool pprof -top`, in the file's own unit, so that it rounds nothing."""
    argv = [
        "go",
        "tool",
        "pprof",
        "-top",
        "-nodecount=0",
        "-nodefraction=0",
        "-edgefraction=0",
        "-symbolize=none",
    ]
    done = system.run([*argv, f"-sample_index={name}", f"-unit={unit}", str(path)], timeout=60)
    assert done.code == 0, done.stderr
    flat, cumulative = Counter[str](), Counter[str]()
    for line in done.stdout.partition("cum%\n")[2].splitlines():
        row = TOP.fullmatch(line)
        assert row is not None, line
        function = row[5].removesuffix(" (inline)").removesuffix(" (partial-inline)")
        flat[function] += round(float(row[1]))
        cumulative[function] += round(float(row[3]))
    return +flat, cumulative


@pytest.mark.parametrize("name", WRITTEN)
def test_go_reads_the_same_numbers(name: str, system: System, tmp_path: Path) -> None:
    profile = profile_of(name)
    path = tmp_path / "p.pb.gz"
    path.write_bytes(to_pprof(profile))
    for column, kind in enumerate(profile.kinds):
        if profile.total(column) == 0:
            continue
        selves, totals = by_name(profile, column)
        flat, cumulative = go_top(path, type_of(kind)[0], type_of(kind)[1], system)
        assert selves == flat
        assert {n: v for n, v in cumulative.items() if n in totals} == totals


@pytest.fixture(scope="session")
def totals() -> Path:
    """The script that reads with speedscope's importer, beside an installed speedscope; kept between runs."""
    sources = b"".join((HERE / "node" / name).read_bytes() for name in ("package-lock.json", "totals.mjs"))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perf-action-tests"
    ready = cache / f"speedscope-{hashlib.sha256(sources).hexdigest()[:12]}"
    if not ready.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            made = shutil.copytree(HERE / "node", Path(fresh) / "node")
            done = System().run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=made, timeout=240)
            assert done.code == 0, done.stderr
            with contextlib.suppress(OSError):  # another test process was faster
                made.rename(ready)
    return ready / "totals.mjs"


def speedscope(script: Path, path: Path, system: System) -> list[dict[str, Any]]:
    done = system.run(["node", str(script), str(path)], timeout=60)
    assert done.code == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", WRITTEN)
def test_speedscope_reads_the_same_numbers(name: str, totals: Path, system: System, tmp_path: Path) -> None:
    profile = profile_of(name)
    path = tmp_path / "p.speedscope.json"
    path.write_text(to_speedscope(profile))
    read = speedscope(totals, path, system)
    for column, kind in enumerate(profile.kinds):
        event = f":{kind.event}" if kind.event else ""
        mine = [p for p in read if p["name"].partition(" · ")[0] == f"{kind.kind}{event} [{kind.unit}]"]
        selves = Counter[str]()
        for found in mine:
            selves.update(found["selves"])
        assert sum(found["total"] for found in mine) == profile.total(column)
        assert +selves == by_name(profile, column)[0]


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("cpuprofile/node.cpuprofile", 1000),
        ("cpuprofile/node-often.cpuprofile", 1000),
        ("heapprofile/node.heapprofile", 1),
    ],
)
def test_speedscope_agrees_about_files_of_v8(name: str, scale: int, totals: Path, system: System) -> None:
    (found,) = speedscope(totals, SAMPLES / name, system)
    theirs = Counter[str]()
    for function, value in found["selves"].items():
        # it adds the place to a function without a name
        theirs["(anonymous)" if function.startswith("(anonymous") else function] += round(value * scale)
    ours = by_name(profile_of(name), 0)[0]
    del ours["(root)"]  # it leaves out samples of nothing
    assert +theirs == ours
