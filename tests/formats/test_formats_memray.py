"""memray files, made here by memray itself, held against memray's own numbers."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import memray
import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.memray import passes as memray_passes
from perf_action.formats.memray.file import unpack_lz4
from perf_action.formats.source import ReadOptions
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import Completed, System

HOARD = Path(__file__).resolve().parent / "programs" / "hoard.py"
MIB = 1 << 20


def record(folder: Path, *words: str, options: tuple[str, ...] = ()) -> Path:
    """A capture of hoard.py."""
    out = folder / "profile.bin"
    argv = [sys.executable, "-m", "memray", "run", "-q", *options, "-o", str(out), str(HOARD), *words]
    done = System().run(argv, cwd=folder)
    assert out.exists(), done.stderr
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("whole"))


def profile_of(capture: Capture) -> Profile:
    return capture.captures[0].profile


def self_of(profile: Profile, kind: str) -> Counter[str]:
    """Self bytes by function name."""
    column = profile.find_kind(kind)
    assert column is not None
    out: Counter[str] = Counter()
    for key, cost in costs(profile, column).items():
        out[key.name] += cost.self
    return out


def own_numbers(path: Path, records: str) -> Counter[str]:
    """Self bytes by function name as memray's reader has them."""
    out: Counter[str] = Counter()
    with memray.FileReader(path) as reader:
        for r in getattr(reader, records)(merge_threads=True):
            stack = r.stack_trace()
            out[stack[0][0] if stack else "[unknown]"] += r.size
    return out


def test_the_three_kinds_are_as_memray_has_them(whole: Path, system: System) -> None:
    profile = profile_of(formats.read(whole, system))
    assert [tuple(k) for k in profile.kinds] == [(k, "bytes", "") for k in ("peak", "leaked", "allocated")]
    assert self_of(profile, "peak") == own_numbers(whole, "get_high_watermark_allocation_records")
    assert +self_of(profile, "leaked") == +own_numbers(whole, "get_leaked_allocation_records")
    allocated = self_of(profile, "allocated")
    assert 20 * MIB <= allocated["keep"] < 21 * MIB
    assert 30 * MIB <= allocated["scratch"] < 31 * MIB
    assert (profile.tool, profile.fidelity) == ("memray", "exact")


def stacks_of(profile: Profile, kind: str) -> Counter[tuple[tuple[str, int], ...]]:
    """Bytes by stack, leaf first, each frame a function's name and line."""
    column = profile.find_kind(kind)
    assert column is not None
    out: Counter[tuple[tuple[str, int], ...]] = Counter()
    for stack, values in zip(profile.sample_stack.tolist(), profile.sample_values.tolist(), strict=True):
        frames = profile.frames_of(stack)[::-1]
        names = [profile.key(int(profile.frame_function[f])).name for f in frames]
        out[tuple(zip(names, profile.frame_line[frames].tolist(), strict=True))] += values[column]
    return +out


def own_stacks(records: Iterable[memray.AllocationRecord]) -> Counter[tuple[tuple[str, int], ...]]:
    frees = (memray.AllocatorType.FREE, memray.AllocatorType.MUNMAP, memray.AllocatorType.PYMALLOC_FREE)
    out: Counter[tuple[tuple[str, int], ...]] = Counter()
    for r in records:
        if r.allocator not in frees:
            stack = tuple((name, line) for name, _, line in r.stack_trace(10_000))
            out[stack or (("[unknown]", 0),)] += r.size
    return +out


@pytest.mark.parametrize("options", [(), ("--trace-python-allocators",)])
def test_every_stack_is_as_memray_has_it(options: tuple[str, ...], system: System, tmp_path: Path) -> None:
    """What holds this up: memray numbers stacks alike in each of its passes."""
    path = record(tmp_path, options=options)
    profile = profile_of(formats.read(path, system))
    with memray.FileReader(path) as reader:
        assert stacks_of(profile, "peak") == own_stacks(reader.get_high_watermark_allocation_records())
        assert stacks_of(profile, "leaked") == own_stacks(reader.get_leaked_allocation_records())
        assert stacks_of(profile, "allocated") == own_stacks(reader.get_allocation_records())


@pytest.mark.parametrize(
    ("work", "code", "words"),
    [("1 / 0", 1, "division by zero"), ("os.kill(os.getpid(), 11)", -11, ""), ("[{}]", 0, "")],
)
def test_a_pass_that_fails_beside_the_others_is_not_lost(
    work: str, code: int, words: str, system: System
) -> None:
    script = (
        f"import os, runpy; runpy.run_path({memray_passes.__file__!r})['_Beside'](lambda: {work}).result()"
    )
    done = system.run([sys.executable, "-c", script])
    assert done.code == code
    assert words in done.stderr


def test_the_metrics_are_those_of_memray_stats(whole: Path, system: System, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "memray", "stats", "--json", "-o", "stats.json", str(whole)]
    system.run(argv, cwd=tmp_path)
    stats = json.loads((tmp_path / "stats.json").read_text())
    metrics = {m.name: m.samples for m in formats.read(whole, system).metrics}
    assert metrics == {
        "memory.peak": (stats["metadata"]["peak_memory"],),
        "memory.allocations": (stats["total_num_allocations"],),
        "memory.allocated": (stats["total_bytes_allocated"],),
    }


def test_an_aggregated_file_has_no_total(system: System, tmp_path: Path) -> None:
    capture = formats.read(record(tmp_path, options=("--aggregate",)), system)
    profile = profile_of(capture)
    assert [k.kind for k in profile.kinds] == ["peak", "leaked"]
    assert 20 * MIB <= self_of(profile, "leaked")["keep"] < 21 * MIB
    assert [m.name for m in capture.metrics] == ["memory.peak"]
    assert any("aggregated" in note for note in capture.notes)


def test_a_killed_program_is_said_to_be_one(system: System, tmp_path: Path) -> None:
    capture = formats.read(record(tmp_path, "kill"), system)
    assert any("could not finish" in note for note in capture.notes)
    assert self_of(profile_of(capture), "peak")["keep"] >= 20 * MIB


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[: len(data) // 2], "cut off in the middle"),
        (lambda data: data[:64], "cut off in the middle"),
        (lambda data: data[:-4], "cut off in the middle"),
        (lambda data: b"memray\0" + b"\xff" * 200, "memray cannot read it"),
        (lambda data: data[:19] + bytes(len(data) - 23) + data[-4:], "memray|cut off"),
    ],
)
def test_a_damaged_file_is_refused(damage, words: str, whole: Path, system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(damage(whole.read_bytes()))
    with pytest.raises(InputError, match=words):
        formats.read(tmp_path / "x", system)


def test_fewer_records_than_the_header_counts_are_damage(system: System, tmp_path: Path) -> None:
    raw = record(tmp_path, options=("--no-compress",))
    data = raw.read_bytes()
    (tmp_path / "x").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"is damaged: \d+ of \d+ records"):
        formats.read(tmp_path / "x", system)


@pytest.mark.parametrize("zeros", [100, 5_000, 3 << 20])
def test_room_that_memray_did_not_need_changes_nothing(
    zeros: int, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = record(tmp_path, options=("--no-compress",))
    data = plain.read_bytes().rstrip(b"\0")
    padded = tmp_path / "padded.bin"
    padded.write_bytes(data + bytes(zeros))
    given: list[int] = []
    run = system.run

    def watched(argv: list[str], **options: Any) -> Completed:
        given.append(Path(argv[-3]).stat().st_size)
        return run(argv, **options)

    monkeypatch.setattr(system, "run", watched)
    one, other = (formats.read(path, system) for path in (plain, padded))
    assert given[1] == (len(data) if zeros > 1024 else len(data) + zeros)
    assert (one.metrics, one.notes) == (other.metrics, other.notes)
    assert stacks_of(profile_of(one), "allocated") == stacks_of(profile_of(other), "allocated")
    assert padded.stat().st_size == len(data) + zeros


def test_lz4_is_unpacked_as_far_as_needed() -> None:
    assert unpack_lz4(b"\x35abc\x03\x00\x10z", 12) == b"abc" + b"abcabcabc"
    assert unpack_lz4(b"\xf0\x01" + b"x" * 16, 16) == b"x" * 16
    assert unpack_lz4(b"\x10a\x09\x00", 99) == b"a"
    assert unpack_lz4(b"", 9) == b""


@pytest.mark.slow
def test_native_frames_are_kept_where_asked(system: System, tmp_path: Path) -> None:
    path = record(tmp_path, options=("--native",))
    python = formats.read(path, system)
    native = formats.read(path, system, ReadOptions(native=True))
    assert self_of(profile_of(python), "peak")["keep"] >= 20 * MIB
    names = {key.name for key in profile_of(native).function_keys}
    assert "keep" in names
    assert any("ByteArray" in name for name in names)
    assert profile_of(native).total() == profile_of(python).total()
    assert native.metrics == python.metrics


@pytest.mark.slow
def test_a_fork_has_a_file_of_its_own(system: System, tmp_path: Path) -> None:
    record(tmp_path, "fork", options=("--follow-fork",))
    files = sorted(tmp_path.glob("profile.bin.*"))
    assert len(files) == 1
    assert self_of(profile_of(formats.read(files[0], system)), "allocated")["scratch"] >= 10 * MIB
