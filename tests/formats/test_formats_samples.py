"""Every sample of every format: the same as its golden file, under any name, and through every writer and back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from format_dump import dump

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.metric_file import to_metric_file
from perf_action.formats.pprof.write import to_pprof
from perf_action.formats.readers import READERS
from perf_action.formats.slices import to_slices
from perf_action.formats.speedscope.write import to_speedscope
from perf_action.model.profile import Profile
from perf_action.model.tree import costs
from perf_action.system import System

HERE = Path(__file__).resolve().parent
FILES = sorted(p for p in (HERE / "samples").rglob("*") if p.is_file())
SAMPLES = [p for p in FILES if p.parent.name != "refused"]
REFUSED = [p for p in FILES if p.parent.name == "refused"]


def name(path: Path) -> str:
    return str(path.relative_to(HERE / "samples"))


PROFILES = [
    p
    for p in SAMPLES
    if p.parent.name
    in (
        "folded",
        "gperftools-collapsed",
        "py-spy-raw",
        "perf-script",
        "flamegraph-svg",
        "speedscope",
        "chrome-trace",
        "pprof",
        "cpuprofile",
        "heapprofile",
        "gecko",
        "austin",
        "austin-mojo",
        "python-sampling",
    )
]


def profile_of(path: Path, system: System) -> Profile:
    return formats.read(path, system).captures[0].profile


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_golden(path: Path, system: System, *, update_golden: bool) -> None:
    capture = formats.read(path, system)
    assert capture.format == path.parent.name
    golden = HERE / "golden" / f"{name(path)}.txt"
    if update_golden:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(dump(capture))
    assert dump(capture) == golden.read_text(), "pytest tests/formats --update-golden"


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_the_name_of_a_file_does_not_matter(path: Path, system: System, tmp_path: Path) -> None:
    hidden = shutil.copy(path, tmp_path / "x")
    capture = formats.read(Path(hidden), system)
    assert capture.format == path.parent.name
    if capture.format != "criterion":  # whose files do not hold the benchmark's name
        assert dump(capture) == dump(formats.read(path, system))


def test_every_reader_has_a_sample() -> None:
    assert {reader.NAME for reader in READERS} - {"memray", "perf-data"} == {
        path.parent.name for path in SAMPLES
    }


@pytest.mark.parametrize("path", REFUSED, ids=name)
def test_what_cannot_be_read_is_named(path: Path, system: System) -> None:
    words = {
        "go-trace.out": "execution trace, not a capture that can be read; fetch /debug/pprof/profile",
        "go-heap.txt": r"heap profile as text \(debug=1\).*without \?debug",
        "go-goroutine.txt": r"goroutine dump \(debug=2\)",
        "gperftools-cpu.prof": "is cut off or damaged",
        "locust_stats_history.csv": "ends in _stats.csv",
    }
    with pytest.raises(InputError, match=words[path.name]):
        formats.read(path, system)


@pytest.mark.parametrize("path", PROFILES, ids=name)
def test_pprof_round_trip(path: Path, system: System, tmp_path: Path) -> None:
    before = profile_of(path, system)
    (tmp_path / "p").write_bytes(to_pprof(before))
    after = profile_of(tmp_path / "p", system)
    (tmp_path / "q").write_bytes(to_pprof(after))
    assert to_pprof(profile_of(tmp_path / "q", system)) == to_pprof(after)
    assert (after.kinds, after.period, after.duration_ns, after.notes) == (
        before.kinds,
        before.period,
        before.duration_ns,
        before.notes,
    )
    assert (after.tool, after.tool_version, after.fidelity) == (
        before.tool,
        before.tool_version,
        before.fidelity,
    )
    assert all(costs(after, k) == costs(before, k) for k in range(len(before.kinds)))
    assert rows(after) == rows(before)


def rows(profile: Profile) -> list[tuple[object, ...]]:
    """Thread, time and values of every sample."""
    n = len(profile.sample_stack)
    threads = [
        "" if profile.sample_thread is None else profile.strings[profile.sample_thread[i]] for i in range(n)
    ]
    times = [None] * n if profile.sample_time_ns is None else profile.sample_time_ns.tolist()
    return [(t, at, *v) for t, at, v in zip(threads, times, profile.sample_values.tolist(), strict=True)]


@pytest.mark.parametrize("path", PROFILES, ids=name)
def test_speedscope_round_trip(path: Path, system: System, tmp_path: Path) -> None:
    before = profile_of(path, system)
    (tmp_path / "p").write_text(to_speedscope(before))
    after = profile_of(tmp_path / "p", system)
    (tmp_path / "q").write_text(to_speedscope(after, before.tool))
    for column, kind in enumerate(before.kinds):
        if before.total(column) == 0 and len(before.kinds) > 1:
            continue  # nothing to draw
        found = after.kinds.index(kind)
        self_before = {k.name: c.self for k, c in by_name(before, column).items()}
        assert {k.name: c.self for k, c in by_name(after, found).items()} == self_before
    again = profile_of(tmp_path / "q", system)
    assert to_speedscope(again, before.tool) == to_speedscope(after, before.tool)


def by_name(profile: Profile, column: int) -> dict:
    nowhere = replace(
        profile, function_file=profile.function_file * 0, function_module=profile.function_module * 0
    )
    return costs(nowhere, column)


def test_own_files_round_trip(system: System, tmp_path: Path) -> None:
    metrics = formats.read(HERE / "samples/metrics/all.metrics.json", system)
    (tmp_path / "m").write_text(to_metric_file(metrics))
    assert dump(formats.read(tmp_path / "m", system)) == dump(metrics)
    slices = formats.read(HERE / "samples/slices/two.slices.jsonl", system)
    (tmp_path / "s").write_bytes(to_slices(slices.slices))
    assert dump(formats.read(tmp_path / "s", system)) == dump(slices)


def test_a_snapshot_has_all_that_the_file_has(system: System) -> None:
    capture = formats.read(HERE / "samples/metrics/all.metrics.json", system)
    snapshot = formats.snapshot_of(capture, "base")
    assert (snapshot.label, snapshot.commit) == ("base", "abc")
    assert (snapshot.metrics, snapshot.series, snapshot.environment) == (
        capture.metrics,
        capture.series,
        capture.environment,
    )
    assert formats.snapshot_of(capture).label == "metrics"
