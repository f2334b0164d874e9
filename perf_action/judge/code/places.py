"""Where a function of a profile comes from: the language, the library, the standard library or the service's checkout.

Profilers write files in many ways: in full, from the root of the checkout (`measure/paths.py`), or shortened to what
follows site-packages (py-spy). Here a path becomes what follows the folder of installed code, so that one pattern fits
all of them. No regular expressions: names and paths come from captures, and may be as long as somebody likes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final, Literal

from perf_action.compare.identity import plain_name
from perf_action.judge.code.libraries import words
from perf_action.model.profile import UNKNOWN, FunctionKey

#: `native` is code in a binary of which nothing tells whether C, C++ or Rust it was
Language = Literal["python", "rust", "go", "c", "node", "kernel", "native"]
#: standard: comes with the language; library: installed from elsewhere; project: a file of neither; "": no file is known
Origin = Literal["standard", "library", "project", ""]

#: what is behind this much of a name or path is not looked at
LONGEST: Final = 2000

_SUFFIXES: Final[dict[str, Language]] = {
    **dict.fromkeys(("py", "pyx", "pyi", "ipynb"), "python"),
    **dict.fromkeys(("rs",), "rust"),
    **dict.fromkeys(("go",), "go"),
    **dict.fromkeys(("js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx"), "node"),
    **dict.fromkeys(
        ("c", "h", "cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "ipp", "tcc", "inl", "S", "s"), "c"
    ),
}
#: folders of installed code -> how many parts behind them belong to the folder (an index, a checkout and its revision)
_INSTALLED: Final = (
    ("site-packages/", 0),
    ("dist-packages/", 0),
    ("node_modules/", 0),
    ("pkg/mod/", 0),
    ("/registry/src/", 1),
    ("/git/checkouts/", 2),
    ("/vendor/", 0),
)
#: programs that run other people's code
_INTERPRETERS: Final = (
    "python",
    "libpython",
    "node",
    "libnode",
    "ruby",
    "perl",
    "java",
    "uwsgi",
    "nginx",
    "postgres",
)
#: where the C library's own debug information has its files
_GLIBC: Final = (
    "../sysdeps/",
    "../nptl/",
    "../elf/",
    "./csu/",
    "./elf/",
    "./nptl/",
    "./malloc/",
    "./libio/",
    "./dlfcn/",
)
#: the folders of CPython's source
_INTERPRETER_SOURCES: Final = ("Modules/", "Objects/", "Python/", "Parser/", "Include/")
#: how V8 begins the names of JavaScript functions for perf
_JITTED: Final = ("JS:", "LazyCompile:", "Function:", "Script:", "Eval:")
#: what stands before the type in the symbol of a trait's or a type's function
_BEFORE_TYPE: Final = ("<", "&", "mut ", "dyn ", "*const ", "*mut ", "(", "[", "impl ", "'_ ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A function as rules look at it.

    `names`: the symbol without a compiler's additions, and the further forms it is known by (the type of a trait's
    function first, without a return type, the last part of a Python name). `path` is the file from the folder of
    installed code, or from wherever the profiler has it; `module` the base name of the binary.
    """

    language: Language
    names: tuple[str, ...]
    path: str
    origin: Origin
    module: str


def place_of(key: FunctionKey) -> Place:
    """Everything that can be said of a function by its identity alone."""
    file = key.file[:LONGEST].replace("\\", "/").replace("/./", "/")
    name = plain_name(key.name[:LONGEST])
    module = key.module[:LONGEST].rpartition("/")[2]
    if module == "[jit]" and name.startswith(_JITTED):
        name, file = _of_v8(name)
    language = _language(name, file, module)
    origin, path = _origin(file, language)
    if origin == "project" and language == "c" and (is_of_system(key.module[:LONGEST]) or is_reserved(name)):
        origin = "standard"
    return Place(language=language, names=_names(name, language), path=path, origin=origin, module=module)


def _of_v8(name: str) -> tuple[str, str]:
    """Function and file of a name that V8 gives to perf: ``JS:*query /srv/app/db.js:12:3``."""
    text = name.partition(":")[2].lstrip("~^*+")
    function, _, place = text.partition(" ")
    file = place.rsplit(":", 2)[0] if place.count(":") >= 2 else place
    return function or "(anonymous)", file


def is_pseudo(name: str) -> bool:
    """Whether this is no function but what a tool shows instead: ``[unknown]``, ``(idle)``, ``???``, ``<GC>``, an address."""
    bracketed = (name[:1], name[-1:]) in (("[", "]"), ("(", ")"))
    named = name == "(anonymous)" or "::" in name
    return (
        (bracketed and not named)
        or name in ("GC", "<GC>", "<native>")
        or name in ("", "???", "??", UNKNOWN)
        or name.startswith("0x")
    )


def is_reserved(word: str) -> bool:
    """Names that C and C++ keep for the implementation (``__invoke``, ``_M_run``), and those of the dynamic linker."""
    return word.startswith(("__", "_dl_")) or (word[:1] == "_" and word[1:2].isupper())


def is_of_system(module: str) -> bool:
    """Whether a binary is no program of the user's: a shared library with a version or in the system's folders, an
    extension of Python, an interpreter.
    """
    if module.startswith(("/usr/lib", "/lib/", "/lib64/", "/usr/local/lib")):
        return True
    base = module.rpartition("/")[2]
    if base.startswith(_INTERPRETERS) or base in ("[vdso]", "[vsyscall]"):
        return True
    if base.startswith("ld-") and ".so" in base:
        return True
    stem, dot, version = base.partition(".so")
    return bool(dot) and (version.startswith(".") or ".cpython-" in stem or stem.endswith(".abi3"))


def top_level(names: tuple[str, ...]) -> str:
    """The crate or namespace of a name with ``::`` (of the type, for a trait's function; of the trait, where the type
    has none); empty for a name without.
    """
    bare = names[-1]
    head = bare.split(" as ", 1)[0]
    if "::" not in head:
        head = bare.split(" as ", 1)[-1]
    return head.split("::", 1)[0].strip() if "::" in head else ""


def go_package(name: str) -> str:
    """``encoding/json`` of ``encoding/json.(*Decoder).Decode``; empty for what is no Go symbol."""
    folder, slash, rest = name.rpartition("/") if "(" not in name else _before_bracket(name)
    package, dot, _ = rest.partition(".")
    return folder + slash + package if dot else ""


def _before_bracket(name: str) -> tuple[str, str, str]:
    head = name.partition("(")[0].partition("[")[0]
    folder, slash, _ = head.rpartition("/")
    return folder, slash, name[len(folder) + len(slash) :]


def _language(name: str, file: str, module: str) -> Language:
    if module in ("[kernel]", "[guest.kernel]", "[vmlinux]") or (
        module[:1] == "[" and module not in ("[jit]", "[vdso]", "[unknown]")
    ):
        return "kernel"
    if name.startswith("py::") or file.startswith("<"):
        return "python"
    if file.startswith(("node:", "file://", "webpack:")):
        return "node"
    known = _SUFFIXES.get(file.rpartition(".")[2])
    if known == "c" and file[-2:].lower() == ".s" and _is_go(name):
        return "go"  # runtime/asm_amd64.s
    if known is not None:
        return known
    return "go" if not file and _is_go(name) else "native"


def _is_go(name: str) -> bool:
    if "::" in name or " " in name.partition("(")[0] or "." not in name:
        return False
    package = go_package(name)
    return package == "main" or "/" in package or package in words("go-standard") or ".(*" in name


def _names(name: str, language: Language) -> tuple[str, ...]:
    if language == "python":
        name = name.removeprefix("py::")
        last = name.rpartition(".")[2]
        return (name, last) if last and last != name else (name,)
    if language in ("go", "node", "kernel"):
        return (name.removesuffix("-fm"),)
    name = _unversioned(name)
    bare = _bare(name)
    return (name, bare) if bare != name else (name,)


def _unversioned(name: str) -> str:
    """Without the version of a library's symbol (``free@GLIBC_2.2.5``), and callgrind's number of a recursion."""
    mark = "@@" if "::" in name else "@"
    plain = name.partition(mark)[0] if "::" in name else name.partition(mark)[0].partition("'")[0]
    return plain.strip() or name


def _bare(name: str) -> str:
    """Without what stands before the type (``<&mut T as …``), or before the name (the type a C++ template returns)."""
    bare = name
    stripped = True
    while stripped:
        stripped = False
        for before in _BEFORE_TYPE:
            if bare.startswith(before) and not bare.startswith(("(anonymous", "(below")):
                bare, stripped = bare[len(before) :], True
    if bare == name and " " in name and "::" in name and " as " not in name:
        return _without_result(name)
    return bare


def _without_result(name: str) -> str:
    """``void shop::pack<int>(int)`` is ``shop::pack<int>(int)``: what follows the last space outside of brackets."""
    depth, start = 0, 0
    for at, character in enumerate(name):
        if character in "<({[":
            depth += 1
        elif character in ">)}]":
            depth = max(0, depth - (name[at - 1 : at] != "-"))
        elif character == " " and depth == 0:
            if name[:at].endswith("operator"):
                break
            if name[at + 1 :].startswith(("const", "volatile", "&", "[")):
                break
            start = at + 1
    return name[start:]


def _origin(file: str, language: Language) -> tuple[Origin, str]:
    if not file:
        return "", ""
    if file.startswith(("<", "node:")):
        return "standard", file
    for folder, skipped in _INSTALLED:
        path = _behind(file, folder, skipped)
        if path and not (folder == "/vendor/" and language not in ("go", "rust")):
            return "library", path
    if language == "python":
        return _python_origin(file)
    if language == "rust":
        return _rust_origin(file)
    interpreter = _interpreter_source(file)
    if interpreter:
        return "standard", interpreter
    if file.startswith(("/usr/include/", "/usr/lib/", "/usr/local/include/", "/opt/rh/", *_GLIBC)):
        return "standard", file
    return "project", file.removeprefix("./")


def _interpreter_source(file: str) -> str:
    """The path from the root of CPython's source of a file of it, where debug information has it; else empty."""
    first = file.removeprefix("./").removeprefix("../")
    if first.startswith(_INTERPRETER_SOURCES):
        return first
    build = file.lower().rfind("/python-3.")
    if build < 0:
        build = file.lower().rfind("/cpython")
    rest = file[build + 1 :].partition("/")[2] if build >= 0 else ""
    return rest if rest.startswith(_INTERPRETER_SOURCES) else ""


def _behind(file: str, folder: str, skipped: int) -> str:
    at = file.rfind(folder)
    if at < 0 or (at > 0 and folder[0] != "/" and file[at - 1] != "/"):
        return ""
    path = file[at + len(folder) :]
    for _ in range(skipped):
        path = path.partition("/")[2]
    return path


def _python_origin(file: str) -> tuple[Origin, str]:
    start = file.rfind("/python3.")
    if start >= 0 or file.startswith("python3."):
        folder, _, rest = file[start + 1 :].partition("/")
        if rest and folder[len("python3.") :].rstrip("t").isdigit():
            return "standard", rest
    if file.startswith("/"):
        return "project", file
    first, slash, _ = file.partition("/")
    if first in words("python-standard") if slash else first.rpartition(".")[0] in sys.stdlib_module_names:
        return "standard", file
    return "project", file


def _rust_origin(file: str) -> tuple[Origin, str]:
    if file.startswith("/rustc/"):
        return "standard", file.split("/", 3)[-1]
    if "/rustlib/src/rust/" in file or file.startswith("library/"):
        return "standard", file.rpartition("/rust/")[2]
    return "project", file
