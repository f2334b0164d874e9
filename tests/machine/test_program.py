"""What doctor says of real programs, each compiled as people compile them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from perf_action.machine.doctor.program import program_checks
from perf_action.machine.dwarf import read_units
from perf_action.machine.prologues import read_prologues
from perf_action.model.check import Check
from perf_action.model.finding import State
from perf_action.profilers.elf import read_elf

PASS, FAIL, UNKNOWN = State.PASS, State.FAIL, State.CANNOT_TELL


def checks(path: Path, root: Path = Path("/nonexistent")) -> dict[str, Check]:
    found = {check.name: check for check in program_checks(read_elf(path), root)}
    assert all(
        bool(check.remedy) == (check.state is FAIL) or check.state is UNKNOWN for check in found.values()
    )
    return found


def test_a_program_that_is_fit(compiler):
    seen = checks(compiler.c("-O2", "-g", "-fno-omit-frame-pointer", "-DNDEBUG"))
    assert {name: check.state for name, check in seen.items()} == dict.fromkeys(seen, PASS)
    assert seen["optimised build"].evidence == "-O2 in 1 unit"
    assert seen["debug symbols"].evidence == "debug information of 1 unit"
    assert seen["frame pointers"].evidence.startswith("3 of 3 functions set up a frame (a guess")


def test_a_program_without_debug_information_has_names_only(compiler):
    seen = checks(compiler.c("-O2"))
    assert seen["debug symbols"].evidence == "functions have names, but no files and lines"
    assert "CFLAGS='-O2 -g'" in seen["debug symbols"].remedy
    assert (seen["frame pointers"].state, seen["optimised build"].state) == (FAIL, UNKNOWN)
    assert seen["optimised build"].evidence == "no debug information of its own says how it was compiled"


def test_a_stripped_program(compiler):
    seen = checks(compiler.c("-O2", "-s"))
    assert (seen["debug symbols"].state, seen["debug symbols"].evidence) == (
        FAIL,
        "stripped: functions have no names",
    )
    assert (seen["frame pointers"].state, seen["frame pointers"].evidence) == (
        UNKNOWN,
        "it is stripped, so that its functions are not known",
    )


@pytest.mark.parametrize(
    ("options", "state", "evidence"),
    [
        (("-g",), FAIL, "-O0 in 1 unit"),
        (("-g", "-O0"), FAIL, "-O0 in 1 unit"),
        (("-g", "-O2", "-O0"), FAIL, "-O0 in 1 unit"),
        (("-g", "-O"), PASS, "-O1 in 1 unit"),
        (("-g", "-Os"), PASS, "-Os in 1 unit"),
        (("-g", "-O3", "-flto"), PASS, "-O3 in 2 units"),
        (("-gz", "-gdwarf-4", "-O2"), PASS, "-O2 in 1 unit"),
    ],
)
def test_gcc_says_how_much_it_optimised(compiler, options, state, evidence):
    check = checks(compiler.c(*options))["optimised build"]
    assert (check.state, check.evidence) == (state, evidence)


def test_assertions_and_sanitizers(compiler, tmp_path):
    source = tmp_path / "asserts.c"
    source.write_text("#include <assert.h>\nint main(int c, char **v) { assert(c); return v[0] == 0; }\n")
    for options, evidence in (
        ((), "assert() is compiled in"),
        (("-fsanitize=undefined",), "built with a sanitizer (ubsan)"),
    ):
        out = tmp_path / "asserts"
        subprocess.run(["gcc", "-O2", *options, source, "-o", out], check=True)
        check = checks(out)["debug assertions off"]
        assert check.state is FAIL
        assert evidence in check.evidence
    subprocess.run(["gcc", "-O2", "-DNDEBUG", source, "-o", out], check=True)
    assert checks(out)["debug assertions off"].state is PASS


def test_debug_information_apart_counts(compiler, tmp_path):
    """As Debian's -dbgsym packages have it, by build id, and beside the program, by its link."""
    program, root = tmp_path / "program", tmp_path / "root"
    shutil.copy(compiler.c("-O2", "-g"), program)
    elf = read_elf(program)
    apart = root / "usr/lib/debug/.build-id" / elf.build_id[:2] / f"{elf.build_id[2:]}.debug"
    apart.parent.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", program, apart], check=True)
    subprocess.run(["strip", program], check=True)
    assert checks(program)["debug symbols"].state is FAIL
    assert checks(program, root)["debug symbols"].evidence == f"debug information in {apart}"
    beside = tmp_path / ".debug/other.debug"
    beside.parent.mkdir()
    apart.rename(tmp_path / "other.debug")
    subprocess.run(["objcopy", "--add-gnu-debuglink=other.debug", program], check=True, cwd=tmp_path)
    (tmp_path / "other.debug").rename(beside)
    assert checks(program, root)["debug symbols"].evidence == f"debug information in {beside}"


def test_nothing_can_be_put_into_a_static_program(compiler):
    check = checks(compiler.c("-O2", "-static"))["linking"]
    assert check.state is FAIL
    assert check.remedy.startswith("link dynamically (Rust: a gnu target")


@pytest.mark.slow
def test_rust_as_released_by_default(compiler):
    """Names only: the debug information in it is that of the standard library."""
    seen = checks(compiler.rust("-O"))
    assert seen["debug symbols"].state is FAIL
    assert seen["debug symbols"].evidence.startswith(
        "functions have names, but no files and lines; the debug information is of"
    )
    assert seen["frame pointers"].state is FAIL
    assert seen["debug assertions off"].state is PASS
    assert seen["optimised build"].state is UNKNOWN


@pytest.mark.slow
def test_rust_as_it_should_be(compiler):
    path = compiler.rust("-O", "-g", "-C", "force-frame-pointers=yes")
    seen = checks(path)
    assert {name: check.state for name, check in seen.items()} == dict.fromkeys(seen, PASS), seen
    units = read_units(path)
    assert units.own
    assert units.libraries
    assert units.moving / units.variables > 0.3
    assert seen["optimised build"].evidence.endswith(
        "variables move between places, as only an optimiser lets them"
    )


@pytest.mark.slow
def test_rust_in_debug(compiler):
    seen = checks(compiler.rust("-g"))
    assert seen["optimised build"].state is FAIL
    assert "an optimiser would move most of them" in seen["optimised build"].evidence
    assert seen["debug assertions off"].state is not PASS


@pytest.mark.slow
def test_rust_released_with_assertions(compiler):
    seen = checks(compiler.rust("-O", "-C", "debug-assertions=on"))
    assert seen["debug assertions off"].state is not PASS
    assert "debug-assertions" in seen["debug assertions off"].remedy


@pytest.mark.slow
@pytest.mark.parametrize("mangling", [(), ("-C", "symbol-mangling-version=v0")])
def test_rusts_own_libraries_keep_frame_pointers_whatever_the_program_does(compiler, mangling):
    seen = read_prologues(compiler.rust("-O", *mangling))
    assert 0 < seen.functions < 30
    assert seen.share <= 0.2
    assert read_prologues(compiler.rust("-O", *mangling, "-C", "force-frame-pointers=yes")).share == 1.0


@pytest.mark.parametrize(
    ("manifest", "folder", "state", "evidence"),
    [
        ("", "release", PASS, "it lies in cargo's target/release"),
        ("[profile.release]\ndebug = true\n", "release", PASS, "it lies in cargo's target/release"),
        (
            "[profile.release]\nopt-level = 3\n",
            "release",
            PASS,
            "it lies in cargo's target/release, with opt-level = 3",
        ),
        (
            "[profile.release]\nopt-level = 0\n",
            "release",
            FAIL,
            "Cargo.toml: profile.release has opt-level = 0",
        ),
        ("", "debug", FAIL, "it lies in cargo's target/debug"),
        ("[profile.bench]\nopt-level = 's'\n", "bench", PASS, "it lies in cargo's target/bench"),
    ],
)
@pytest.mark.slow
def test_cargo_says_how_a_program_without_debug_information_was_built(
    compiler, tmp_path, manifest, folder, *, state, evidence
):
    program = tmp_path / "target" / folder / "program"
    program.parent.mkdir(parents=True)
    (tmp_path / "Cargo.toml").write_text(f"[package]\nname = 'x'\n{manifest}")
    shutil.copy(compiler.rust("-O"), program)
    check = checks(program)["optimised build"]
    assert (check.state, check.evidence.startswith(evidence)) == (state, True), check


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "optimised", "symbols"),
    [
        ((), PASS, PASS),
        (("-gcflags=all=-N -l",), FAIL, PASS),
        (("-gcflags=-l",), PASS, PASS),
        (("-ldflags=-s -w",), PASS, FAIL),
    ],
)
def test_go(compiler, options, optimised, symbols):
    seen = checks(compiler.go(*options))
    assert seen["optimised build"].state is optimised
    assert seen["debug symbols"].state is symbols
    assert seen["frame pointers"].evidence == "Go always keeps them"
    assert seen["linking"].state is PASS
