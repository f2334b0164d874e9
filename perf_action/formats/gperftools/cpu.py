r"""gperftools' CPU profiles (``CPUPROFILE=…``), as the process wrote them.

Format: https://gperftools.github.io/gperftools/cpuprofile-fileformat.html
Sample: words of the machine's size: ``0 3 0 10000 0`` (a sample every 10,000 µs), for each stack its count, its depth and so
many addresses (leaf first), ``0 1 0`` and /proc/self/maps as text
Kinds: `cpu` in samples. Names come from the programs of this machine.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from perf_action.formats.heap_stacks import called_from
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.symbols.addresses import Addresses
from perf_action.formats.symbols.memory_map import MemoryMap
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "gperftools-cpu"
_WORDS: Final = tuple(np.dtype(order + size) for size in ("u8", "u4") for order in "<>")
_HEADER: Final = 5
_DEEPEST: Final = 1 << 16
_END: Final = (0, 1, 0)
_SIGNAL_FRAMES: Final = ("__restore_rt", "__restore", "__pthread_sighandler")


def sniff(source: Source) -> bool:
    return _word(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:
    word = _word(source.head)
    if word is None:
        raise source.error("has a first line that cannot be read")
    stacks, maps = _parse(source, word)
    addresses = Addresses(source, MemoryMap(maps), (a for stack in stacks for a in stack), options, system)
    builder = ProfileBuilder([ValueKind("cpu", "samples")], tool="gperftools")
    for note in addresses.notes():
        builder.note(note)
    with source.refusing():
        for stack, count in stacks.items():
            called = [
                a for i, a in enumerate(stack) if i != 1 or addresses.frames[a][0].name not in _SIGNAL_FRAMES
            ]
            builder.sample(addresses.add_to(builder, called, without_allocators=False), (count,))
        return capture_of(NAME, builder.build())


def _word(head: bytes) -> np.dtype[np.unsignedinteger] | None:
    """The type of word whose header it has."""
    for word in _WORDS:
        if len(head) < _HEADER * word.itemsize:
            continue
        header = np.frombuffer(head, dtype=word, count=_HEADER).tolist()
        if header[:3] == [0, 3, 0] and 0 < header[3] < 1 << 32 and header[4] == 0:
            return word
    return None


def _parse(source: Source, word: np.dtype[np.unsignedinteger]) -> tuple[dict[tuple[int, ...], int], str]:
    """Samples by stack, and the map."""
    data = source.data
    usable = len(data) // word.itemsize
    words = np.frombuffer(data, dtype=word, count=usable)
    stacks: dict[tuple[int, ...], int] = {}
    at = _HEADER
    while at + 2 < usable:
        count, depth = int(words[at]), int(words[at + 1])
        if (count, depth, int(words[at + 2])) == _END:
            maps = data[(at + 3) * word.itemsize :].decode("utf-8", errors="backslashreplace")
            return stacks, maps
        if not 0 < depth <= _DEEPEST or at + 2 + depth > usable:
            break
        stack = called_from(words[at + 2 : at + 2 + depth].tolist())
        stacks[stack] = stacks.get(stack, 0) + count
        at += 2 + depth
    raise source.error(
        "is cut off or damaged: its end is missing",
        place=f"byte {at * word.itemsize}",
        remedy="let the program end by itself, or stop the profiler before it is killed",
    )
