"""pprof: what a writer may do that none of the samples does."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.pprof.profile_pb2 import Profile as Message
from perf_action.formats.pprof.values import kinds_of, type_of
from perf_action.model.profile import FunctionKey, Profile, ValueKind
from perf_action.model.tree import costs
from perf_action.system import System


class Writer:
    """Builds a message; strings are interned as they come."""

    def __init__(self, *types: tuple[str, str]) -> None:
        self.message = Message(string_table=[b""])
        for name, unit in types:
            self.message.sample_type.add(type=self.string(name), unit=self.string(unit))

    def string(self, text: str | bytes) -> int:
        data = text.encode() if isinstance(text, str) else text
        table = self.message.string_table
        if data not in table:
            table.append(data)
        return list(table).index(data)

    def location(self, *lines: tuple[str, int], file: str = "x.go", mapping: int = 0) -> int:
        location = self.message.location.add(id=len(self.message.location) + 10, mapping_id=mapping)
        for name, line in lines:
            function = self.message.function.add(
                id=len(self.message.function) + 5, name=self.string(name), filename=self.string(file)
            )
            location.line.add(function_id=function.id, line=line)
        return location.id

    def sample(self, locations: list[int], *values: int, **labels: str | int) -> None:
        sample = self.message.sample.add(location_id=locations, value=values)
        for key, value in labels.items():
            label = sample.label.add(key=self.string(key))
            if isinstance(value, int):
                label.num = value
            else:
                label.str = self.string(value)

    def read(self, folder: Path, system: System) -> Profile:
        (folder / "x").write_bytes(self.message.SerializeToString())
        return formats.read(folder / "x", system).captures[0].profile


CPU = ("samples", "count"), ("cpu", "nanoseconds")


def test_inlined_calls_are_frames_of_their_own(system: System, tmp_path: Path) -> None:
    w = Writer(*CPU)
    w.sample([w.location(("memcpy", 3), ("printf", 9)), w.location(("main", 1))], 2, 20)
    w.sample([w.location(("printf", 9)), w.location(("main", 1))], 1, 10)
    profile = w.read(tmp_path, system)
    assert costs(profile) == {
        FunctionKey("memcpy", "x.go"): (20, 20),
        FunctionKey("printf", "x.go"): (10, 30),
        FunctionKey("main", "x.go"): (0, 30),
    }


def test_the_default_sample_type_comes_first(system: System, tmp_path: Path) -> None:
    w = Writer(("alloc_space", "bytes"), ("inuse_space", "bytes"))
    w.sample([w.location(("f", 1))], 5, 3)
    assert [k.kind for k in w.read(tmp_path, system).kinds] == ["in_use", "allocated"]
    w.message.default_sample_type = w.string("alloc_space")
    assert [k.kind for k in w.read(tmp_path, system).kinds] == ["allocated", "in_use"]


def test_units_are_canonical(system: System, tmp_path: Path) -> None:
    w = Writer(("cpu", "milliseconds"))
    w.message.period = 10
    w.message.period_type.type, w.message.period_type.unit = w.string("cpu"), w.string("milliseconds")
    w.sample([w.location(("f", 1))], 7)
    profile = w.read(tmp_path, system)
    assert (profile.kinds[0], profile.total(), profile.period) == (
        ValueKind("cpu", "ns"),
        7_000_000,
        10_000_000,
    )


def test_an_address_is_no_name(system: System, tmp_path: Path) -> None:
    w = Writer(*CPU)
    w.message.mapping.add(id=3, filename=w.string("/usr/lib/libx.so.1"))
    w.sample([w.location(mapping=3), w.location(("main", 1), mapping=3)], 1, 10)
    profile = w.read(tmp_path, system)
    assert costs(profile)[FunctionKey("[unknown]", "", "libx.so.1")] == (10, 10)
    assert any("without a symbol" in note for note in profile.notes)


def test_a_library_without_files_names_its_functions_module(system: System, tmp_path: Path) -> None:
    w = Writer(*CPU)
    w.message.mapping.add(id=3, filename=w.string("/opt/shop"))
    w.sample([w.location(("f", 0), file="", mapping=3)], 1, 10)
    assert list(costs(w.read(tmp_path, system))) == [FunctionKey("f", "", "shop")]


def test_allocation_functions_are_no_leaves_of_memory(system: System, tmp_path: Path) -> None:
    w = Writer(("inuse_space", "bytes"))
    w.sample(
        [
            w.location(("operator new(unsigned long)", 0)),
            w.location(("__libc_malloc", 0)),
            w.location(("keep", 1)),
        ],
        64,
    )
    w.sample([w.location(("malloc", 0))], 8)
    assert {k.name: c.self for k, c in costs(w.read(tmp_path, system)).items()} == {"keep": 64, "malloc": 8}


def test_labels_are_threads_or_noted(system: System, tmp_path: Path) -> None:
    w = Writer(*CPU)
    w.sample([w.location(("f", 1))], 1, 10, thread="worker", request="/items", bytes=8)
    profile = w.read(tmp_path, system)
    assert profile.sample_thread is not None
    assert profile.strings[profile.sample_thread[0]] == "worker"
    assert "sample labels left out: bytes, request" in profile.notes


def test_a_difference_of_heaps_says_what_was_allocated(system: System, tmp_path: Path) -> None:
    """``allocs?seconds=``: what is in use is less than before where something was freed."""
    types = (
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    )
    w = Writer(*types)
    w.sample([w.location(("f", 1))], 5, 500, -3, -300)
    with pytest.raises(InputError, match="negative value"):
        w.read(tmp_path, system)
    w.message.duration_nanos = 10**9
    profile = w.read(tmp_path, system)
    assert [(kind.kind, profile.total(i)) for i, kind in enumerate(profile.kinds)] == [
        ("allocated", 500),
        ("allocations", 5),
    ]
    assert "a difference of two heap profiles (?seconds=): what is in use is left out" in profile.notes


def test_locks_that_were_not_recorded_are_explained(system: System, tmp_path: Path) -> None:
    w = Writer(("contentions", "count"), ("delay", "nanoseconds"))
    w.message.mapping.add(id=1, filename=w.string("x"))
    assert any("runtime.SetMutexProfileFraction" in note for note in w.read(tmp_path, system).notes)
    w.sample([w.location(("f", 1))], 1, 10)
    assert not w.read(tmp_path, system).notes


def test_strings_need_not_be_utf8(system: System, tmp_path: Path) -> None:
    w = Writer(*CPU)
    w.sample([w.location(("f", 1))], 1, 10)
    w.message.string_table[w.message.function[0].name] = b"caf\xe9"
    assert [key.name for key in costs(w.read(tmp_path, system))] == ["caf\\xe9"]


def test_no_samples_are_noted(system: System, tmp_path: Path) -> None:
    w = Writer(("contentions", "count"), ("delay", "nanoseconds"))
    w.message.mapping.add(id=1, filename=w.string("x"))
    assert "the profile holds no samples" in w.read(tmp_path, system).notes


def bad(change: str) -> Message:
    w = Writer(*CPU)
    w.sample([w.location(("f", 1))], 1, 10)
    m = w.message
    match change:
        case "values":
            m.sample[0].value.append(3)
        case "location":
            m.sample[0].location_id.append(99)
        case "function":
            m.location[0].line[0].function_id = 99
        case "name":
            m.function[0].name = 99
        case "type":
            m.sample_type[0].type = -1
        case "negative":
            m.sample[0].value[1] = -1
        case "overflow":
            m.sample.add(location_id=[10], value=[1, 2**63 - 1])
        case "strings":
            del m.string_table[:]
        case "types":
            del m.sample_type[:]
    return m


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("values", "sample 0: has 3 values for 2 sample types"),
        ("location", "sample 0: location 99 does not exist"),
        ("function", "location 10: function 99 does not exist"),
        ("name", "string 99 does not exist"),
        ("type", "string -1 does not exist"),
        ("negative", "negative value; give both profiles"),
        ("overflow", "too large"),
        ("strings", "no string table"),
        ("types", "no string table or no sample types|no known kind"),
    ],
)
def test_what_does_not_exist_is_named(change: str, words: str, system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(bad(change).SerializeToString()))
    with pytest.raises(InputError, match=words):
        formats.read(tmp_path / "x", system)


def test_a_broken_message_is_refused(system: System, tmp_path: Path) -> None:
    data = bad("").SerializeToString()
    for broken in (data[:-7], data[:40], b"\x12\xff\xff\xff\xff\x0f" + data):
        (tmp_path / "x").write_bytes(broken)
        with pytest.raises(InputError, match="broken protobuf"):
            formats.read(tmp_path / "x", system)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("goroutine 7 [running]:\nmain.f()\n", r"goroutine dump .debug=2.*fetch /debug/pprof/goroutine without"),
        ("goroutine profile: total 6\n1 @ 0x1\n", r"leaves out frames of the runtime.*fetch /debug/pprof/goroutine without"),
        ("threadcreate profile: total 8\n", r"fetch /debug/pprof/threadcreate without"),
        ("--- mutex:\ncycles/second=1\n", r"mutex profile as text .debug=1.*fetch /debug/pprof/mutex without"),
        ("--- contention:\ncycles/second=1\n", r"block profile as text .debug=1.*fetch /debug/pprof/block without"),
        ("heap profile: 1: 2 [3: 4] @ heap/1048576\n", r"not scaled up.*fetch /debug/pprof/heap.gc=1 .or /debug/pprof/allocs. without"),
        ("go 1.19 trace\0\0\0", r"execution trace.*fetch /debug/pprof/profile instead of /debug/pprof/trace"),
        ("404 page not found\n", "an HTTP error that was saved as a file"),
        ("<!DOCTYPE html><title>/debug/pprof/</title>", "a web page"),
    ],
)  # fmt: skip
def test_what_a_go_service_also_answers_is_named(
    text: str, words: str, system: System, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=words):
        formats.read(tmp_path / "x", system)


def test_kinds_of_go_and_others() -> None:
    names = {
        ("samples", "count"): ("cpu", "samples"),
        ("wall", "seconds"): ("wall", "ns"),
        ("goroutine", "count"): ("goroutines", "count"),
        ("delay", "nanoseconds"): ("lock_wait", "ns"),
        ("cache-misses", ""): ("cache-misses", "count"),
    }
    assert {t: tuple(kinds_of([t])[0][0])[:2] for t in names} == names
    twice = [
        kind for kind, _, _ in kinds_of([("inuse_space", "bytes"), ("space", "bytes"), ("space", "bytes")])
    ]
    assert len(set(twice)) == 3
    assert kinds_of([("x", "sheep")])[0][2] == "the unit 'sheep' of 'x' is read as a count"


@pytest.mark.parametrize(
    "kind",
    [
        ValueKind("cpu", "samples"),
        ValueKind("cpu", "ns"),
        ValueKind("peak", "bytes"),
        ValueKind("cpu", "samples", "cycles:u"),
        ValueKind("instructions", "instructions"),
    ],
)
def test_a_kind_is_read_as_it_was_written(kind: ValueKind) -> None:
    assert kinds_of([type_of(kind)])[0][0] == kind
