"""perf.data: what perf says of it and nothing less; half files, crashes and lies of perf are errors."""

from __future__ import annotations

import gzip
import re
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from perf_writer import CLOCK, FAULTS, PID, TASK_CLOCK, PerfFile

from perf_action import formats
from perf_action.errors import CannotMeasure, InputError, ToolMissing
from perf_action.formats.folded import to_folded
from perf_action.formats.perf import file as perf_file
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.profile import FunctionKey, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import System

#: needs perf
REAL = pytest.mark.slow
PROGRAMS = Path(__file__).resolve().parent / "programs"
NAMES = [
    "main",
    "serve",
    "a;b",
    "f g (x)",
    "x" * 3000,
    "operator new[](unsigned long)",
    "naïve",
    "py::run.<locals>.f:/srv/app.py",
]


def sampled(*stacks: Sequence[int], **options: object) -> PerfFile:
    file = PerfFile(NAMES, **options)
    for stack in stacks:
        file.sample(stack)
    return file


def read(file: PerfFile, system: System, folder: Path, options: ReadOptions | None = None) -> Capture:
    with file.written(folder) as path:
        return formats.read(path, system, options or ReadOptions())


def stacks(capture: Capture, kind: int = 0) -> dict[str, int]:
    lines = to_folded(capture.captures[0].profile, kind).splitlines()
    return {stack: int(count) for stack, _, count in (line.rpartition(" ") for line in lines)}


@REAL
def test_every_sample_is_there_and_every_name_whole(system: System, tmp_path: Path) -> None:
    capture = read(sampled([0, 1, 2], [0, 1, 2], [0, 3], [0, 4, 5], [6]), system, tmp_path)
    assert capture.format == "perf-data"
    profile = capture.captures[0].profile
    profile.check()
    assert costs(profile) == {
        FunctionKey("main", "", "[jit]"): (0, 4),
        FunctionKey("serve", "", "[jit]"): (0, 2),
        FunctionKey("a;b", "", "[jit]"): (2, 2),
        FunctionKey("f g (x)", "", "[jit]"): (1, 1),
        FunctionKey("x" * 3000, "", "[jit]"): (0, 1),
        FunctionKey("operator new[](unsigned long)", "", "[jit]"): (1, 1),
        FunctionKey("naïve", "", "[jit]"): (1, 1),
    }
    assert (profile.tool, profile.kinds, capture.notes) == ("perf", (ValueKind("cpu", "samples"),), ())


@REAL
def test_functions_of_pythons_perf_map_have_their_file(system: System, tmp_path: Path) -> None:
    profile = read(sampled([7]), system, tmp_path).captures[0].profile
    assert profile.key(0) == FunctionKey("py::run.<locals>.f", "/srv/app.py", "[jit]")


@REAL
def test_threads_are_known_by_their_names(system: System, tmp_path: Path) -> None:
    file = PerfFile(NAMES)
    for tid, name in ((PID + 1, b"idx worker"), (PID + 2, b"a: b 12/3 "), (PID + 3, b"")):
        file.comm(name, tid)
        file.sample([0, 1], tid=tid)
    file.sample([0])
    profile = read(file, system, tmp_path).captures[0].profile
    names = Counter(profile.strings[thread] for thread in profile.sample_thread.tolist())
    assert names == {"idx worker": 1, "a: b 12/3": 1, "": 1, "service": 1}


@REAL
def test_events_are_not_summed(system: System, tmp_path: Path) -> None:
    file = PerfFile(NAMES, events=(FAULTS, CLOCK))
    for stack, event in (([0, 1], 0), ([0, 2], 1), ([0, 2], 1), ([0, 1], 1)):
        file.sample(stack, event=event)
    capture = read(file, system, tmp_path)
    assert [kind.kind for kind in capture.captures[0].profile.kinds] == ["cpu", "page-faults"]
    assert stacks(capture) == {"main;a:b": 2, "main;serve": 1}
    assert stacks(capture, 1) == {"main;serve": 1}


@REAL
def test_two_clocks_are_two_kinds(system: System, tmp_path: Path) -> None:
    file = PerfFile(NAMES, events=(TASK_CLOCK, CLOCK))
    file.sample([0])
    file.sample([1], event=1)
    kinds = read(file, system, tmp_path).captures[0].profile.kinds
    assert [(kind.kind, kind.event.split(":")[0]) for kind in kinds] == [
        ("cpu", "task-clock"),
        ("cpu", "cpu-clock"),
    ]


@REAL
def test_without_a_call_graph_each_sample_is_one_frame(system: System, tmp_path: Path) -> None:
    capture = read(sampled([0], [3], [3], call_graph=False), system, tmp_path)
    assert stacks(capture) == {"main": 1, "f g (x)": 2}


@REAL
def test_what_nobody_resolves_is_unknown_and_counted(system: System, tmp_path: Path) -> None:
    file = sampled([0], [])
    file.sample([], raw=[0x7F00DEADBEEF, file.address(0), 0])
    capture = read(file, system, tmp_path)
    assert stacks(capture) == {"main": 1, "[unknown]": 1, "[unknown];main;[unknown]": 1}
    assert capture.notes == ("2 of 3 samples are in code that has no name ([unknown])",)


@REAL
def test_stacks_that_perf_cut_are_said(system: System, tmp_path: Path) -> None:
    capture = read(sampled([0] * 150, [1]), system, tmp_path)
    assert capture.notes == ("1 of 2 stacks are cut off at 127 frames: who called is lost",)


@REAL
def test_deep_stacks_are_whole_if_the_file_says_that_it_has_them(system: System, tmp_path: Path) -> None:
    profile = read(sampled([1] + [0] * 999, max_stack=1000), system, tmp_path).captures[0].profile
    assert len(profile.stack_parent) == 1000


@REAL
def test_lost_events_are_a_note(system: System, tmp_path: Path) -> None:
    file = sampled([0])
    file.lost(12)
    file.lost(30)
    assert "42 events were lost while recording" in read(file, system, tmp_path).notes


@REAL
def test_the_duration_is_from_the_first_sample_to_the_last(system: System, tmp_path: Path) -> None:
    file = sampled([0], features={21: struct.pack("<QQ", 10**9, 3 * 10**9)})
    assert read(file, system, tmp_path).captures[0].profile.duration_ns == 2 * 10**9


@REAL
def test_a_timeline_says_when(system: System, tmp_path: Path) -> None:
    profile = read(sampled([0], [0], [1]), system, tmp_path, ReadOptions(timeline=True)).captures[0].profile
    assert sorted(profile.sample_time_ns.tolist()) == [0, 1_000_000, 2_000_000]
    assert profile.total() == 3


@REAL
def test_a_packed_file_is_read(system: System, tmp_path: Path) -> None:
    with sampled([0, 1]).written(tmp_path) as path:
        packed = tmp_path / "perf.data.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert stacks(formats.read(packed, system)) == {"main;serve": 1}


def test_without_perf_the_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"perf-action setup perf, or sudo apt-get install linux-perf"):
        read(sampled([0]), System({"PATH": str(tmp_path)}), tmp_path)


WHOLE = sampled([0, 1, 2], [0, 3], features={21: struct.pack("<QQ", 10**9, 3 * 10**9)}).data()


@pytest.mark.parametrize("size", sorted({*range(8, 130), *range(130, len(WHOLE), 7), len(WHOLE) - 1}))
def test_no_part_of_a_file_passes_for_a_whole_one(size: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(WHOLE[:size])
    with pytest.raises(InputError, match="is cut off"):
        perf_file.layout(Source(path, ReadOptions()), path)


def checked(data: bytes, folder: Path) -> perf_file.Contents:
    path = folder / "x"
    path.write_bytes(data)
    source = Source(path, ReadOptions())
    return perf_file.contents(source, path, perf_file.layout(source, path))


def test_records_are_counted(tmp_path: Path) -> None:
    assert checked(WHOLE, tmp_path) == perf_file.Contents(samples=2, lost=0)


def test_a_file_of_a_killed_perf_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"killed before it could finish.*end perf record with SIGINT"):
        checked(WHOLE[:48] + struct.pack("<Q", 0) + WHOLE[56:], tmp_path)


@pytest.mark.parametrize("tail", [b"\0" * 16, b"\x09\0\0\0\0\0\4\0", b"\x09\0\0\0\0\0\x40\0", b"\x09\0\0\0"])
def test_what_is_no_record_is_found(tail: bytes, tmp_path: Path) -> None:
    file = sampled([0])
    file.records.append(tail)
    with pytest.raises(InputError, match=r"no record begins at byte|last record is not whole"):
        checked(file.data(), tmp_path)


def test_a_file_from_a_pipe_has_no_sections(tmp_path: Path) -> None:
    piped = b"PERFILE2" + struct.pack("<Q", 16) + b"".join(sampled([0], [1]).records)
    assert checked(piped, tmp_path).samples == 2
    with pytest.raises(InputError, match="is cut off"):
        checked(piped[:-3], tmp_path)


def test_a_file_of_the_other_byte_order_is_looked_through(tmp_path: Path) -> None:
    places = struct.pack(">7Q", 144, 104, 0, 104, 16, 0, 0)
    header = b"2ELIFREP" + struct.pack(">Q", 104) + places + struct.pack(">4Q", 1 << 21, 0, 0, 0)
    records = struct.pack(">IHHQ", 9, 0, 16, 0)
    table = struct.pack(">QQQQ", 136, 16, 10, 30)
    assert checked(header + records + table, tmp_path).samples == 1


@REAL
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 7)), min_size=1, max_size=3))
def test_flipped_bits_give_an_error_or_all_samples(
    changes: list[tuple[int, int]], system: System, tmp_path: Path
) -> None:
    data = bytearray(WHOLE)
    for at, bit in changes:
        data[at] ^= 1 << bit
    path = tmp_path / "x"
    path.write_bytes(data)
    try:
        capture = formats.read(path, system)
    except (InputError, CannotMeasure):
        return
    assert (
        sum(capture.captures[0].profile.total(k) for k in range(len(capture.captures[0].profile.kinds))) == 2
    )


@pytest.fixture
def pretending(tmp_path: Path) -> Callable[[str], System]:
    """A System in which `perf` is a shell script: what perf does to damaged files, when one wants it."""

    def make(script: str) -> System:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "perf").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "perf").chmod(0o755)
        return System({"PATH": f"{folder}:/usr/bin:/bin", "PERF_CONFIG": "/srv/perfconfig"})

    return make


HALF = r"printf 'x 1 cycles: \n\t1 main (/x)\n\n'"


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("kill -BUS $$", InputError, r"perf script crashed on it \(SIGBUS\): it is damaged"),
        (
            "echo '0x8 [0]: failed to process' >&2; exit 255",
            InputError,
            "perf script failed on it: 0x8.*failed to process",
        ),
        (HALF, InputError, "perf script printed 1 of its 2 samples; it is damaged"),
        (f"{HALF}; echo 'bad things' >&2", InputError, "printed 1 of its 2 samples: bad things"),
        ("exit 0", InputError, "printed 0 of its 2 samples"),
        ("echo 'what is this'", InputError, "line 1: 'what is this' is no line of perf script"),
        ("printf 'WARNING: perf not found for kernel 6.11\n' >&2; exit 2", ToolMissing, "linux-tools"),
    ],
)
def test_what_perf_does_to_damaged_files(script, error, words, pretending, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        read(sampled([0], [1]), pretending(script), tmp_path)


def test_perf_is_asked_for_what_is_needed(pretending, tmp_path: Path) -> None:
    script = f'echo "$@" >> {tmp_path}/said; echo $PERF_CONFIG >> {tmp_path}/said; {HALF}; {HALF}'
    for options in (ReadOptions(), ReadOptions(lines=True), ReadOptions(timeline=True)):
        read(sampled([0], [1]), pretending(script), tmp_path, options)
    start = f"script --force --input {tmp_path}/perf.data --fields"
    assert (tmp_path / "said").read_text().splitlines()[::2] == [
        f"{start} comm,tid,event,ip,sym,dso --no-inline",
        f"{start} comm,tid,event,ip,sym,dso,srcline --full-source-path",
        f"{start} comm,tid,time,event,ip,sym,dso --no-inline --ns",
    ]
    assert set((tmp_path / "said").read_text().splitlines()[1::2]) == {"/srv/perfconfig"}


def test_what_perf_says_of_missing_symbols_is_kept(pretending, tmp_path: Path) -> None:
    said = "Failed to open /srv/x, continuing without symbols"
    capture = read(sampled([0], [1]), pretending(f"{HALF}; {HALF}; echo '{said}' >&2"), tmp_path)
    assert said in capture.notes


@REAL
def test_an_empty_file_says_that_nothing_was_sampled(system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no samples.*record for longer"):
        read(sampled(), system, tmp_path)


def perf(*argv: object, cwd: Path) -> str:
    done = subprocess.run(
        ["perf", *map(str, argv)], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warehouse")
    source = PROGRAMS / "warehouse.cc"
    subprocess.run(
        ["g++", "-O2", "-g", "-fno-omit-frame-pointer", "-o", "warehouse", source, "-pthread"],
        cwd=folder,
        check=True,
    )
    return folder


def by_report(folder: Path, data: str) -> Counter[str]:
    """Samples of each symbol as `perf report` counts them."""
    columns = ("--no-children", "-g", "none", "-F", "sample,sym", "--percent-limit", "0", "-t", "\x01")
    text = perf("report", "--stdio", "--no-inline", "-i", data, *columns, cwd=folder)
    rows = re.findall(r"^ *(\d+) *\x01\[.\] (.*?) *$", text, re.MULTILINE)
    return Counter({re.sub(r"^0x?[0-9a-f]+$", "[unknown]", name): int(count) for count, name in rows})


@REAL
@pytest.mark.parametrize(
    "options",
    [
        ("-g",),
        ("--call-graph", "dwarf,8192"),
        (),
        ("-g", "-z"),
        ("-g", "-e", "cpu-clock"),
        ("-g", "--no-buildid"),
    ],
    ids=" ".join,
)
def test_as_perf_report_counts(options: tuple[str, ...], program: Path, system: System) -> None:
    event = () if "-e" in options else ("-e", "cpu-clock:u")
    perf(
        "record", "-q", "-F", "199", *event, *options, "-o", "data", "--", "./warehouse", "1500", cwd=program
    )
    profile = formats.read(program / "data", system).captures[0].profile
    ours: Counter[str] = Counter()
    for key, cost in costs(profile).items():
        ours[key.name] += cost.self
    assert +ours == by_report(program, "data")
    assert profile.total() > 20


@REAL
def test_a_recording_from_a_pipe(program: Path, system: System) -> None:
    with (program / "piped").open("wb") as out:
        record = [
            "perf",
            "record",
            "-q",
            "-F",
            "199",
            "-e",
            "cpu-clock:u",
            "-g",
            "-o",
            "-",
            "--",
            "./warehouse",
            "1500",
        ]
        subprocess.run(record, cwd=program, stdout=out, check=True)
    profile = formats.read(program / "piped", system).captures[0].profile
    assert {"warehouse::pack", "warehouse::Shelf<long>::count"} <= {key.name for key in costs(profile)}


@REAL
def test_source_lines_and_inlined_functions(program: Path, system: System) -> None:
    perf(
        "record",
        "-q",
        "-F",
        "99",
        "-e",
        "cpu-clock:u",
        "--call-graph",
        "dwarf",
        "-o",
        "lines",
        "--",
        "./warehouse",
        "1500",
        cwd=program,
    )
    profile = formats.read(program / "lines", system, ReadOptions(lines=True)).captures[0].profile
    found = {key.name: key.file for key, cost in costs(profile).items() if cost.self}
    assert found["weigh"] == found["warehouse::pack"] == str(PROGRAMS / "warehouse.cc")
    lines = {
        profile.frame_line[frame]
        for frame, function in enumerate(profile.frame_function.tolist())
        if profile.key(function).name == "weigh"
    }
    assert 22 in lines <= {0, 21, 22, 23}
