"""heaptrack's files, held against heaptrack_print and against a reading of them that is slow and plain."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError, ToolMissing
from perf_action.formats.allocators import callers_only
from perf_action.formats.heaptrack.suppressions import BUILT_IN, matches, patterns
from perf_action.formats.source import ReadOptions
from perf_action.formats.symbols import demangle
from perf_action.model.profile import UNKNOWN, Profile
from perf_action.model.snapshot import Capture
from perf_action.system import System

HERE = Path(__file__).resolve().parent
SAMPLES = sorted((HERE / "samples" / "heaptrack").iterdir())
KINDS = ("allocations", "temporary", "leaked", "peak")
HEAD = "v 10400 3\nX ./shop\nI 1000 5e298d\n"
TABLES = (
    "s 9 /srv/shop\ns 4 main\ns 6 shop.c\ns 5 serve\ns 1b operator new(unsigned long)\n"
    "i 10 1 2 3 a\nt 1 0\ni 20 1 4 3 14\nt 2 1\ni 30 1 5\nt 3 2\ni 40 1\nt 4 1\n"
)
END = "# strings: 5\n# ips: 4\n"


def read(folder: Path, text: str | bytes, system: System) -> Capture:
    path = folder / "heaptrack.shop.1"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return formats.read(path, system)


def refused(folder: Path, text: str | bytes, system: System, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(folder, text, system)


def values(capture: Capture) -> dict[str, dict[str, int]]:
    """Value of each kind by stack, as text."""
    profile = capture.captures[0].profile
    names = [profile.key(f).name for f in profile.frame_function.tolist()]
    out: dict[str, dict[str, int]] = {kind.kind: {} for kind in profile.kinds}
    for stack, row in zip(profile.sample_stack.tolist(), profile.sample_values.tolist(), strict=True):
        text = ";".join(names[frame] for frame in profile.frames_of(stack))
        for kind, value in zip(profile.kinds, row, strict=True):
            if value:
                out[kind.kind][text] = value
    return out


def test_what_is_live_at_the_peak_at_the_end_and_gone_at_once(system: System, tmp_path: Path) -> None:
    events = "a 64 2\na 10 1\n+ 0\n+ 1\n+ 0\n- 0\nc a\n- 0\nR 9\n+ 1\nc 14\n"
    capture = read(tmp_path, HEAD + TABLES + events + END, system)
    assert values(capture) == {
        "peak": {"main;serve": 200, "main": 16},
        "leaked": {"main": 32},
        "allocated": {"main;serve": 200, "main": 32},
        "allocations": {"main;serve": 2, "main": 2},
        "temporary": {"main;serve": 2},  # after a free, the entry 0 is the last one to heaptrack
    }
    assert {m.name: m.samples[0] for m in capture.metrics} == {
        "memory.peak": 216,
        "memory.allocations": 4,
        "memory.allocated": 232,
        "memory.allocations_per_second": pytest.approx(4 / 0.021),
        "memory.allocation_rate": pytest.approx(232 / 0.021),
    }
    (series,) = capture.series
    assert (series.t_ns, series.values) == ((10_000_000, 20_000_000), (116, 32))
    assert capture.captures[0].profile.duration_ns == 21_000_000


def test_allocation_functions_are_no_frames(system: System, tmp_path: Path) -> None:
    capture = read(tmp_path, HEAD + TABLES + "a 8 3\na 8 4\n+ 0\n+ 1\n" + END, system)
    assert values(capture)["peak"] == {"main;serve": 8, f"main;{UNKNOWN}": 8}
    profile = capture.captures[0].profile
    assert {key.module for key in profile.function_keys if key.name != UNKNOWN} == {"shop"}
    assert {key.name: key.file for key in profile.function_keys}["serve"] == "shop.c"


def test_an_allocation_without_a_stack_is_unknown(system: System, tmp_path: Path) -> None:
    capture = read(tmp_path, HEAD + TABLES + "a 8 0\n+ 0\n" + END, system)
    assert values(capture)["leaked"] == {UNKNOWN: 8}


def test_inlined_functions_are_inside_of_those_that_they_are_inlined_in(
    system: System, tmp_path: Path
) -> None:
    tables = (
        "s 4 shop\ns 4 main\ns 6 shop.c\ns 4 outs\ns 3 ins\ns 4 leaf\ns 4 soft\n"
        "i 10 1 2 3 1\nt 1 0\ni 20 1 5 3 2 4 3 3\nt 2 1\ni 30 1 7 3 4 6 3 5\nt 3 2\n"
    )
    capture = read(tmp_path, HEAD + tables + "a 8 3\n+ 0\n# strings: 7\n# ips: 3\n", system)
    # where it was allocated, the function that is not inlined is the last one, as heaptrack_print has it
    assert values(capture)["leaked"] == {"main;outs;ins;soft;leaf": 8}


def test_known_leaks_are_not_counted_but_said(system: System, tmp_path: Path) -> None:
    tables = TABLES.replace("s 5 serve", "s e tzset_internal")
    capture = read(tmp_path, HEAD + "S leak:shop.x\n" + tables + "a 8 2\na 9 1\n+ 0\n+ 1\n" + END, system)
    assert values(capture)["leaked"] == {"main": 9}
    assert values(capture)["peak"] == {"main": 9, "main;tzset_internal": 8}
    assert capture.notes == (
        "8 bytes of leaks are not counted: heaptrack knows them, or the program names them, as harmless",
    )
    named = read(tmp_path, HEAD + "S leak:/srv/sh*p$\n" + TABLES + "a 8 2\n+ 0\n" + END, system)
    assert values(named)["leaked"] == {}


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("cache", "price_cache_new", True),
        ("^cache", "price_cache", False),
        ("^price", "price_cache", True),
        ("cache$", "price_cache", True),
        ("cache$", "price_cache_new", False),
        ("price*new", "price_cache_new", True),
        ("price*old", "price_cache_new", False),
        ("price_cache_new*", "price_cache_new", True),
        ("*", "anything", True),
        ("x*$", "axb", True),
        ("foo$", "foofoo", False),  # the first place where it occurs counts
        ("", "anything", True),
        ("anything", "", False),
    ],
)
def test_patterns_of_leaks(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_lines_that_are_no_patterns_are_nothing() -> None:
    assert patterns(["# comment", "", " leak:a \t", "12 leak:b", "leak:"]) == ("a",)
    assert all(matches(pattern, pattern) for pattern in BUILT_IN)


def test_older_files(system: System, tmp_path: Path) -> None:
    tables = re.sub(r"(?m)^s [0-9a-f]+ ", "s ", TABLES)
    for head in ("v 10200\n", "v 10100 1\n", "v 10200 2\n"):
        text = head + "X ./shop\nI 1000 5e298d\n" + tables + "a 8 2\n+ 0\n" + END
        assert values(read(tmp_path, text, system))["leaked"] == {"main;serve": 8}
    refused(tmp_path, f"v 10000 0\n{tables}{END}", system, "line 1: says that it is of version 0")
    refused(tmp_path, f"v 20000 9\n{tables}{END}", system, r"version 9 \(by heaptrack 2.0.0\)")


def test_a_command_may_have_several_lines(system: System, tmp_path: Path) -> None:
    text = HEAD.replace("./shop", "python3 -c import json\n- 5\nt 1\n") + TABLES + "a 8 2\n+ 0\n" + END
    assert values(read(tmp_path, text, system))["leaked"] == {"main;serve": 8}


def test_attached(system: System, tmp_path: Path) -> None:
    assert "attached" in read(tmp_path, HEAD + "A\n" + TABLES + "a 8 2\n+ 0\n" + END, system).notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + TABLES + "a 8 2\n+ 0\n", "cut off"),
        (HEAD + TABLES + "a 8 2\n+ 0", "cut off"),
        (HEAD, "cut off"),
        (HEAD + TABLES.replace("s 5 serve\n", ""), "line 12: names a string"),
        (HEAD + TABLES + "a 8 2\n+ 0\n# strings: 6\n# ips: 4\n", "damaged: parts"),
        (HEAD + TABLES + "a 8 2\n- 0\n" + END, "more is freed"),
        (HEAD + TABLES + "a 8 2\n+ 0\n+ 1\n" + END, "line 19: names allocation 1 of 1"),
        (HEAD + TABLES + "+ 0\n" + END, "line 17: names allocation 0 of 0"),
        (HEAD + TABLES + "a 8 9\n+ 0\n" + END, "line 17: names a stack"),
        (HEAD + TABLES + "t 1 5\n" + END, "line 17: names a place or a caller"),
        (HEAD + TABLES + "t 9 1\n" + END, "line 17: names a place or a caller"),
        (HEAD + TABLES + "t 1\n" + END, "line 17: has something else"),
        (HEAD + TABLES + "t 1 x\n" + END, "line 17: has something else"),
        (HEAD + TABLES + "a 8 2\n+ 0g\n" + END, "line 18: has something else"),
        (HEAD + TABLES + "a 8 2\n+ A\n" + END, "line 18: has something else"),
        (HEAD + TABLES + "a 8 2\n+\n" + END, "line 18: has another form"),
        (HEAD + TABLES + "a 8 2\n+ \n" + END, "line 18: has another form"),
        (HEAD + TABLES + "a 8 2\n+0\n" + END, "line 18: has another form"),
        (HEAD + TABLES + "a 8 2\n+_0\n" + END, "line 18: has something else"),
        (HEAD + TABLES + "a 8 2\n+ 000000000\n" + END, "line 18: has another form"),
        (HEAD + TABLES + "a ffffffffffffffff 2\n" + END, "line 17: .* is too large"),
        (HEAD + TABLES + "a 3fffffffffffffff 2\n+ 0\n+ 0\n+ 0\n" + END, "more bytes than a profile can hold"),
        (HEAD + TABLES + "s 5 ser\n" + END, "line 17: is shorter or longer"),
        (HEAD + TABLES + "i\n" + END, "line 17: has another form"),
        (HEAD + TABLES + "q 5\n" + END, "line 17: is no line of a heaptrack file"),
        (HEAD + TABLES + "c x\n" + END, "line 17: has something else"),
        (HEAD + TABLES + "s " + "x" * (1 << 25), "line 17: a line has no end"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str, system: System, tmp_path: Path) -> None:
    refused(tmp_path, text, system, words)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_no_end_is_missed(path: Path, system: System, tmp_path: Path) -> None:
    packed = path.read_bytes()
    refused(tmp_path, packed[:-20], system, "cut off|broken")
    if path.suffix == ".zst":
        text = zstandard.decompress(packed)
        for cut in range(2, len(text), 997):
            refused(
                tmp_path, text[:-cut], system, "cut off|damaged|another form|something else|shorter|is empty"
            )


def test_very_deep_stacks(system: System, tmp_path: Path) -> None:
    deep = "".join(f"t 2 {n:x}\n" for n in range(5, 100_004))
    capture = read(tmp_path, HEAD + TABLES + "t 2 1\n" + deep + "a 8 186a3\n+ 0\n" + END, system)
    profile = capture.captures[0].profile
    assert len(profile.frames_of(int(profile.sample_stack[0]))) == 100_000


def test_hostile_names_stay_names(system: System, tmp_path: Path) -> None:
    names = [b"a;b\x1b[31m", b"\xff\xfe", b"x" * 100_000, "<script>é".encode()]
    strings = b"".join(b"s %x %s\n" % (len(name), name) for name in [b"shop", *names])
    places = b"".join(b"i %x 1 %x 0 0\nt %x 0\na 8 %x\n+ %x\n" % (n, n + 1, n, n, n - 1) for n in range(1, 5))
    capture = read(tmp_path, HEAD.encode() + strings + places + b"# strings: 5\n# ips: 4\n", system)
    assert set(values(capture)["leaked"]) == {"a;b\x1b[31m", "\\xff\\xfe", "x" * 100_000, "<script>é"}


EVENTS = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=60)


@given(events=EVENTS, sizes=st.lists(st.integers(0, 1 << 40), min_size=5, max_size=5))
@settings(max_examples=60)
def test_any_events_are_counted_as_one_by_one(
    events: list[tuple[bool, int]], sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    calls, temporary, live, peak = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    text, total, most, last = "".join(f"a {size:x} {n % 4 + 1:x}\n" for n, size in enumerate(sizes)), 0, 0, 0
    for comes, entry in events:
        if not comes and not live[entry]:
            continue
        text += f"{'+' if comes else '-'} {entry:x}\n"
        live[entry] += 1 if comes else -1
        total += sizes[entry] if comes else -sizes[entry]
        calls[entry] += comes
        temporary[entry] += not comes and last == entry
        last = entry if comes else 0
        if total > most:
            most, peak = total, live.copy()
    capture = read(tmp_path_factory.mktemp("any"), HEAD + TABLES + text + END, System({}))
    found = {kind: sum(stacks.values()) for kind, stacks in values(capture).items()}
    expected = {
        "peak": sum(sizes[n] * peak[n] for n in peak),
        "leaked": sum(sizes[n] * live[n] for n in live),
        "allocated": sum(sizes[n] * calls[n] for n in calls),
        "allocations": calls.total(),
        "temporary": temporary.total(),
    }
    assert found == expected
    assert capture.metrics[0].samples == (most,)


def test_pieces_of_a_large_file_add_up(system: System, tmp_path: Path) -> None:
    events = "+ 0\n+ 1\n- 1\n" * 100_000 + "- 0\n" * 50_000 + "c 5\n"
    capture = read(tmp_path, HEAD + TABLES + "a 8 2\na 7 1\n" + events + END, system)
    assert values(capture) == {
        "peak": {"main;serve": 800_000, "main": 7},
        "leaked": {"main;serve": 400_000},
        "allocated": {"main;serve": 800_000, "main": 700_000},
        "allocations": {"main;serve": 100_000, "main": 100_000},
        "temporary": {"main;serve": 49_999 + 1, "main": 100_000},
    }
    assert capture.series[0].values == (400_000,)


def test_more_bytes_than_there_are_is_refused(system: System, tmp_path: Path) -> None:
    events = "+ 0\n- 0\n" * 300_000
    refused(
        tmp_path, HEAD + TABLES + "a 1fffffffffff 2\n" + events + END, system, "more bytes than a profile"
    )


def test_a_raw_file_needs_heaptracks_own_tool(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_text("v 10400 3\nx d /tmp/ht/shop\nX ./shop\nI 1000 5e298d\nm 1 -\n")
    with pytest.raises(ToolMissing, match="apt-get install heaptrack"):
        formats.read(raw, System({"PATH": str(tmp_path)}))
    with pytest.raises(InputError, match="raw heaptrack file from another machine"):
        formats.read(raw, System(), ReadOptions(inside=tmp_path))


def printed(path: Path, kind: str, folder: Path) -> Counter[str]:
    """Self values by function, as ``heaptrack_print -F`` has them."""
    out = folder / "folded"
    argv = ["heaptrack_print", "-t", "0", "--flamegraph-cost-type", kind, "-F", str(out), str(path)]
    assert System().run(argv).code == 0
    found: Counter[str] = Counter()
    for line in out.read_text(errors="backslashreplace").splitlines():
        stack, _, value = line.rpartition(" ")
        names = [
            re.sub(r" \((?:[\w.+-]*\.\w+|tuple|ostream)\)$", "", frame) for frame in stack.split(";") if frame
        ]
        names = [UNKNOWN if re.match("0x[0-9a-f]+$", name) else demangle(name) for name in names]
        found[names[callers_only(names) - 1]] += int(value)
    return +found


def own(profile: Profile, kind: str) -> Counter[str]:
    column = profile.find_kind(kind)
    assert column is not None
    found: Counter[str] = Counter()
    for stack, value in zip(profile.sample_stack, profile.sample_values[:, column].tolist(), strict=True):
        frame = profile.stack_frame[stack]
        found[profile.key(int(profile.frame_function[frame])).name] += value
    return +found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "level", "symbols"),
    [
        ("heap_shop.c", "0", "-g"),
        ("heap_shop.cc", "0", "-g"),
        ("heap_shop.cc", "2", "-g"),
        ("heap_shop.cc", "2", "-s"),
        ("heap_shop.rs", "2", "-g"),
    ],
)
def test_new_captures_are_read_as_heaptrack_print_reads_them(
    program: str, level: str, symbols: str, system: System, tmp_path: Path
) -> None:
    source = str(HERE / "programs" / program)
    if program.endswith(".rs"):
        strip = ["-C", "strip=symbols"] if symbols == "-s" else ["-g"]
        argv = ["rustc", "-C", f"opt-level={level}", *strip, "-o", "shop", source]
    else:
        compiler = "g++" if program.endswith(".cc") else "gcc"
        argv = [compiler, f"-O{level}", symbols, "-rdynamic", "-pthread", "-o", "shop", source]
    assert system.run(argv, cwd=tmp_path).code == 0
    for options in ([], ["--raw"]):
        assert system.run(["heaptrack", *options, "-o", "out", "./shop"], cwd=tmp_path).code == 0
    done = next(path for path in tmp_path.glob("out.*") if "raw" not in path.name)
    profile = formats.read(done, system).captures[0].profile
    for kind in KINDS:
        assert own(profile, kind) == printed(done, kind, tmp_path)
    raw = formats.read(next(tmp_path.glob("out.raw.*")), system).captures[0].profile
    counts = profile.find_kind("allocated"), raw.find_kind("allocated")
    assert abs(profile.total(counts[0] or 0) - raw.total(counts[1] or 0)) < 4096  # two runs
    assert {key.name for key in raw.function_keys} & {key.name for key in profile.function_keys} - {UNKNOWN}


@pytest.mark.slow
@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_samples_are_read_as_heaptrack_print_reads_them(path: Path, system: System, tmp_path: Path) -> None:
    profile = formats.read(path, system).captures[0].profile
    copy = Path(shutil.copy(path, tmp_path))
    for kind in KINDS:
        assert own(profile, kind) == printed(copy, kind, tmp_path)
