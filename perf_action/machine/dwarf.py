"""How a program was compiled, from its debug information (DWARF, https://dwarfstd.org, read with pyelftools).

GCC and Go write their options into DW_AT_producer. rustc and clang write only their version: optimised code is told by
its variables, which move between registers (location lists, more than half of them), while each has its place on the
stack without an optimiser (2 % are lists then, in generic code of Rust's libraries; inlined functions tell nothing, as
rustc inlines some always). Units of Rust's own libraries come compiled and say nothing about the program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE

from perf_action.profilers.elf import opened

_LIBRARY = re.compile(rb"^/rustc/|^/rust/deps/|/sysdeps/|glibc|^/build/gcc")
_LEVEL = re.compile(r"(?<!\S)-O(\d|s|z|g|fast|)(?!\S)")
_VARIABLES = frozenset({"DW_TAG_variable", "DW_TAG_formal_parameter"})
_LOCATION_LISTS = frozenset({"DW_FORM_sec_offset", "DW_FORM_loclistx", "DW_FORM_data4"})
#: debug information is read whole; above this many bytes nothing is said
_TOO_LARGE = 1 << 30
_MAX_UNITS, _MAX_ENTRIES = 20_000, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """`own` is how many units of the program itself have debug information, `libraries` how many of ready-made ones.

    `levels` are the options -O of those whose compiler writes options, by how many units ("0" where there is none). Of
    the others `variables` were looked at, of which `moving` have no fixed place.
    """

    own: int = 0
    libraries: int = 0
    producers: tuple[str, ...] = ()
    levels: tuple[tuple[str, int], ...] = ()
    variables: int = 0
    moving: int = 0
    too_large: bool = False


def read_units(path: Path) -> Units:
    """What the debug information in the file says. InputError if it is damaged."""
    with opened(path) as elf:
        sections = [s for s in elf.iter_sections() if s.name.startswith((".debug_", ".zdebug_"))]
        if not any(s.name.endswith("debug_info") for s in sections):
            return Units()
        if sum(s.data_size for s in sections) > _TOO_LARGE:
            return Units(too_large=True)
        dwarf = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
        return _count(islice(dwarf.iter_CUs(), _MAX_UNITS))


def _count(units: Iterator[CompileUnit]) -> Units:
    own, libraries, entries = 0, 0, 0
    producers: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    places: Counter[bool] = Counter()
    for unit in units:
        top = unit.get_top_DIE()
        if any(_LIBRARY.search(_value(top, name)) for name in ("DW_AT_comp_dir", "DW_AT_name")):
            libraries += 1
            continue
        own += 1
        producer = _value(top, "DW_AT_producer").decode(errors="replace")
        producers[producer] += 1
        if producer.startswith("GNU ") and not producer.startswith("GNU AS"):
            levels[(_LEVEL.findall(producer) or ["0"])[-1] or "1"] += 1
        elif "clang" in producer and entries < _MAX_ENTRIES:
            for entry in islice(unit.iter_DIEs(), _MAX_ENTRIES - entries):
                entries += 1
                if (place := entry.attributes.get("DW_AT_location")) is not None and entry.tag in _VARIABLES:
                    places[place.form in _LOCATION_LISTS] += 1
    return Units(
        own=own,
        libraries=libraries,
        producers=tuple(name for name, _ in producers.most_common(5)),
        levels=tuple(levels.most_common()),
        variables=places.total(),
        moving=places[True],
    )


def _value(entry: DIE, name: str) -> bytes:
    attribute = entry.attributes.get(name)
    return attribute.value if attribute is not None and isinstance(attribute.value, bytes) else b""
