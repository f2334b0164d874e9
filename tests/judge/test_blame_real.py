"""The whole way, with real compilers and a real profiler: two commits, two builds, counted instructions, and the changed
line that is named.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perf_action import formats
from perf_action.compare import CompareOptions, compare
from perf_action.judge.blame import blame
from perf_action.machine.touched import touched
from perf_action.machine.worktree import Checkout
from perf_action.model.change import Verdict
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence, Suspect
from perf_action.system import System

pytestmark = pytest.mark.slow  # compilers and callgrind

C = """#include <stdio.h>

__attribute__((noinline)) static unsigned encode(unsigned n) {
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i++) sum = sum * 31 + i;
    return sum;
}

/* Everything of a page. */
__attribute__((noinline)) static unsigned serialize_all(unsigned n) {
    unsigned sum = 0;
    sum += encode(n);
    return sum;
}

__attribute__((noinline)) static unsigned check(unsigned n) {
    unsigned sum = 1;
    for (unsigned i = 1; i < n; i++) sum ^= sum * i;
    return sum;
}

int main(void) {
    unsigned sum = 0;
    for (unsigned i = 0; i < 200; i++) sum += serialize_all(1000) + check(2000);
    printf("%u\\n", sum);
    return 0;
}
"""
CPP = """#include <cstdio>
namespace shop {
struct Codec {
    template <class T> __attribute__((noinline)) T encode(T n) const {
        T sum = 0;
        for (T i = 0; i < n; i++) sum = sum * 31 + i;
        return sum;
    }
};
struct Page {
    Codec codec;
    __attribute__((noinline)) unsigned serialize_all(unsigned n) const {
        unsigned sum = 0;
        sum += codec.encode<unsigned>(n);
        return sum;
    }
};
__attribute__((noinline)) unsigned check(unsigned n) {
    unsigned sum = 1;
    for (unsigned i = 1; i < n; i++) sum ^= sum * i;
    return sum;
}
}
int main() {
    shop::Page page;
    unsigned sum = 0;
    for (unsigned i = 0; i < 200; i++) sum += page.serialize_all(1000) + shop::check(2000);
    std::printf("%u\\n", sum);
}
"""
RUST = """struct Page;

#[inline(never)]
fn encode(n: u32) -> u32 {
    let mut sum = 0u32;
    for i in 0..std::hint::black_box(n) {
        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(i));
    }
    sum
}

impl Page {
    #[inline(never)]
    fn serialize_all(&self, n: u32) -> u32 {
        let mut sum = 0u32;
        sum = sum.wrapping_add(encode(n));
        sum
    }
}

#[inline(never)]
fn check(n: u32) -> u32 {
    let mut sum = 1u32;
    for i in 1..std::hint::black_box(n) {
        sum ^= std::hint::black_box(sum.wrapping_mul(i));
    }
    sum
}

fn main() {
    let mut sum = 0u32;
    for _ in 0..200 {
        sum = sum.wrapping_add(Page.serialize_all(1000)).wrapping_add(check(2000));
    }
    println!("{sum}");
}
"""
#: file, build, source, the call that is made twice, and its line
CASES = {
    "c": ("shop.c", ["gcc", "-O1", "-g"], C, "sum += encode(n);", 12),
    "c++": ("shop.cpp", ["g++", "-O1", "-g"], CPP, "sum += codec.encode<unsigned>(n);", 14),
    "rust": ("shop.rs", ["rustc", "-C", "opt-level=1", "-g"], RUST, "sum = sum.wrapping_add(encode(n));", 16),
}  # fmt: skip


def git(where: Path, *args: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *who, *args], cwd=where, check=True, capture_output=True, text=True
    ).stdout.strip()


def counted(folder: Path, build: list[str], source: Path, system: System) -> Snapshot:
    """Instructions of one run, counted by callgrind."""
    folder.mkdir()
    program, out = folder / "shop", folder / "callgrind.out"
    subprocess.run([*build, "-o", str(program), str(source)], check=True, capture_output=True)
    wrapped = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--dump-instr=no", str(program)]
    subprocess.run(wrapped, check=True, capture_output=True, timeout=120)
    found = formats.read(out, system)
    return Snapshot(label=folder.name, captures=found.captures)


def found(tmp_path: Path, system: System, case: str, changed: str) -> tuple[tuple[Suspect, ...], set[str]]:
    """The suspects of a change of the source, and the functions that got worse."""
    name, build, source, _, _ = CASES[case]
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    sides = []
    for side, text in (("base", source), ("head", changed)):
        (repository / name).write_text(text)
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", side)
        commit = git(repository, "rev-parse", "HEAD")
        checkout = Checkout(path=repository, commit=commit, tree=git(repository, "rev-parse", "HEAD^{tree}"))
        sides.append((checkout, counted(tmp_path / side, build, repository / name, system)))
    (base_at, base), (head_at, head) = sides
    files = touched(base_at, head_at, system)
    comparison = compare(base, head, CompareOptions(touched=files))
    worse = {f.name for f in comparison.functions if f.verdict is Verdict.REGRESSION}
    return blame(comparison, head, base, files), worse


@pytest.mark.parametrize("case", CASES)
def test_the_line_that_calls_twice_is_named(tmp_path: Path, system: System, case: str) -> None:
    _, _, source, call, line = CASES[case]
    suspects, worse = found(
        tmp_path, system, case, source.replace(call, f"{call} {call.replace('n)', 'n + 1)')}")
    )
    encode = next(name for name in worse if "encode" in name)
    suspect = next(s for s in suspects if s.function == encode)
    assert suspect.changed.endswith("serialize_all")
    assert (suspect.relation, suspect.confidence, suspect.lines) == (
        "calls it",
        Confidence.HIGH,
        ((line, line),),
    )
    assert not any("check" in s.changed for s in suspects)


@pytest.mark.parametrize("case", CASES)
def test_a_comment_is_no_suspect_and_the_line_that_asks_for_more_is(
    tmp_path: Path, system: System, case: str
) -> None:
    _, _, source, _, _ = CASES[case]
    more = source.replace("1000", "1400").replace("sum ^=", "/* why */ sum ^=")
    suspects, worse = found(tmp_path, system, case, more)
    assert any("encode" in name for name in worse)
    assert {s.changed for s in suspects if "encode" in s.function} == {"main"}
    assert not any("check" in s.changed for s in suspects)


def test_a_change_of_what_costs_nothing_accuses_nobody(tmp_path: Path, system: System) -> None:
    _, _, source, _, _ = CASES["c"]
    suspects, worse = found(tmp_path, system, "c", source.replace('"%u\\n"', '"is %u\\n"'))
    assert (suspects, worse) == ((), set())
