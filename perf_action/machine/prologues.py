"""Whether a program keeps frame pointers, which let a profiler walk its stacks cheaply and to the end: a guess from how
its functions begin, since nothing in the file says so.

x86-64: ``push rbp`` and ``mov rbp, rsp``; arm64: ``stp x29, x30`` and ``mov x29, sp`` (or ``add x29, sp, #n``). Only
functions that call others count: the frame of a function that calls nobody is not missed in a stack. Functions of
Rust's ready-made libraries are left out, since they keep theirs whatever the program does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from perf_action.profilers.elf import opened

_SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)
_FUNCTION = 2
_X86_SETS = re.compile(rb"\x55.{0,24}?(?:\x48\x89\xe5|\x48\x8b\xec)", re.DOTALL)
_X86_CALLS = re.compile(rb"\xe8|\xff[\x10-\x17\x50-\x57\x90-\x97\xd0-\xd7]", re.DOTALL)
#: before the name of a crate, which is as long as the number says: v0 at the root of a path, legacy at its beginning
_CRATE = re.compile(rb"(?:Cs[0-9A-Za-z]*_|^_ZN)(\d+)_?")
_RUST = frozenset(
    b"std core alloc panic_unwind panic_abort unwind addr2line gimli object memchr hashbrown rustc_demangle miniz_oxide "
    b"adler2 cfg_if libc proc_macro test compiler_builtins __rustc".split()
)
_START = re.compile(
    rb"_start|_init|_fini|frame_dummy|(?:de)?register_tm_clones|__do_global_dtors_aux|_dl_.*|__rust.*"
)
_SMALLEST, _LOOKED_AT, _BODY = 16, 5_000, 4096
MOSTLY, HARDLY = 0.8, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Prologues:
    """How many functions were looked at and how many set up a frame; `reason` says why none could be looked at."""

    functions: int = 0
    framed: int = 0
    reason: str = ""

    @property
    def share(self) -> float:
        return self.framed / self.functions if self.functions else 0.0


def read_prologues(path: Path) -> Prologues:
    """Look at how functions begin. InputError for a damaged file."""
    with opened(path) as elf:
        machine = elf.get_machine_arch()
        if machine not in ("x64", "AArch64") or elf.elfclass != 64 or not elf.little_endian:
            return Prologues(reason=f"not known for {machine}")
        text = elf.get_section_by_name(".text")
        if text is None or not text["sh_size"]:
            return Prologues(reason="it has no code")
        starts = _functions(elf, text)
        if not len(starts):
            return Prologues(reason="it is stripped, so that its functions are not known")
        looked = starts[:: max(1, len(starts) // _LOOKED_AT)]
        code = text.data()
        bodies = [bytes(code[at : at + min(size, _BODY)]) for at, size in looked.tolist()]
    calls, sets = (_x86_calls, _x86_sets) if machine == "x64" else (_arm_calls, _arm_sets)
    calling = [body for body in bodies if calls(body)]
    if not calling:
        return Prologues(reason="it has no functions that call others")
    return Prologues(functions=len(calling), framed=sum(map(sets, calling)))


def _functions(elf: ELFFile, text: Section) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(offset in .text, size) of each function of the program's own."""
    table = elf.get_section_by_name(".symtab") or elf.get_section_by_name(".dynsym")
    if table is None:
        return np.zeros((0, 2), dtype=np.int64)
    data = table.data()
    symbols = np.frombuffer(data[: len(data) - len(data) % _SYMBOL.itemsize], dtype=_SYMBOL)
    low, high = text["sh_addr"], text["sh_addr"] + text["sh_size"]
    inside = (symbols["value"] >= low) & (symbols["value"] + symbols["size"] <= high)
    kept = symbols[inside & ((symbols["info"] & 15) == _FUNCTION) & (symbols["size"] >= _SMALLEST)]
    names = elf.get_section(table["sh_link"]).data()
    own = [
        (int(s["value"]) - low, int(s["size"]))
        for s in kept
        if _is_own(names[int(s["name"]) : names.find(b"\0", int(s["name"]))])
    ]
    return np.array(sorted(set(own)), dtype=np.int64).reshape(-1, 2)


def _is_own(name: bytes) -> bool:
    """Whether a function is the program's: not what every program has, nor all of crates that come ready-made."""
    if _START.fullmatch(name):
        return False
    crates = {name[m.end() : m.end() + int(m[1])] for m in _CRATE.finditer(name)}
    return not crates or not crates <= _RUST


def _x86_calls(body: bytes) -> bool:
    return _X86_CALLS.search(body) is not None


def _x86_sets(body: bytes) -> bool:
    return _X86_SETS.search(body[:64]) is not None


def _words(body: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.frombuffer(body[: len(body) // 4 * 4], dtype="<u4")


def _arm_calls(body: bytes) -> bool:
    """``bl`` and ``blr``."""
    words = _words(body)
    return bool((((words & 0xFC000000) == 0x94000000) | ((words & 0xFFFFFC1F) == 0xD63F0000)).any())


def _arm_sets(body: bytes) -> bool:
    """``add x29, sp, #n``, of which ``mov x29, sp`` is a case."""
    return bool(((_words(body)[:16] & 0xFFC003FF) == 0x910003FD).any())
