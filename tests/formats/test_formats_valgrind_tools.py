"""What is read from valgrind's files, held against what valgrind's own printers say of programs in C, C++ and Rust."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from make_valgrind_samples import build

from perf_action import formats
from perf_action.formats.callgrind.file import call_graph
from perf_action.formats.circles import without_circles
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import Completed, System

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).resolve().parent / "programs"
_LANGUAGES = {
    "cc": ("g++", "-g", "-O1", "-pthread"),
    "rs": ("rustc", "-g", "-C", "opt-level=2"),
}
CALLGRIND = (
    "", "--separate-threads=yes", "--dump-instr=yes", "--collect-jumps=yes", "--compress-strings=no", "--separate-recs=1",
    "--compress-pos=no", "--separate-recs=3", "--separate-callers=2", "--collect-systime=nsec", "--collect-bus=yes",
    "--cache-sim=yes --branch-sim=yes", "--dump-instr=yes --dump-line=no", "--skip-plt=no", "--cache-sim=yes --simulate-wb=yes",
)  # fmt: skip

MASSIF = (
    "", "--stacks=yes", "--time-unit=B", "--time-unit=ms --threshold=0", "--pages-as-heap=yes", "--depth=2",
    "--peak-inaccuracy=0 --detailed-freq=1", "--max-snapshots=10", "--threshold=5",
)  # fmt: skip


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """The commands, by language."""
    folder = tmp_path_factory.mktemp("programs")
    commands = {"c": (str(build(folder)), "work"), "c memory": (str(folder / "orchard"), "memory")}
    commands["c errors"] = (str(folder / "orchard"), "errors")
    for suffix, compiler in _LANGUAGES.items():
        program = folder / f"vineyard-{suffix}"
        argv = [*compiler, "-o", str(program), str(PROGRAMS / f"vineyard.{suffix}")]
        subprocess.run(argv, check=True, cwd=folder, timeout=200)
        commands[suffix] = (str(program), "40")
    return commands


@pytest.fixture
def record(programs, tmp_path, system):
    """Runs a program under a tool; the files it wrote, and what it said."""

    def run(tool: str, language: str, options: str = "") -> tuple[list[Path], Completed]:
        name = "xml-file" if tool == "memcheck" else f"{tool}-out-file"
        to = [] if "--xml=no" in options else [f"--{name}={tmp_path / 'out'}"]
        argv = ["valgrind", f"--tool={tool}", *options.split(), *to, *programs[language]]
        done = system.run(argv, cwd=tmp_path, timeout=200)
        assert done.code == 0, done.stderr
        return sorted(p for p in tmp_path.glob("out*") if p.stat().st_size), done

    return run


def numbers(text: str) -> list[int]:
    """All numbers of a line, as valgrind writes them."""
    return [int(word.replace(",", "")) for word in re.findall(r"\d[\d,]*", text)]


def own(profile: Profile, kind: str) -> Counter[str]:
    column = profile.find_kind(kind)
    assert column is not None
    out: Counter[str] = Counter()
    for key, cost in costs(profile, column).items():
        out[key.name] += cost.self
    return +out


def profile_of(capture: Capture) -> Profile:
    return capture.captures[0].profile


# --- callgrind -------------------------------------------------------------------------------------------------------


def annotated(
    file: Path, system: System, *, inclusive: bool
) -> tuple[dict[str, list[tuple[str, list[int]]]], list[int]]:
    """Rows of callgrind_annotate by function, one for each file that its code is from, and the totals."""
    flag = "yes" if inclusive else "no"
    argv = [
        "callgrind_annotate",
        "--threshold=100",
        "--show-percs=no",
        "--auto=no",
        f"--inclusive={flag}",
        str(file),
    ]
    lines = system.run(argv, timeout=200).stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if "PROGRAM TOTALS" in line)
    totals = numbers(lines[at].partition("PROGRAM")[0])  # fewer than the events, where the summary has fewer
    (events,) = (line.split()[2:] for line in lines if line.startswith("Events shown:"))
    rows: dict[str, list[tuple[str, list[int]]]] = {}
    pattern = re.compile(r"\s*((?:(?:[\d,]+|\.)\s+){" + str(len(events)) + r"})([^:]*):(.*?)(?: \[[^\]]*\])?")
    for line in lines[at + 1 :]:
        found = pattern.fullmatch(line)
        if found:
            values = [0 if w == "." else int(w.replace(",", "")) for w in found[1].split()]
            rows.setdefault(found[3], []).append((found[2], values))
    return rows, totals


@pytest.mark.parametrize(
    ("language", "options"),
    [
        *(("cc", options) for options in CALLGRIND),
        *((language, options) for language in ("c", "rs") for options in CALLGRIND[:2]),
    ],
)
def test_self_costs_are_those_of_callgrind_annotate(record, system, language, options):
    files, _ = record("callgrind", language, options)
    for file in files:
        profile = profile_of(formats.read(file, system))
        rows, totals = annotated(file, system, inclusive=False)
        whole = {(key.name, key.file or "???") for key in profile.function_keys}
        # callgrind_annotate leaves out the folder of some files
        short = {(n, Path(f).name) for n, f in whole if all(source != f for source, _ in rows.get(n, ()))}
        for column, kind in enumerate(profile.kinds):
            wanted: Counter[str] = Counter()
            for name, parts in rows.items():
                for source, values in parts:
                    inlined = (name, source) not in whole and (name, Path(source).name) not in short
                    wanted[f"[inlined from {Path(source).name}]" if inlined else name] += values[column]
            found = own(profile, kind.kind)
            assert found["[unknown]"] + wanted.total() == profile.total(column)
            del found["[unknown]"]
            assert found == +wanted
            if column < len(totals):
                assert profile.total(column) == totals[column]


def on_a_circle(file: Path) -> set[str]:
    """Functions that may come to call themselves, as far as the calls say."""
    graph = call_graph(Source(file, ReadOptions()))
    calls = {pair: costs[0] for pair, costs in graph.calls.items() if costs[0]}
    left, _ = without_circles(calls, range(len(graph.functions)))
    pairs = [pair for pair, cost in calls.items() if left.get(pair) != cost]
    return {graph.functions[i].name for pair in pairs for i in pair}


@pytest.mark.parametrize("language", ["c", "cc", "rs"])
def test_inclusive_costs_are_those_of_callgrind_annotate(record, system, language):
    """Of all functions that are on no circle, and of which there is one: for the others its numbers add up what is
    nested, and a name stands for several.
    """
    (file,), _ = record("callgrind", language)
    profile = profile_of(formats.read(file, system))
    rows, _ = annotated(file, system, inclusive=True)
    names, circles = Counter(key.name for key in profile.function_keys), on_a_circle(file)
    checked = 0
    for key, cost in costs(profile).items():
        alone = names[key.name] == 1 and len(rows.get(key.name, ())) == 1
        # a thread begins in clone, which nobody called for that
        if alone and key.name not in circles and key.name != "clone":
            assert [cost.total] == rows[key.name][0][1], key
            checked += 1
    assert checked > 100


def test_parts_add_up_to_the_whole(record, system):
    files, _ = record("callgrind", "cc", "--dump-every-bb=100000")
    parts = [profile_of(formats.read(file, system)) for file in files]
    assert len(parts) > 1
    for file in files:
        file.unlink()
    (whole,), _ = record("callgrind", "cc", "--combine-dumps=yes --dump-every-bb=100000")
    assert profile_of(formats.read(whole, system)).total() == pytest.approx(
        sum(p.total() for p in parts), rel=1e-3
    )


# --- massif ----------------------------------------------------------------------------------------------------------


def printed_peak(text: str) -> tuple[int, Counter[int]]:
    """Of ms_print's text: the bytes of the peak snapshot, and those of each place right below its root."""
    number = re.search(r"(\d+) \(peak\)", text)
    assert number is not None
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if re.match(rf"\s+{number[1]}\s+[\d,]+\s", line))
    heap = numbers(lines[at])[3]
    places: Counter[int] = Counter()
    for line in lines[at + 2 :]:
        if re.match(r"\s+n\s+time", line) or line.startswith("---"):
            break
        found = re.match(r"->[\d.]+% \(([\d,]+)B\)", line)
        if found:
            places[numbers(found[1])[0]] += 1
    return heap, places


@pytest.mark.parametrize(
    ("language", "options"), [*(("cc", options) for options in MASSIF), ("c memory", ""), ("rs", "")]
)
def test_the_peak_is_that_of_ms_print(record, system, language, options):
    (file,), _ = record("massif", language, options)
    heap, places = printed_peak(system.run(["ms_print", "--threshold=0", str(file)]).stdout)
    capture = formats.read(file, system)
    profile = profile_of(capture)
    assert profile.total() == capture.metrics[0].samples[0] == heap
    if "pages" in options:
        return
    # the innermost function of each stack, unless all of it is an allocator's
    by_leaf: Counter[str] = own(profile, "peak")
    assert sum(size * times for size, times in places.items()) == heap
    assert by_leaf.total() == heap
    assert max(places) <= max(by_leaf.values())


# --- DHAT ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["c memory", "cc", "rs"])
def test_sums_are_those_that_dhat_says(record, system, language):
    (file,), done = record("dhat", language)
    said = {
        line.partition("== ")[2].partition(":")[0]: numbers(line.partition(": ")[2])
        for line in done.stderr.splitlines()
    }
    capture = formats.read(file, system)
    profile = profile_of(capture)
    total = {kind.kind: profile.total(column) for column, kind in enumerate(profile.kinds)}
    assert [total["allocated"], total["allocations"]] == said["Total"]
    assert total["peak"] == said["At t-gmax"][0]
    assert total["leaked"] == said["At t-end"][0]
    assert [total["read"], total["written"]] == [said["Reads"][0], said["Writes"][0]]
    assert not {
        name for name in own(profile, "allocated") if name in ("malloc", "operator new(unsigned long)")
    }


# --- memcheck --------------------------------------------------------------------------------------------------------

_SUMMARY = {
    "definite": "definitely lost", "indirect": "indirectly lost", "possible": "possibly lost",
    "reachable": "still reachable",
}  # fmt: skip


@pytest.mark.parametrize("language", ["c memory", "c errors", "cc", "rs"])
def test_leaks_and_errors_are_those_of_memchecks_log(record, system, language):
    options = "--leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=none"
    (file,), _ = record("memcheck", language, f"{options} --xml=yes")
    _, done = record("memcheck", language, f"{options} --xml=no")
    metrics = {m.name: m.samples[0] for m in formats.read(file, system).metrics}
    for kind, words in _SUMMARY.items():
        said = re.search(rf"{words}: ([\d,]+) bytes", done.stderr)
        assert metrics[f"memory.leak.{kind}"] == (numbers(said[1])[0] if said else 0)
    contexts = re.search(r"ERROR SUMMARY: \S+ errors from ([\d,]+) contexts", done.stderr)
    assert contexts is not None
    assert metrics["memory.errors"] == numbers(contexts[1])[0]
