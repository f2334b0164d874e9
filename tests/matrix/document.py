"""docs/profilers.md: the cells as a table, and back."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from matrix.cells import LEAKING, NAMES, SERVICES, SLOW, Cell

PATH = Path(__file__).resolve().parents[2] / "docs/profilers.md"

_LANGUAGES: Mapping[str, str] = {"python": "Python", "rust": "Rust", "go": "Go", "c": "C"}
_HEAD = ("profiler", "service", "ran here", "top function", "leak found", "why not")
_ROW = re.compile(r"(?m)^\| `([\w-]+)` \| (\w+) \| (yes|no) \| (.*?) \| (.*?) \| (.*) \|$")


def text(cells: Iterable[Cell], machine: str) -> str:
    """The document. `machine` says on what it was measured."""
    known = {(c.profiler, c.service): c for c in cells}
    rows = [_row(known[p, s]) for p in NAMES for s in SERVICES if (p, s) in known]
    return f"""# Profilers on the example services

Each profiler was run on each of the [example services](../examples), whether it fits or not, by `perf-action run` with the
load of their `perf.yml` and with a fault to be found: where it measures time, `REGISTRY_FAULT=slow`, with which `{SLOW}`
does too much; where it measures memory, `REGISTRY_FAULT=leak`, with which `{LEAKING}` keeps what it should not.

`make profilers` writes this table. A test measures again what was found here, and sees to it that it is found.

* **top function**: the one with the most self cost, of time (or instructions) where the profiler measures that, else of
  the bytes allocated.
* **leak found**: `{LEAKING}`, if most of the memory that is still held at the end (at the peak, where the profiler knows
  only that) was allocated below it, else the function that allocated most. Profilers of native code see the functions
  of the interpreter, not those in Python.
* **why not**: what the program said.

{machine}

| {" | ".join(_HEAD)} |
|{"---|" * len(_HEAD)}
{chr(10).join(rows)}
"""


def _row(cell: Cell) -> str:
    words = (
        f"`{cell.profiler}`",
        _LANGUAGES[cell.service],
        "yes" if cell.ran else "no",
        _code(cell.top),
        _code(cell.leak),
        _plain(cell.reason),
    )
    return f"| {' | '.join(words)} |"


def _code(name: str) -> str:
    return f"`{name.replace('|', '¦').replace('`', chr(39))}`" if name else "–"


def _plain(reason: str) -> str:
    return re.sub(r"([|*_`\[\]\\])", r"\\\1", html.escape(reason, quote=False))


def read() -> list[Cell]:
    """The cells of the document as it is; none if there is no document."""
    return parse(PATH.read_text(encoding="utf-8")) if PATH.exists() else []


def parse(document: str) -> list[Cell]:
    names = {shown: name for name, shown in _LANGUAGES.items()}
    return [
        Cell(
            profiler=profiler,
            service=names[service],
            top=_uncoded(top),
            leak=_uncoded(leak),
            reason=html.unescape(re.sub(r"\\(.)", r"\1", reason)),
        )
        for profiler, service, _ran, top, leak, reason in _ROW.findall(document)
    ]


def _uncoded(word: str) -> str:
    return "" if word == "–" else word.strip("`").replace("¦", "|")
