"""The files of one launch: what is added up, what is a state, and what only looks alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perf_action.measure.captured import captured
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import CapturedProfile, Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.model.trial import CaptureFile, Side, Slice, Stage, Trial, TrialRecord

LOCKS = (ValueKind("lock_wait", "ns"), ValueKind("lock_count", "count"))
HEAP = (ValueKind("in_use", "bytes"), ValueKind("allocated", "bytes"), ValueKind("in_use_count", "count"))
ALLOCS = (ValueKind("allocated", "bytes"),)
CPU = (ValueKind("cpu", "ns"),)


def profile(kinds: tuple[ValueKind, ...], *values: int) -> Profile:
    builder = ProfileBuilder(kinds)
    builder.sample(builder.stack(-1, builder.frame(builder.function("f"))), values)
    return builder.build()


def a_slice(index: int) -> Slice:
    zeros = dict.fromkeys(("rss_bytes", "read_bytes", "written_bytes", "user_ns", "system_ns", "errors"), 0)
    none = dict.fromkeys(("latency_p50_ns", "latency_p95_ns", "latency_p99_ns", "pss_bytes", "core"))
    return Slice(
        side=Side.HEAD, launch=0, pair=0, index=index, start_ns=0, end_ns=10**9, requests=100, cpu_ns=10**9,
        **zeros, **none,
    )  # fmt: skip


def read_all(files: Mapping[str, Profile]) -> list[CapturedProfile]:
    stage = Stage(name="go", profiler="pprof", load="l", placement="alone", min_launches=1, max_launches=1)
    trial = Trial(number=1, stage=stage, pair=0, sides=(Side.HEAD,))
    listed = tuple(
        CaptureFile(
            side=Side.HEAD,
            launch=0,
            path=f"head/{name}",
            tool="pprof",
            slice=int(name.split(".")[1]),
            requests=100,
        )
        for name in files
    )
    record = TrialRecord(trial=trial, slices=(a_slice(0), a_slice(1)), captures=listed)

    def read(path: Path) -> Capture:
        return Capture(format="pprof", captures=(CapturedProfile(stage="file", profile=files[path.name]),))

    return list(captured([record], Side.HEAD, Path(), read).captures)


def totals(found: list[CapturedProfile]) -> dict[tuple[str, str], int]:
    return {
        (kind.kind, kind.event): c.profile.total(i) for c in found for i, kind in enumerate(c.profile.kinds)
    }


def test_files_that_only_look_alike_are_told_apart_by_their_names() -> None:
    found = read_all(
        {
            "mutex.0.pb.gz": profile(LOCKS, 10, 1),
            "mutex.1.pb.gz": profile(LOCKS, 20, 2),
            "block.0.pb.gz": profile(LOCKS, 700, 7),
        }
    )
    assert totals(found) == {
        ("lock_wait", "mutex"): 30,
        ("lock_count", "mutex"): 3,
        ("lock_wait", "block"): 700,
        ("lock_count", "block"): 7,
    }
    assert {c.profile.kinds[0].event: c.requests for c in found} == {"mutex": 200, "block": 100}


def test_one_sort_of_file_needs_no_name() -> None:
    assert totals(read_all({"mutex.0.pb.gz": profile(LOCKS, 10, 1)})) == {
        ("lock_wait", ""): 10,
        ("lock_count", ""): 1,
    }


def test_a_state_is_that_of_the_last_slice_and_says_nothing_of_what_was_spent() -> None:
    found = read_all(
        {
            "heap.0.pb.gz": profile(HEAP, 50, 5000, 1),
            "heap.1.pb.gz": profile(HEAP, 70, 9000, 2),
            "allocs.0.pb.gz": profile(ALLOCS, 3000),
            "allocs.1.pb.gz": profile(ALLOCS, 4000),
            "profile.0.pb.gz": profile(CPU, 8),
            "profile.1.pb.gz": profile(CPU, 9),
        }
    )
    assert totals(found) == {
        ("cpu", ""): 17,
        ("in_use", ""): 70,
        ("in_use_count", ""): 2,
        ("allocated", ""): 7000,
    }


def test_a_time_line_is_kept_apart_and_nothing_is_added_up_from_it() -> None:
    stage = Stage(name="cpu", profiler="py-spy", load="l", placement="alone", min_launches=1, max_launches=1)
    files = {"py-spy.0.raw": profile((ValueKind("cpu", "samples"),), 5), "timeline.json": profile(CPU, 10**9)}
    listed = (
        CaptureFile(side=Side.HEAD, launch=0, path="head/py-spy.0.raw", tool="py-spy", slice=0, requests=100),
        CaptureFile(
            side=Side.HEAD, launch=0, path="head/timeline.json", tool="py-spy", requests=300, timeline=True
        ),
    )
    trial = Trial(number=1, stage=stage, pair=0, sides=(Side.HEAD,))
    record = TrialRecord(trial=trial, slices=(a_slice(0),), captures=listed)

    def read(path: Path) -> Capture:
        return Capture(format="x", captures=(CapturedProfile(stage="file", profile=files[path.name]),))

    found = captured([record], Side.HEAD, Path(), read)
    (kept,) = found.timelines
    assert (kept.stage, kept.requests, kept.profile.kinds) == ("cpu", 300, (ValueKind("wall", "ns"),))
    assert [c.profile.total() for c in found.captures] == [5]
    assert [s.profile.total() for s in found.slices] == [5]
