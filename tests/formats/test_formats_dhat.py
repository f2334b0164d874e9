"""DHAT: each mode and version, the numbers of a program that is known, and what can be wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples" / "dhat"
LEFT = {"store": 5 * 512, "prune": 12 * 100, "chain": 8 * 24, "hedge": 3 * 40}


def document(**changes: Any) -> dict[str, Any]:
    point = {"tb": 9, "tbk": 3, "tl": 1, "mb": 6, "mbk": 2, "gb": 6, "gbk": 2, "eb": 3, "ebk": 1}
    body = {
        "dhatFileVersion": 2,
        "mode": "heap",
        "verb": "Allocated",
        "bklt": True,
        "bkacc": True,
        "tu": "instrs",
        "Mtu": "Minstr",
        "tuth": 500,
        "cmd": "./a",
        "pid": 1,
        "te": 9,
        "tg": 5,
        "pps": [{**point, "rb": 4, "wb": 5, "fs": [1, 2]}],
        "ftbl": ["[root]", "0x1: f (a.c:3)", "0x2: main (a.c:9)"],
    }
    return {**body, **changes}


def point(**changes: Any) -> dict[str, Any]:
    """A document with one place that allocated."""
    return document(pps=[{**document()["pps"][0], **changes}])


@pytest.fixture
def read(system: System, tmp_path: Path):
    def reading(content: dict[str, Any] | bytes) -> Capture:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / "d").write_bytes(data)
        return formats.read(tmp_path / "d", system)

    return reading


def own(capture: Capture, kind: str) -> dict[str, int]:
    profile = capture.captures[0].profile
    column = profile.find_kind(kind)
    assert column is not None
    return {key.name: cost.self for key, cost in costs(profile, column).items() if cost.self}


def test_heap_mode_has_the_programs_numbers(system):
    capture = formats.read(SAMPLES / "heap.out", system)
    assert own(capture, "allocated") == {**LEFT, "harvest": 16 * 16384, "glean": 50 * 64}
    assert own(capture, "allocations") == {
        "store": 5, "prune": 12, "chain": 8, "hedge": 3, "harvest": 16, "glean": 50,
    }  # fmt: skip
    assert own(capture, "peak") == {**LEFT, "harvest": 16 * 16384}
    assert own(capture, "leaked") == LEFT
    # memset is a write of the libc; what calloc cleared is none of the program's
    assert own(capture, "written") == {"store": 2560, "prune": 1200, "harvest": 262144, "chain": 8 * 8}
    assert {m.name: m.samples for m in capture.metrics} == {
        "memory.allocated": (sum(LEFT.values()) + 16 * 16384 + 50 * 64,),
        "memory.allocations": (94,),
        "memory.peak": (sum(LEFT.values()) + 16 * 16384,),
    }
    assert capture.captures[0].profile.fidelity == "exact"


def test_copy_mode_counts_copies_and_no_heap(system):
    capture = formats.read(SAMPLES / "copy.out", system)
    assert [k.kind for k in capture.captures[0].profile.kinds] == ["copied", "copies"]
    assert capture.metrics == ()
    assert "copy mode" in capture.notes[0]


def test_ad_hoc_mode_counts_the_programs_events(system):
    capture = formats.read(SAMPLES / "events.out", system)
    assert (own(capture, "units"), own(capture, "events")) == ({"main": 100}, {"main": 4})
    assert "not the heap" in capture.notes[0]


def test_ad_hoc_mode_without_events_is_a_note_and_no_zeros(system):
    capture = formats.read(SAMPLES / "no-events.out", system)
    assert (capture.captures, capture.metrics) == ((), ())
    assert capture.notes[0].endswith("not the heap, and the program reported no event")


def test_version_1_calls_some_things_otherwise(read):
    old = document(dhatFileVersion=1)
    for key in ("mode", "verb", "bklt", "bkacc"):
        del old[key]
    (place,) = old.pop("pps")
    place["fb"] = place.pop("eb")
    capture = read({**old, "aps": [place]})
    assert (own(capture, "leaked"), own(capture, "peak")) == ({"f": 3}, {"f": 6})


def test_rusts_crate_records_no_accesses(read):
    capture = read(
        {**point(), "mode": "rust-heap", "bkacc": False, "ftbl": ["[root]", "0x1: a::f (src/a.rs:3:7)", "0x2: main (a.rs:9:1)"]}
    )  # fmt: skip
    assert [k.kind for k in capture.captures[0].profile.kinds] == [
        "allocated",
        "allocations",
        "peak",
        "leaked",
    ]
    assert own(capture, "allocated") == {"a::f": 9}


@pytest.mark.parametrize(
    "leaf",
    [
        "0x4: malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)",
        "0x4: malloc (vg_replace_malloc.c:380)",
        "0x4: operator new(unsigned long) (in /usr/lib/valgrind/vgpreload_dhat-x86-linux.so)",
        "0x4: calloc",
    ],
)
def test_what_allocates_for_the_program_is_no_frame(read, leaf):
    capture = read(
        document(pps=[{**document()["pps"][0], "fs": [3, 1, 2]}], ftbl=[*document()["ftbl"], leaf])
    )
    assert own(capture, "allocated") == {"f": 9}


def test_a_place_without_frames_is_unknown(read):
    assert own(read(point(fs=[])), "allocated") == {"[unknown]": 9}


def test_names_that_are_no_utf8_are_kept_apart(read):
    data = json.dumps(document()).encode().replace(b"f (a.c", b"f\xe9 (a.c")
    assert own(read(data), "allocated") == {"f\\xe9": 9}


def test_a_program_that_allocates_nothing(read):
    capture = read(document(pps=[]))
    assert [m.samples for m in capture.metrics] == [(0,), (0,), (0,)]
    assert "the program allocated nothing" in capture.notes


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (document(dhatFileVersion=99), "dhatFileVersion 99 is not known; known are 1 and 2"),
        (document(dhatFileVersion="2"), "dhatFileVersion 2 is not known"),
        (document(mode="moon"), "mode 'moon' is not known"),
        (document(pps=None), r"no list of places that allocated \('pps'\)"),
        (document(pps=[7]), r"pps\[0\]: is no object"),
        (document(ftbl=["[root]"]), r"pps\[0\]: frame 1 is not in the table of 1"),
        (document(ftbl=[1]), "no table of frames"),
        (point(fs=[-1]), "frame -1 is not in the table"),
        (point(fs=[True]), "frame True is not in the table"),
        (point(fs=3), "has no frames"),
        (point(tb=-1), "tb is '-1', not a count"),
        (point(tb=1.5), "tb is '1.5', not a count"),
        (point(tb=None), "tb is missing"),
        (point(tb=2**63), "too large for a profile"),
        (json.dumps(document())[:-40].encode(), "the file may be cut off"),
        (json.dumps(document()).replace('"tb": 9', '"tb": NaN').encode(), "NaN is not a number"),
        (b'{"dhatFileVersion":2,"pps":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_damaged_file_is_an_error_with_its_place(read, content, reason):
    with pytest.raises(InputError, match=reason):
        read(content)


def test_a_very_deep_stack(read):
    n = 30_000
    table = ["[root]", *(f"0x{i:x}: f{i} (a.c:{i})" for i in range(n))]
    capture = read(document(pps=[{**document()["pps"][0], "fs": list(range(1, n + 1))}], ftbl=table))
    profile = capture.captures[0].profile
    assert len(profile.stack_parent) == n
    assert own(capture, "peak") == {"f0": 6}
