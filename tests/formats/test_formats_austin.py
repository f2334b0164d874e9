"""austin, as text and as MOJO, and CPython's own sampling profiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples"
HEADER = "# austin: 3.7.0\n# interval: 1000\n# mode: {}\n\n"
END = "\n# duration: 5000\n"


def capture(data: str | bytes, folder: Path, system: System) -> Capture:
    (folder / "x").write_bytes(data.encode() if isinstance(data, str) else data)
    return formats.read(folder / "x", system)


def text(lines: str, folder: Path, system: System, mode: str = "wall") -> Profile:
    return capture(HEADER.format(mode) + lines + END, folder, system).captures[0].profile


def values(profile: Profile) -> dict[str, tuple[int, ...]]:
    """Self of each function by kind, those that are not zero."""
    found: dict[str, tuple[int, ...]] = {}
    for column in range(len(profile.kinds)):
        for key, cost in costs(profile, column).items():
            row = list(found.get(key.name, (0,) * len(profile.kinds)))
            row[column] += cost.self
            found[key.name] = tuple(row)
    return found


@pytest.mark.parametrize("mode", ["wall", "cpu", "memory", "full-gc", "children"])
def test_the_sums_are_those_of_the_lines(mode: str, system: System) -> None:
    path = SAMPLES / f"austin/{mode}.austin"
    rows = [
        line.rpartition(" ")[2].split(",") for line in path.read_text().splitlines() if line.startswith("P")
    ]
    profile = formats.read(path, system).captures[0].profile
    totals = {kind.kind: profile.total(i) for i, kind in enumerate(profile.kinds)}
    numbers = [[int(cell) for cell in row] for row in rows]
    if mode == "full-gc":
        assert totals["wall"] == sum(row[0] for row in numbers) * 1000
        assert totals["cpu"] == sum(row[0] for row in numbers if not row[1]) * 1000
        assert totals["allocated"] - totals["freed"] == sum(row[2] for row in numbers)
    else:
        (total,) = (v for k, v in totals.items() if k != "freed")
        assert total == sum(row[0] for row in numbers) * (1 if mode == "memory" else 1000)
    assert profile.duration_ns is not None
    assert not [note for note in profile.notes if "cut off" in note]


@pytest.mark.parametrize("mode", ["wall", "cpu", "full-gc", "children"])
def test_both_forms_find_the_same_program(mode: str, system: System) -> None:
    """Two recordings, so that only what the program does by design is the same."""
    for kind, suffix in (("austin", "austin"), ("austin-mojo", "mojo")):
        profile = formats.read(SAMPLES / kind / f"{mode}.{suffix}", system).captures[0].profile
        found = costs(profile)
        price = found[FunctionKey("price.<locals>.<genexpr>", "/srv/shop/shop.py")]
        total = found[FunctionKey("Basket.total", "/srv/shop/shop.py")]
        assert 0 < price.self <= total.total <= profile.total()
        assert profile.period == 10_000_000
        assert profile.tool_version == "3.7.0"


def test_samples_of_one_stack_are_summed(system: System, tmp_path: Path) -> None:
    lines = "P1;T0:7;/a.py:main:1;/a.py:f:2 10\nP1;T0:7;/a.py:main:1;/a.py:f:2 5\nP1;T0:8;/a.py:main:1 1\nP1;T0:8 2\n"
    profile = text(lines, tmp_path, system)
    assert values(profile) == {"main": (1_000,), "f": (15_000,), "[unknown]": (2_000,)}
    assert profile.sample_thread is not None
    assert [profile.strings[t] for t in profile.sample_thread] == ["7", "8", "8"]
    assert (profile.period, profile.duration_ns) == (1_000_000, 5_000_000)


def test_frames_are_what_austin_says_of_them(system: System, tmp_path: Path) -> None:
    lines = (
        "P1;T0x1f;<frozen importlib._bootstrap>:_load:690;C:\\a.py:Shop.run:3 1\n"
        "P1;T0x1f;:INVALID:;/a;b.py:f:2;:GC: 2\n"
        "P1;T0x1f;/usr/lib/libc.so.6:read:912;/srv/ext.c:work:7;/usr/bin/python3.11:main:55;<native> 4\n"
    )
    profile = text(lines, tmp_path, system)
    assert set(costs(profile)) == {
        FunctionKey("_load", "<frozen importlib._bootstrap>"),
        FunctionKey("Shop.run", "C:\\a.py"),
        FunctionKey("[unknown]"),
        FunctionKey("f", "/a;b.py"),
        FunctionKey("GC"),
        FunctionKey("read", "", "libc.so.6"),
        FunctionKey("work", "/srv/ext.c"),
        FunctionKey("main", "", "python3.11"),
        FunctionKey("<native>"),
    }
    assert profile.sample_thread is not None
    assert profile.strings[profile.sample_thread[0]] == "31"


def test_memory_grows_and_shrinks(system: System, tmp_path: Path) -> None:
    memory = text(
        "P1;T0:1;a.py:f:1 100\nP1;T0:1;a.py:f:1 -30\nP1;T0:1;a.py:g:1 -5\n", tmp_path, system, "memory"
    )
    assert values(memory) == {"f": (100, 30), "g": (0, 5)}
    full = text("P1;T0:1;a.py:f:1 7,0,100\nP1;T0:1;a.py:f:1 3,1,-30\n", tmp_path, system, "full")
    assert [kind.kind for kind in full.kinds] == ["cpu", "wall", "allocated", "freed"]
    assert values(full) == {"f": (7_000, 10_000, 100, 30)}


def test_a_file_without_its_end_says_so(system: System, tmp_path: Path) -> None:
    found = capture(HEADER.format("wall") + "P1;T0:1;a.py:f:1 7\n", tmp_path, system)
    assert "the file has no end (its duration): it may be cut off" in found.notes
    assert capture("P1;T0:1;a.py:f:1 7\n", tmp_path, system).format == "austin"


@pytest.mark.parametrize(
    ("lines", "mode", "words"),
    [
        ("P1;T0:1;a.py:f:1", "wall", "line 5: is no sample"),
        ("P1;T0:1;a.py:f:1 x", "wall", "line 5: does not end in what mode wall measures: 'x'"),
        ("P1;T0:1;a.py:f:1 -7", "wall", "line 5: a time is negative"),
        ("P1;T0:1;a.py:f:1 7,0,1", "wall", "'7,0,1'"),
        ("P1;T0:1;a.py:f:1 7", "full", "does not end in what mode full measures: '7'"),
        ("P1;T0:1;a.py:f:1 7,2,1", "full", "mode full"),
        ("P1;T0:1;a.py:f:1 9" + "9" * 30, "wall", "mode wall measures"),
        ("P1;T0:1;a.py:f:1 " + "9" * 18, "wall", "is too large"),
        ("main;f 7", "wall", "line 5: is no sample"),
        ("P1;T0:1;a.py:f:1 7", "sheep", "mode 'sheep' is not known; known are wall, cpu"),
    ],
)
def test_what_is_wrong_is_named(lines: str, mode: str, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        text(lines, tmp_path, system, mode)


def varint(value: int) -> bytes:
    first = (0x40 if value < 0 else 0) | (abs(value) & 0x3F)
    rest, out = abs(value) >> 6, []
    while rest:
        out.append(rest & 0x7F)
        rest >>= 7
    return bytes([first | (0x80 if out else 0), *(b | 0x80 for b in out[:-1]), *out[-1:]])


def event(id_: int, *cells: int | str) -> bytes:
    return bytes([id_]) + b"".join(c.encode() + b"\0" if isinstance(c, str) else varint(c) for c in cells)


def mojo(*events: bytes, version: int = 3, mode: str = "wall") -> bytes:
    head = event(1, "austin", "3.7.0") + event(1, "mode", mode) + event(1, "interval", "1000")
    return b"MOJ" + varint(version) + head + b"".join(events)


STACK = event(2, 1, 0, "1f")
DEFINED = event(11, 9, "/a.py") + event(11, 10, "f") + event(3, 400, 9, 10, 7, 7, 1, 2)


def test_mojo_is_a_stream_of_events(system: System, tmp_path: Path) -> None:
    data = mojo(
        STACK, DEFINED, event(5, 400), event(9, 130), STACK, event(5, 400), event(7), event(9, 2),
        event(2, 1, 0, "20"), event(4), event(6, "do_sys"), event(12, 9), event(9, 5), event(1, "duration", "99"),
    )  # fmt: skip
    profile = capture(data, tmp_path, system).captures[0].profile
    assert values(profile) == {"f": (130_000,), "GC": (2_000,), "[unknown]": (0,), "do_sys": (5_000,)}
    assert costs(profile)[FunctionKey("do_sys", "", "kernel")].self == 5_000
    assert profile.duration_ns == 99_000


def test_mojo_counts_time_idleness_and_memory(system: System, tmp_path: Path) -> None:
    data = mojo(
        STACK, DEFINED, event(5, 400), event(9, 7), event(10, 100), STACK, event(5, 400), event(9, 3), event(8),
        event(10, -30), mode="full",
    )  # fmt: skip
    assert values(capture(data, tmp_path, system).captures[0].profile) == {"f": (7_000, 10_000, 100, 30)}


def test_older_versions_of_mojo_have_shorter_events(system: System, tmp_path: Path) -> None:
    frame = event(11, 9, "/a.py") + event(3, 400, 9, 1, 7)
    first = mojo(event(2, 1, "1f"), frame, event(5, 400), event(9, 1), version=1)
    assert values(capture(first, tmp_path, system).captures[0].profile) == {"<unknown>": (1_000,)}
    second = mojo(event(2, 1, "1f"), DEFINED, event(5, 400), event(9, 1), version=2)
    assert values(capture(second, tmp_path, system).captures[0].profile) == {"f": (1_000,)}


def test_keys_are_those_of_a_process(system: System, tmp_path: Path) -> None:
    other = event(11, 9, "/b.py") + event(11, 10, "g") + event(3, 400, 9, 10, 7, 7, 1, 2)
    data = mojo(
        STACK, DEFINED, event(5, 400), event(9, 1), event(2, 2, 0, "1f"), other, event(5, 400), event(9, 2),
        STACK, event(5, 400), event(9, 4),
    )  # fmt: skip
    assert values(capture(data, tmp_path, system).captures[0].profile) == {"f": (5_000,), "g": (2_000,)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (mojo(STACK, event(5, 400)), "refers to a frame that is not there"),
        (mojo(STACK, event(3, 400, 9, 10, 7, 7, 1, 2)), "refers to a string that is not there"),
        (mojo(event(9, 3)), "byte 44: event 9 before the first stack"),
        (mojo(STACK, event(13)), "event 13 is not known; convert it with mojo2austin"),
        (mojo(STACK, version=9), "MOJO version 9 is not known; convert it with mojo2austin"),
        (mojo(STACK, mode="sheep"), "mode 'sheep' is not known"),
        (mojo(event(2, 1, 0, "xyz")), "'xyz' is no thread"),
        (mojo(STACK, event(9, -3)), "a time is negative"),
        (mojo(STACK) + b"\x09", "is cut off; fetch or copy it again"),
        (mojo(STACK) + b"\x01austin", "is cut off"),
        (mojo(STACK) + b"\x09" + b"\xff" * 100_000, "a number is too long"),
        (b"MOJ\0", "MOJO version 0 is not known"),
    ],
)
def test_what_is_wrong_in_mojo_is_named(data: bytes, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        capture(data, tmp_path, system)


def test_a_cut_mojo_file_is_refused_or_said_to_be_cut(system: System, tmp_path: Path) -> None:
    data = (SAMPLES / "austin-mojo/full-gc.mojo").read_bytes()
    for cut in range(10, len(data) - 1, 97):
        try:
            found = capture(data[:cut], tmp_path, system)
        except InputError:
            continue
        assert "the file has no end (its duration): it may be cut off" in found.notes


def test_a_hundred_thousand_frames_deep(system: System, tmp_path: Path) -> None:
    data = mojo(STACK, DEFINED, event(5, 400) * 100_000, event(9, 2))
    assert values(capture(data, tmp_path, system).captures[0].profile) == {"f": (2_000,)}
    line = "P1;T0:1;" + ";".join(["/a.py:f:1"] * 100_000) + " 2\n"
    assert values(text(line, tmp_path, system)) == {"f": (2_000,)}


def test_what_python_samples(system: System, tmp_path: Path) -> None:
    found = capture("tid:12;a.py:<module>:1;a.py:f:2 5\ntid:13;a.py:f:3;<GC> 2\ntid:13 1\n", tmp_path, system)
    assert found.format == "python-sampling"
    profile = found.captures[0].profile
    assert costs(profile)[FunctionKey("f", "a.py")] == (5, 7)
    assert costs(profile)[FunctionKey("<GC>")] == (2, 2)
    assert profile.sample_thread is not None
    assert [profile.strings[t] for t in profile.sample_thread] == ["12", "13", "13"]
    with pytest.raises(InputError, match="line 2: does not end in a count"):
        capture("tid:12;a.py:f:1 5\ntid:12;a.py:f:1\n", tmp_path, system)


@pytest.mark.parametrize("magic", [b"HCAT\x01\0\0\0", b"TACH\0\0\0\x02"])
def test_the_binary_form_of_python_is_named(magic: bytes, system: System, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"binary profile of Python.*python3.15 -m profiling.sampling replay --collapsed"
    ):
        capture(magic + bytes(56), tmp_path, system)
