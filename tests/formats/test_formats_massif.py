"""massif: the peak, its functions and the series, and everything that can be wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples" / "massif"
PEAK = 16 * 16384 + 5 * 512 + 12 * 100 + 8 * 24 + 3 * 40
HEAD = "desc: (none)\ncmd: ./a\ntime_unit: ms\n"


def snapshot(number: int, heap: int, tree: str = "empty", *, time: int | None = None) -> str:
    return (
        f"#-----------\nsnapshot={number}\n#-----------\ntime={number if time is None else time}\n"
        f"mem_heap_B={heap}\nmem_heap_extra_B=8\nmem_stacks_B=0\nheap_tree={tree}\n"
    )


@pytest.fixture
def read(system: System, tmp_path: Path):
    def reading(text: str) -> Capture:
        (tmp_path / "m").write_text(text)
        return formats.read(tmp_path / "m", system)

    return reading


def own(capture: Capture) -> dict[str, int]:
    return {key.name: cost.self for key, cost in costs(capture.captures[0].profile).items() if cost.self}


def peak_of(capture: Capture) -> float:
    (metric,) = capture.metrics
    assert (metric.name, metric.unit, metric.exact) == ("memory.peak", "bytes", True)
    return metric.samples[0]


def paths(profile: Profile) -> set[tuple[str, ...]]:
    names = [profile.strings[i] for i in profile.function_name]
    return {
        tuple(names[profile.frame_function[f]] for f in profile.frames_of(s))
        for s in profile.sample_stack.tolist()
    }


def test_the_peak_is_that_of_the_program(system):
    capture = formats.read(SAMPLES / "peak.out", system)
    assert peak_of(capture) == capture.captures[0].profile.total() == PEAK
    assert own(capture) == {"harvest": 16 * 16384, "[below massif's threshold]": PEAK - 16 * 16384}
    assert capture.captures[0].profile.fidelity == "exact"


def test_without_a_threshold_every_function_is_named(system):
    capture = formats.read(SAMPLES / "stacks.out", system)
    assert own(capture) == {
        "harvest": 16 * 16384,
        "store": 5 * 512,
        "prune": 12 * 100,
        "chain": 8 * 24,
        "hedge": 3 * 40,
    }
    assert {path[0] for path in paths(capture.captures[0].profile)} == {"main"}
    assert {s.name for s in capture.series} == {"memory.heap", "memory.heap.extra", "memory.stacks"}


def test_pages_belong_to_whoever_called_malloc_or_mmap(system):
    capture = formats.read(SAMPLES / "pages.out", system)
    assert peak_of(capture) == capture.captures[0].profile.total()
    assert not {"mmap", "__mmap64", "malloc", "sysmalloc", "brk"} & own(capture).keys()


def test_memory_that_only_grows_has_its_largest_snapshot_for_a_peak(system):
    capture = formats.read(SAMPLES / "grow.out", system)
    assert peak_of(capture) == 5 * 4096
    assert own(capture) == {"store": 5 * 4096}
    assert "marked no peak" in capture.notes[0]


def test_without_any_tree_there_is_the_size_and_a_note(system):
    capture = formats.read(SAMPLES / "bare.out", system)
    assert (peak_of(capture), capture.captures) == (5 * 4096, ())
    assert "no snapshot says who held the memory" in capture.notes[1]


def test_the_tree_of_a_smaller_snapshot_is_not_passed_for_the_peak(read):
    tree = "n1: 10 (heap allocation functions) malloc\n n0: 10 0x1: f (a.c:1)\n"
    capture = read(HEAD + snapshot(0, 10, "detailed") + tree + snapshot(1, 99))
    assert (peak_of(capture), own(capture)) == (99, {"f": 10})
    assert "those of snapshot 0 with 10 bytes, the largest one that names them; the peak has 99" in str(
        capture.notes
    )


def test_time_in_milliseconds_is_time(read):
    capture = read(HEAD + snapshot(0, 1, time=5) + snapshot(1, 3, time=2000))
    assert capture.series[0].t_ns == (5_000_000, 2_000_000_000)
    assert capture.series[0].values == (1, 3)
    assert not any("taken for nanoseconds" in note for note in capture.notes)


def test_a_stack_that_ends_in_the_middle_of_the_tree_counts_there(read):
    tree = (
        "n2: 100 (heap allocation functions) malloc\n n2: 90 0x1: f (a.c:1)\n  n0: 50 0x2: g (a.c:2)\n"
        "  n0: 30 in 3 places, all below massif's threshold (1.00%)\n n0: 10 in 1 place, below massif's threshold (1,00%)\n"
    )
    capture = read(HEAD + snapshot(0, 100, "peak") + tree)
    assert own(capture) == {"f": 90, "[below massif's threshold]": 10}
    assert paths(capture.captures[0].profile) == {
        ("f",),
        ("g", "f"),
        ("[below massif's threshold]", "f"),
        ("[below massif's threshold]",),
    }


@pytest.mark.parametrize(
    ("place", "name", "file", "module"),
    [
        ("0x1: f(void (*)(int)) (a b.c:3)", "f(void (*)(int))", "a b.c", ""),
        ("0x1: f (in /x (old)/lib.so)", "f", "", "/x (old)/lib.so"),
        ("0x1: f (/x (old)/a.c:3)", "f", "/x (old)/a.c", ""),
        ("0x1: ??? (in /bin/x)", "???", "", "/bin/x"),
        ("0x0: ???", "???", "", ""),
        ("0x1: ns::f() const (a.cc:1)", "ns::f() const", "a.cc", ""),
        ("0x1: operator()", "operator()", "", ""),
        ("0x1: f (a.rs:3:7)", "f", "a.rs", ""),
        ("0x1: a;b (in (x)", "a;b (in (x)", "", ""),
    ],
)
def test_places_are_taken_apart(read, place, name, file, module):
    tree = f"n1: 10 (heap allocation functions) malloc\n n0: 10 {place}\n"
    profile = read(HEAD + snapshot(0, 10, "peak") + tree).captures[0].profile
    assert [tuple(k) for k in profile.function_keys] == [(name, file, module)]


def test_a_command_of_several_lines_is_no_harm(read):
    assert peak_of(read(HEAD.replace("./a", "./a 'one\ntwo'") + snapshot(0, 7))) == 7


GOOD = HEAD + snapshot(0, 10, "peak") + "n1: 10 (heap allocation functions) x\n n0: 10 0x1: f (a.c:1)\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD, "has no snapshot"),
        (HEAD.replace("ms", "years") + snapshot(0, 1), "unknown unit of time 'years'"),
        (GOOD.replace("mem_heap_B=10", "mem_heap_B=ten"), "'ten' where a number should be"),
        (GOOD.replace("mem_heap_B=10", "mem_heap_B=11"), "the tree holds 10 bytes and mem_heap_B says 11"),
        (GOOD.replace("n1: 10", "n2: 10"), "ends in the middle of a snapshot"),
        (GOOD.replace("n1: 10", "n99999999: 10"), "not a line of a heap tree"),
        (GOOD.replace("n1: 10", "n-1: 10"), "not a line of a heap tree"),
        (GOOD.replace(" n0: 10", "   n0: 10"), "not a line of a heap tree"),
        (GOOD.replace(" n0: 10", " n0: 11"), "more than the node above it holds"),
        (GOOD.replace("=peak", "=huge"), "not 'heap_tree=empty', 'detailed' or 'peak'"),
        (GOOD.replace("mem_stacks_B=0", "mem_hats_B=0"), "not 'mem_stacks_B='"),
        (GOOD[:-20], "not a line of a heap tree|ends in the middle"),
        (HEAD + snapshot(0, 1, time=5) + snapshot(1, 1, time=4), "time goes back"),
        (GOOD.replace("mem_heap_B=10", "mem_heap_B=" + "9" * 30), "where a number should be"),
    ],
)
def test_a_damaged_file_is_an_error_with_its_line(read, text, reason):
    with pytest.raises(InputError, match=reason):
        read(text)


def test_every_cut_through_a_tree_is_found(read):
    """A file that ends inside of a snapshot must not pass for one with a smaller peak."""
    text = (SAMPLES / "stacks.out").read_text()
    peak = text.index("heap_tree=peak")
    end = text.index("#---", peak)
    for at in range(peak, end - 1, 7):
        with pytest.raises(InputError):
            read(text[:at])


def test_a_deep_stack_is_read(read):
    depth = 4000
    lines = [f"{' ' * i}n{1 if i < depth else 0}: 10 0x{i:x}: f{i} (a.c:{i})" for i in range(1, depth + 1)]
    text = HEAD + snapshot(0, 10, "peak") + "n1: 10 (heap allocation functions) x\n" + "\n".join(lines) + "\n"
    profile = read(text).captures[0].profile
    assert len(profile.frames_of(profile.sample_stack[0])) == depth
