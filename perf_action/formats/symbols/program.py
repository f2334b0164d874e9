"""Functions of a program or library by their address: its symbol table, read with pyelftools.

Format: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.symtab.html
An address that no symbol covers has no name here. Tools that take the nearest symbol before it (addr2line, jeprof) put
all of a stripped library on the few functions that it exports.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.construct.core import ConstructError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

#: what a damaged file makes pyelftools raise
_BROKEN: Final = (
    ELFError, ConstructError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, MemoryError,
    RecursionError, AssertionError, EOFError, OSError, struct.error, zlib.error,
)  # fmt: skip
_FUNCTIONS: Final = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_MAX_SECTION: Final = 1 << 28


class ProgramSymbols:
    """What is known of an ELF file; a file that is none, or is damaged, has no functions."""

    def __init__(self, path: Path) -> None:
        self._segments: list[tuple[int, int, int]] = []
        self._starts = self._ends = self._names = np.zeros(0, dtype=np.uint64)
        self._strings = b""
        try:
            with path.open("rb") as file:
                self._read(ELFFile(file))
        except _BROKEN:
            return

    def address(self, offset: int) -> int | None:
        """Where the byte at `offset` of the file is meant to lie in memory; None if it is not loaded."""
        for start, size, address in self._segments:
            if start <= offset < start + size:
                return address + offset - start
        return None

    def name(self, address: int) -> str:
        """The symbol of the function that covers `address`, or nothing."""
        place = int(np.searchsorted(self._starts, np.uint64(address), side="right")) - 1
        if place < 0 or address >= int(self._ends[place]):
            return ""
        start = int(self._names[place])
        end = self._strings.find(b"\0", start)
        return self._strings[start : end if end >= 0 else None].decode("utf-8", errors="backslashreplace")

    def _read(self, elf: ELFFile) -> None:
        for segment in elf.iter_segments("PT_LOAD"):
            self._segments.append((segment["p_offset"], segment["p_filesz"], segment["p_vaddr"]))
        table = elf.get_section_by_name(".symtab") or elf.get_section_by_name(".dynsym")
        if table is None or table["sh_size"] > _MAX_SECTION:
            return
        symbols = np.frombuffer(table.data(), dtype=_layout(elf))
        strings: Section = elf.get_section(table["sh_link"])
        if strings["sh_size"] > _MAX_SECTION:
            return
        is_function = (
            np.isin(symbols["info"] & 15, _FUNCTIONS) & (symbols["size"] > 0) & (symbols["section"] > 0)
        )
        functions = symbols[is_function]
        functions = functions[np.argsort(functions["value"], kind="stable")]
        self._starts = functions["value"].astype(np.uint64)
        self._ends = self._starts + functions["size"].astype(np.uint64)
        self._names = functions["name"].astype(np.uint64)
        self._strings = strings.data()


def _layout(elf: ELFFile) -> np.dtype[np.void]:
    order = "<" if elf.little_endian else ">"
    name, info, other, section = (
        ("name", order + "u4"),
        ("info", "u1"),
        ("other", "u1"),
        ("section", order + "u2"),
    )
    if elf.elfclass == 64:
        return np.dtype([name, info, other, section, ("value", order + "u8"), ("size", order + "u8")])
    return np.dtype([name, ("value", order + "u4"), ("size", order + "u4"), info, other, section])
