"""Profiles of addresses (jemalloc, gperftools): sums as jeprof and google-pprof have them, names where programs are."""

from __future__ import annotations

import math
import os
import re
import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.heap_sampling import scale, whole
from perf_action.formats.source import ReadOptions
from perf_action.formats.symbols.memory_map import MemoryMap
from perf_action.formats.symbols.program import ProgramSymbols
from perf_action.model.profile import UNKNOWN, Profile
from perf_action.model.tree import costs
from perf_action.system import System

HERE = Path(__file__).resolve().parent
MAPS = (
    "MAPPED_LIBRARIES:\n1000-2000 r-xp 00000000 fe:00 7    /srv/gone/shop\n3000-4000 rw-p 00000000 00:00 0 \n"
)
JEMALLOC = "heap_v2/1\n  t*: 3: 300 [0: 0]\n  t0: 3: 300 [0: 0]\n@ 0x1010 0x1020\n  t*: 1: 100 [0: 0]\n@ 0x1030\n  t*: 2: 200 [0: 0]\n\n"
TCMALLOC = (
    "heap profile:      3:      300 [     9:      900] @ heapprofile\n"
    "     1:      100 [     4:      400] @ 0x1010 0x1020\n     2:      200 [     5:      500] @ 0x1030\n\n"
)


def words(*numbers: int, form: str = "<Q") -> bytes:
    return b"".join(struct.pack(form, number) for number in numbers)


def cpu(form: str = "<Q") -> bytes:
    body = words(
        0, 3, 0, 10_000, 0, 5, 2, 0x1010, 0x1020, 3, 1, 0x1030, 1, 2, 0x1010, 0x1020, 0, 1, 0, form=form
    )
    return body + MAPS.partition("\n")[2].encode()


def read(folder: Path, content: str | bytes, system: System, options: ReadOptions | None = None) -> Profile:
    path = folder / "profile"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return formats.read(path, system, options or ReadOptions()).captures[0].profile


def totals(profile: Profile) -> dict[str, int]:
    return {kind.kind: profile.total(column) for column, kind in enumerate(profile.kinds)}


def self_of(profile: Profile, kind: str) -> Counter[str]:
    column = profile.find_kind(kind)
    assert column is not None
    found: Counter[str] = Counter()
    for key, cost in costs(profile, column).items():
        found[key.name] += cost.self
    return +found


def test_jemalloc_sums(system: System, tmp_path: Path) -> None:
    profile = read(tmp_path, JEMALLOC + MAPS, system)
    assert totals(profile) == {"in_use": 300, "in_use_count": 3}
    assert profile.notes == ("3 of 3 addresses have no name (not found: shop)",)
    assert {(key.name, key.module) for key in profile.function_keys} == {(UNKNOWN, "shop")}
    assert profile.fidelity == "exact"


def test_jemalloc_works_out_what_was_not_sampled(system: System, tmp_path: Path) -> None:
    text = JEMALLOC.replace("heap_v2/1", "heap_v2/1000").replace("[0: 0]", "[10: 1000]")
    profile = read(tmp_path, text + MAPS, system)
    factor = 1 / (1 - math.exp(-0.1))
    assert totals(profile) == {
        "in_use": math.floor(300 * factor),
        "in_use_count": math.floor(3 * factor),
        "allocated": math.floor(2000 * factor),
        "allocations": math.floor(20 * factor),
    }
    assert profile.fidelity == "sampled"


def test_gperftools_sums(system: System, tmp_path: Path) -> None:
    expected = {"in_use": 300, "in_use_count": 3, "allocated": 900, "allocations": 9}
    assert totals(read(tmp_path, TCMALLOC + MAPS, system)) == expected
    poisson = read(tmp_path, TCMALLOC.replace("heapprofile", "heap_v2/1000") + MAPS, system)
    assert totals(poisson)["in_use"] == math.floor(300 / (1 - math.exp(-0.1)))
    uniform = read(tmp_path, TCMALLOC.replace("heapprofile", "shop_heap/2000") + MAPS, system)
    assert totals(uniform)["in_use"] == 3000


@pytest.mark.parametrize("form", ["<Q", ">Q", "<I", ">I"])
def test_gperftools_cpu_of_any_machine(form: str, system: System, tmp_path: Path) -> None:
    profile = read(tmp_path, cpu(form), system)
    assert totals(profile) == {"cpu": 9}
    assert sorted(profile.sample_values[:, 0].tolist()) == [3, 6]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (JEMALLOC.replace("heap_v2/1", "heap_v9/1") + MAPS, "version that is not known"),
        (JEMALLOC[:-31], "cut off: its stacks are less"),
        ("heap_v2/1\n", "cut off: it has no total"),
        (JEMALLOC.replace("0x1030", "0xzz") + MAPS, "line 6: has something else where addresses"),
        (JEMALLOC.replace("0x1030", "0x" + "1" * 40) + MAPS, "line 6: has something else where addresses"),
        (JEMALLOC.replace("2: 200", "2: -200") + MAPS, "line 7: has counts that cannot be read"),
        (JEMALLOC.replace("@ 0x1030", "oops") + MAPS, "line 6: is no line of a heap profile"),
        (JEMALLOC.replace("200", "9" * 19) + MAPS, "too large for a profile"),
        (TCMALLOC.replace("@ heapprofile", "") + MAPS, "line 1: has a first line that cannot be read"),
        (TCMALLOC[:-50], "cut off"),
        (TCMALLOC.replace("@ 0x1030", "@ 1x") + MAPS, "line 3: has something else"),
        (TCMALLOC.replace("     2: ", "     x: ") + MAPS, "line 3: is no line"),
        (TCMALLOC.replace("200", "9" * 19) + MAPS, "too large for a profile"),
        (cpu()[:90], "byte .*: is cut off or damaged: its end is missing"),
        (words(0, 3, 0, 10_000, 0), "its end is missing"),
        (words(0, 3, 0, 10_000, 0, 1, 1 << 40, 5, 5), "byte 40: is cut off or damaged"),
        (words(0, 3, 0, 10_000, 0, 1, 0, 5, 5), "byte 40: is cut off or damaged"),
        (words(0, 3, 0, 10_000, 0, (1 << 64) - 1, 1, 5, 0, 1, 0), "too large for a profile"),
    ],
)
def test_what_is_wrong_is_said(content: str | bytes, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, content, system)


def test_without_a_map_there_are_no_names(system: System, tmp_path: Path) -> None:
    profile = read(tmp_path, JEMALLOC, system)
    assert totals(profile)["in_use"] == 300
    assert "what was mapped where" in profile.notes[0]


def test_very_deep_stacks(system: System, tmp_path: Path) -> None:
    deep = "@ " + "0x1010 " * 100_000
    profile = read(tmp_path, JEMALLOC.replace("@ 0x1030", deep) + MAPS, system)
    assert totals(profile)["in_use"] == 300


@given(st.lists(st.floats(0, 1e15), max_size=30))
@settings(max_examples=100)
def test_whole_values_add_up(values: list[float]) -> None:
    out = whole(values)
    assert sum(out) == math.floor(math.fsum(values))
    assert all(abs(one - value) <= 1 for one, value in zip(out, values, strict=True))


def test_scale_as_jeprof() -> None:
    assert scale(3, 300, 1000, "poisson") == pytest.approx(1 / (1 - math.exp(-0.1)))
    assert scale(3, 300, 1000, "uniform") == pytest.approx(10)
    assert scale(3, 3_000_000, 1000, "uniform") == 1
    assert scale(0, 0, 1000, "poisson") == scale(3, 300, 0, "poisson") == scale(3, 300, 7, "none") == 1


STATS = "Allocated: 300, active: 400, metadata: 100 (n_thp 0), resident: 1000, mapped: 2000, retained: 5\n"


def test_fragmentation_is_the_resident_memory_that_holds_nothing(system: System, tmp_path: Path) -> None:
    path = tmp_path / "stats"
    path.write_text("___ Begin jemalloc statistics ___\n" + STATS.replace("300", "1") + STATS)
    found = {metric.name: metric.samples for metric in formats.read(path, system).metrics}
    assert found["memory.fragmentation"] == (pytest.approx(1 - 300 / 900),)
    assert found["memory.heap.allocated"] == (300,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("___ Begin jemalloc statistics ___\nVersion: 5\n", "cut off"),
        (STATS[:40], "cut off"),
        (STATS.replace("300", "500"), "contradict"),
        (STATS.replace("resident: 1000", "resident: 50"), "contradict"),
        (STATS.replace("300", "9" * 40), "no known kind|cut off"),
    ],
)
def test_statistics_that_are_wrong(text: str, words: str, system: System, tmp_path: Path) -> None:
    (tmp_path / "stats").write_text(text)
    with pytest.raises(InputError, match=words):
        formats.read(tmp_path / "stats", system)


def test_memory_map() -> None:
    maps = MemoryMap(
        "build: x\n10-20 r-xp 00001000 fe:00 7    /srv/a b/shop (deleted)\n20-30 r--p 0 fe:00 7 /srv/x\n"
        "40-50 --xp 00000000 00:00 0\n60-70 r-xp 00000000 00:00 0                  [vdso]\n"
    )
    found = {address: maps.find(address) for address in (0xF, 0x10, 0x1F, 0x20, 0x45, 0x65, 0x99)}
    assert [address for address, mapping in found.items() if mapping] == [0x10, 0x1F, 0x45, 0x65]
    shop = found[0x10]
    assert shop is not None
    assert (shop.offset, shop.path, shop.module) == (0x1000, "/srv/a b/shop (deleted)", "shop")


def test_a_file_that_is_no_program_has_no_functions(tmp_path: Path) -> None:
    for content in (b"", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\xff" * 300):
        (tmp_path / "x").write_bytes(content)
        symbols = ProgramSymbols(tmp_path / "x")
        assert (symbols.name(0x1000), symbols.address(0x1000)) == ("", None)


# --- with the real tools


def build(folder: Path, program: str, *options: str) -> Path:
    compiler = "g++" if program.endswith(".cc") else "gcc"
    argv = [compiler, "-g", *options, "-pthread", "-o", "shop", str(HERE / "programs" / program)]
    assert System().run(argv, cwd=folder).code == 0
    return folder / "shop"


def library(name: str) -> str:
    return str(next(Path("/usr/lib").rglob(name)))


def run(program: Path, **env: str) -> None:
    done = System().run([str(program)], cwd=program.parent, env={**os.environ, **env})
    assert done.code == 0, done.stderr


def collapsed(tool: str, program: Path, dump: Path, *options: str) -> Counter[str]:
    """Self values by function as jeprof and google-pprof have them."""
    done = System().run([tool, "--collapsed", *options, str(program), str(dump)])
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        stack, _, value = line.rpartition(" ")
        found[re.sub(r"<[0-9a-f]{16}>$|\[inline\]$", "", stack.rpartition(";")[2])] += int(value)
    return +found


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0, 9])
def test_jemalloc_as_jeprof(rate: int, system: System, tmp_path: Path) -> None:
    program = build(tmp_path, "heap_shop.cc", "-O2")
    options = f"prof:true,prof_final:true,prof_accum:true,prof_prefix:dump,lg_prof_sample:{rate}"
    run(program, LD_PRELOAD=library("libjemalloc.so.2"), MALLOC_CONF=options)
    (dump,) = tmp_path.glob("dump.*.heap")
    profile = formats.read(dump, system).captures[0].profile
    found = totals(profile)
    for option, kind in (
        ("--inuse_space", "in_use"),
        ("--inuse_objects", "in_use_count"),
        ("--alloc_space", "allocated"),
        ("--alloc_objects", "allocations"),
    ):
        said = system.run(["jeprof", "--text", "--show_bytes", option, str(program), str(dump)]).stdout
        assert found[kind] == int(re.findall(r"Total: (\d+)", said)[0])


@pytest.mark.slow
def test_names_of_jemalloc(system: System, tmp_path: Path) -> None:
    program = build(tmp_path, "heap_shop.c", "-O1", "-fno-inline")
    options = "prof:true,prof_final:true,prof_prefix:dump,lg_prof_sample:0"
    run(program, LD_PRELOAD=library("libjemalloc.so.2"), MALLOC_CONF=options)
    (dump,) = tmp_path.glob("dump.*.heap")
    profile = formats.read(dump, system).captures[0].profile
    found = self_of(profile, "in_use")
    assert found["known_price_cache"] == 5120
    assert (found["deep"], found["not_only_at_start"], found["only_at_start"]) == (61 * 32, 640, 768)
    files = {key.name: key.file for key in profile.function_keys}
    assert files["deep"].endswith("programs/heap_shop.c")
    assert not {key.name for key in profile.function_keys} & {"malloc", "posix_memalign"}
    os.utime(program)
    os.utime(dump, (1, 1))
    assert "shop was changed since: its names may be wrong" in formats.read(dump, system).notes
    other = formats.read(dump, system, ReadOptions(inside=tmp_path)).captures[0].profile
    assert set(self_of(other, "in_use")) == {UNKNOWN}
    without = formats.read(dump, System({"PATH": str(tmp_path)})).captures[0].profile
    assert self_of(without, "in_use")["deep"] == 61 * 32  # the symbol table is enough for names
    program.unlink()
    gone = formats.read(dump, system)
    assert "not found: shop" in gone.notes[-1]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("-O0",), ("-O1", "-fno-inline"), ("-O1", "-fno-inline", "-no-pie")])
def test_gperftools_as_google_pprof(options: tuple[str, ...], system: System, tmp_path: Path) -> None:
    program = build(tmp_path, "heap_shop.c", *options)
    run(program, LD_PRELOAD=library("libtcmalloc.so.4"), HEAPPROFILE=str(tmp_path / "dump"))
    profile = formats.read(tmp_path / "dump.0001.heap", system).captures[0].profile
    for option, kind in (("--inuse_space", "in_use"), ("--alloc_objects", "allocations")):
        expected = collapsed("google-pprof", program, tmp_path / "dump.0001.heap", option)
        found = self_of(profile, kind)
        ours = {
            name: found[name]
            for name in expected
            if name in ("deep", "main", "grab", "parse", "known_price_cache")
        }
        assert ours == {name: value for name, value in expected.items() if name in ours}
        assert totals(profile)[kind] == expected.total()


@pytest.mark.slow
def test_gperftools_cpu_as_google_pprof(system: System, tmp_path: Path) -> None:
    program = build(tmp_path, "shop.c", "-O1", "-fno-inline", "-fno-omit-frame-pointer")
    run(
        program,
        LD_PRELOAD=library("libprofiler.so.0"),
        CPUPROFILE=str(tmp_path / "cpu.prof"),
        CPUPROFILE_FREQUENCY="500",
    )
    profile = formats.read(tmp_path / "cpu.prof", system).captures[0].profile
    assert self_of(profile, "cpu") == collapsed("google-pprof", program, tmp_path / "cpu.prof")
