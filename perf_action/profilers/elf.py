"""What an ELF program says of itself without its debug information: its language and compiler, how it is linked, which
parts of it profilers rely on (https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html; read with pyelftools).

Languages are told by marks that stripping leaves: ``.note.go.buildid`` (Go's linker), ``.comment`` (rustc, GCC and clang
write their version there), and the symbols ``rust_begin_unwind`` and ``main.main``. C and C++ differ in the libraries
they need. Settings of a Go build are in ``.go.buildinfo`` (debug/buildinfo; what ``go version -m`` prints).
"""

from __future__ import annotations

import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elftools.common.exceptions import ELFError, ELFParseError
from elftools.construct.core import ConstructError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection
from elftools.elf.segments import InterpSegment

from perf_action.errors import InputError

Language = Literal["python", "rust", "go", "c", "c++", "other"]

#: what a damaged file makes pyelftools raise
BROKEN = (
    ELFError, ELFParseError, ConstructError, ValueError, KeyError, IndexError, TypeError, AttributeError,
    UnicodeDecodeError, OverflowError, MemoryError, RecursionError, AssertionError, EOFError, OSError, struct.error, zlib.error,
)  # fmt: skip
_MAGIC = b"\x7fELF"
_COMPILERS = (
    ("rustc", re.compile(rb"rustc version ([\w.+-]+)")),
    ("clang", re.compile(rb"clang version ([\w.+-]+)")),
    ("gcc", re.compile(rb"GCC: \([^)]*\) ([\w.+-]+)")),
)
_GO_MAGIC = b"\xff Go buildinf:"
_MAX_NOTE = 1 << 20
_ALLOCATORS = ((b"_rjem_malloc\0", "jemalloc"), (b"mi_malloc\0", "mimalloc"), (b"tc_malloc\0", "tcmalloc"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """`compiler` such as ``rustc 1.95.0``, empty if it does not say; `settings` of a Go build, by name.

    `interpreter` is the dynamic linker, empty for a static program; `libraries` what it needs. `build_id` in hex.
    `debug_info`: debug information is in the file (of whom is another question); `debug_link` names a file that has it.
    """

    path: Path
    machine: str
    language: Language
    compiler: str
    interpreter: str
    libraries: tuple[str, ...]
    build_id: str
    symbols: bool
    debug_info: bool
    debug_link: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def static(self) -> bool:
        return not self.interpreter and not self.libraries


def is_elf(path: Path) -> bool:
    """Whether the file begins as an ELF file does."""
    try:
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[ELFFile]:
    """The file as pyelftools sees it. Whatever a damaged file makes it raise is an InputError."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
                raise ELFError(f"of type {elf['e_type']}")
            yield elf
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from None
    except BROKEN as error:
        reason = f"not an ELF program, or a damaged one ({type(error).__name__}: {error})"
        raise InputError(path, reason, remedy="name the program that the service runs") from None


def read_elf(path: Path) -> Elf:
    """The facts. InputError if it is no ELF file, or a damaged one."""
    with opened(path) as elf:
        libraries, interpreter = _needed(elf), _interpreter(elf)
        names = {section.name for section in elf.iter_sections()}
        version, settings = _go_build(elf, names)
        language, compiler = _language(elf, names, libraries)
        return Elf(
            path=path,
            machine=str(elf.get_machine_arch()),
            language=language,
            compiler=f"go {version.removeprefix('go')}" if language == "go" and version else compiler,
            interpreter=interpreter,
            libraries=libraries,
            build_id=_build_id(elf),
            symbols=".symtab" in names,
            debug_info=bool(names & {".debug_info", ".zdebug_info"}),
            debug_link=_debug_link(elf, names),
            settings=settings,
        )


def contains(path: Path, *texts: bytes) -> tuple[bool, ...]:
    """Which of these bytes are anywhere in the file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return tuple(data.find(text) >= 0 for text in texts)
    except (OSError, ValueError):
        return (False,) * len(texts)


def built_in_allocators(path: Path) -> tuple[str, ...]:
    """The allocators that are linked into a program under names of their own: what stands in for malloc never sees them."""
    found = contains(path, *(symbol for symbol, _ in _ALLOCATORS))
    return tuple(name for (_, name), is_there in zip(_ALLOCATORS, found, strict=True) if is_there)


def _language(elf: ELFFile, names: set[str], libraries: tuple[str, ...]) -> tuple[Language, str]:
    if names & {".note.go.buildid", ".go.buildinfo"}:
        return "go", ""
    comment = _data(elf, ".comment") if ".comment" in names else b""
    said = [(name, m[1].decode()) for name, pattern in _COMPILERS if (m := pattern.search(comment))]
    name, number = said[0] if said else ("", "")
    compiler = f"{name} {number}".strip()
    if name == "rustc" or _has_symbol(elf, "rust_begin_unwind", "rust_eh_personality"):
        return "rust", compiler if name == "rustc" else ""
    if _has_symbol(elf, "main.main"):
        return "go", ""
    plus = any(library.startswith(("libstdc++", "libc++")) for library in libraries)
    return ("c++" if plus or _has_symbol(elf, "_ZSt4cout", "__gxx_personality_v0") else "c"), compiler


def _has_symbol(elf: ELFFile, *wanted: str) -> bool:
    for name in (".symtab", ".dynsym"):
        table = elf.get_section_by_name(name)
        if table is None:
            continue
        # the names of all symbols, without going through the symbols themselves
        strings = elf.get_section(table["sh_link"]).data()
        if any(f"\0{symbol}\0".encode() in strings for symbol in wanted):
            return True
    return False


def _needed(elf: ELFFile) -> tuple[str, ...]:
    dynamic = elf.get_section_by_name(".dynamic")
    if not isinstance(dynamic, DynamicSection):
        return ()
    return tuple(str(getattr(tag, "needed", "")) for tag in dynamic.iter_tags("DT_NEEDED"))


def _interpreter(elf: ELFFile) -> str:
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            return str(segment.get_interp_name())
    return ""


def _build_id(elf: ELFFile) -> str:
    section = elf.get_section_by_name(".note.gnu.build-id")
    notes = section.iter_notes() if isinstance(section, NoteSection) else ()
    return next((str(note["n_desc"]) for note in notes if note["n_type"] == "NT_GNU_BUILD_ID"), "")


def _debug_link(elf: ELFFile, names: set[str]) -> str:
    if ".gnu_debuglink" not in names:
        return ""
    return _data(elf, ".gnu_debuglink").split(b"\0", 1)[0].decode(errors="replace")


def _data(elf: ELFFile, name: str) -> bytes:
    section = elf.get_section_by_name(name)
    return bytes(section.data()[:_MAX_NOTE]) if section is not None else b""


def _go_build(elf: ELFFile, names: set[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Version of Go and settings of the build, of Go 1.18 and later: two strings, each after its length as a varint,
    behind a header of 32 bytes; the second lies between two marks of 16 bytes.
    """
    data = _data(elf, ".go.buildinfo") if ".go.buildinfo" in names else b""
    if not data.startswith(_GO_MAGIC) or len(data) < 33 or not data[15] & 2:
        return "", ()
    version, rest = _varint_string(data[32:])
    module, _ = _varint_string(rest)
    settings = []
    for line in module[16:-16].decode(errors="replace").splitlines():
        kind, _, text = line.partition("\t")
        if kind == "build" and "=" in text:
            name, _, value = text.partition("=")
            settings.append((name.strip('"'), value.strip('"')))
    return version.decode(errors="replace"), tuple(settings)


def _varint_string(data: bytes) -> tuple[bytes, bytes]:
    length, shift, at = 0, 0, 0
    while at < min(len(data), 5):
        byte = data[at]
        length |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not byte & 0x80:
            break
    return data[at : at + length], data[at + length :]
