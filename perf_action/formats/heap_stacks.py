"""What heap profiles of jemalloc and gperftools have in common: stacks of addresses with objects and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from perf_action.formats.heap_sampling import Sampling, scale, whole
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.symbols.addresses import Addresses
from perf_action.formats.symbols.memory_map import MemoryMap
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

AGAIN: Final = "fetch or copy it again, or dump it again"
_IN_USE: Final = (ValueKind("in_use", "bytes"), ValueKind("in_use_count", "count"))
_EVER: Final = (ValueKind("allocated", "bytes"), ValueKind("allocations", "count"))
_ADDRESS_DIGITS: Final = 16


class Entry(NamedTuple):
    """A stack of return addresses (leaf first) with what is in use from there, and what was allocated ever."""

    stack: tuple[int, ...]
    objects: int
    size: int
    objects_ever: int
    size_ever: int


def stack(source: Source, text: str, line: int) -> tuple[int, ...]:
    """Addresses out of ``0x7f4b 0x55e9``, return addresses moved into the call. InputError if they are none."""
    words = text.split()
    try:
        if any(len(word.removeprefix("0x")) > _ADDRESS_DIGITS for word in words):
            raise ValueError
        addresses = [int(word, 16) for word in words]
    except ValueError:
        raise source.error(
            "has something else where addresses should be", place=f"line {line}", remedy=AGAIN
        ) from None
    return called_from(addresses)


def called_from(addresses: Sequence[int]) -> tuple[int, ...]:
    """A return address is behind the call, maybe in another line or function already; only the first one is none."""
    return (*addresses[:1], *(max(address - 1, 0) for address in addresses[1:]))


def parts(source: Source) -> tuple[str, str | None]:
    """The stacks, and what was mapped where: None if the file lacks its end."""
    stacks, mapped, maps = source.text.partition("\nMAPPED_LIBRARIES:")
    return stacks, maps if mapped else None


def capture(
    name: str,
    source: Source,
    entries: Sequence[Entry],
    total: Entry,
    *,
    maps: str | None,
    options: ReadOptions,
    system: System,
    tool: str,
    rate: float,
    sampling: Sampling,
) -> Capture:
    """The entries as a profile. InputError if some are missing at the end of a file that lacks its end, too."""
    if maps is None and sum(entry.size for entry in entries) + len(entries) < total.size:
        raise source.error("is cut off: its stacks are less than its total", remedy=AGAIN)
    has_ever = any(entry.objects_ever for entry in entries)
    kinds = (*_IN_USE, *(_EVER if has_ever else ()))
    exact = sampling == "none" or rate <= 1
    builder = ProfileBuilder(kinds, tool=tool, fidelity="exact" if exact else "sampled")
    addresses = Addresses(
        source, MemoryMap(maps or ""), (a for entry in entries for a in entry.stack), options, system
    )
    for note in addresses.notes():
        builder.note(note)
    with source.refusing():
        columns = [
            whole(column) for column in zip(*(_values(e, rate, sampling) for e in entries), strict=True)
        ]
        for entry, values in zip(entries, zip(*columns, strict=True), strict=True):
            node = addresses.add_to(builder, entry.stack, without_allocators=True)
            builder.sample(node, values[: len(kinds)])
        return capture_of(name, builder.build())


def _values(entry: Entry, rate: float, sampling: Sampling) -> tuple[float, float, float, float]:
    now = scale(entry.objects, entry.size, rate, sampling)
    ever = scale(entry.objects_ever, entry.size_ever, rate, sampling)
    return entry.size * now, entry.objects * now, entry.size_ever * ever, entry.objects_ever * ever
