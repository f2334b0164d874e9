"""What programs of today's compilers say of themselves, and what damaged ones must not do."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_action.errors import InputError
from perf_action.machine.dwarf import read_units
from perf_action.machine.prologues import read_prologues
from perf_action.profilers.elf import contains, is_elf, read_elf


def said_by(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout


def test_a_c_program(compiler):
    elf = read_elf(compiler.c("-O2", "-g"))
    assert (elf.language, elf.static, elf.symbols, elf.debug_info) == ("c", False, True, True)
    assert elf.compiler.startswith("gcc ")
    assert elf.compiler.split()[1] == said_by("gcc", "-dumpfullversion").strip()
    assert elf.libraries == ("libc.so.6",)
    assert f"Build ID: {elf.build_id}" in said_by("readelf", "-n", str(elf.path))


def test_a_stripped_program_still_says_its_compiler(compiler):
    elf = read_elf(compiler.c("-O2", "-s"))
    assert (elf.language, elf.symbols, elf.debug_info) == ("c", False, False)
    assert elf.compiler.startswith("gcc ")


def test_a_static_program(compiler):
    elf = read_elf(compiler.c("-O2", "-static"))
    assert (elf.language, elf.static, elf.libraries, elf.interpreter) == ("c", True, (), "")


def test_a_position_independent_static_program_is_static(compiler):
    assert read_elf(compiler.c("-O2", "-static-pie")).static


def test_c_plus_plus_is_told_by_its_library(compiler):
    assert read_elf(compiler.cxx("-O1")).language == "c++"
    assert read_elf(compiler.cxx("-O1", "-static")).language == "c++"


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-O",), ("-O", "-C", "strip=symbols")])
def test_rust(compiler, options):
    elf = read_elf(compiler.rust(*options))
    assert elf.language == "rust"
    assert elf.compiler == f"rustc {said_by('rustc', '--version').split()[1]}"
    assert elf.symbols == (len(options) == 1)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-ldflags=-s -w",), ("-gcflags=all=-N -l",)])
def test_go_says_what_go_version_says(compiler, options):
    path = compiler.go(*options)
    elf = read_elf(path)
    assert (elf.language, elf.static) == ("go", True)
    first, *lines = said_by("go", "version", "-m", str(path)).splitlines()
    assert elf.compiler == f"go {first.split()[1].removeprefix('go')}"
    printed = [tuple(line.split("\t")[2].split("=", 1)) for line in lines if line.startswith("\tbuild\t")]
    assert [(name, value) for name, value in elf.settings] == [(n, v.strip('"')) for n, v in printed]


def test_debug_information_apart_is_named(compiler, tmp_path):
    path = tmp_path / "program"
    path.write_bytes(compiler.c("-O2", "-g").read_bytes())
    subprocess.run(["objcopy", "--only-keep-debug", path, f"{path}.debug"], check=True)
    subprocess.run(["strip", path], check=True)
    subprocess.run(["objcopy", f"--add-gnu-debuglink={path}.debug", path], check=True, cwd=tmp_path)
    assert read_elf(path).debug_link == "program.debug"


def test_what_is_in_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"one two")
    assert contains(file, b"two", b"three") == (True, False)
    file.write_bytes(b"")
    assert contains(file, b"two") == (False,)
    assert contains(tmp_path / "none", b"two") == (False,)


@pytest.mark.parametrize(
    "data", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01\x01" + b"\0" * 60, b"\x7fELF" + b"\xff" * 200]
)
def test_what_is_no_program_is_told(tmp_path, data):
    file = tmp_path / "file"
    file.write_bytes(data)
    assert is_elf(file) == data.startswith(b"\x7fELF")
    with pytest.raises(
        InputError, match=r"file: not an ELF program, or a damaged one .*; name the program that"
    ):
        read_elf(file)


def test_a_program_that_is_not_there(tmp_path):
    assert not is_elf(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read: No such file or directory"):
        read_elf(tmp_path / "none")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "program"


@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
    head=st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=10),
    keep=st.floats(0, 1),
)
@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_program_is_an_error_or_an_answer(compiler, damaged, flips, head, keep):
    """Bytes anywhere, bytes of the headers, and an end that is missing."""
    data = bytearray(compiler.c("-O2", "-g").read_bytes())
    for place, value in [*((int(share * len(data)), value) for share, value in flips), *head]:
        data[place] = value
    damaged.write_bytes(data[: max(4, int(keep * len(data)))] if keep < 0.5 else data)
    for read in (read_elf, read_units, read_prologues):
        with contextlib.suppress(InputError):
            read(damaged)
