"""What a memcheck report says about leaks, kind by kind, and what it cannot say.

With ``--xml=yes`` memcheck looks for leaks in full, whatever ``--leak-check`` says, and prints loss records of the kinds
in ``--show-leak-kinds``: a kind that was not printed is not zero. Direct bytes: the text of a record has ``240 (24 direct, 216 indirect) bytes in 1 blocks``
where its ``leakedbytes`` are 240, and the indirect ones have records of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from perf_action.formats.memcheck.file import MemcheckError, Report
from perf_action.formats.source import Source

#: our word -> (kind of a record, element of the summary)
KINDS: Final = {
    "definite": ("Leak_DefinitelyLost", "definitely_lost"),
    "indirect": ("Leak_IndirectlyLost", "indirectly_lost"),
    "possible": ("Leak_PossiblyLost", "possibly_lost"),
    "reachable": ("Leak_StillReachable", "still_reachable"),
}
_DEFAULT: Final = frozenset({"definite", "possible"})
_DELTA = r"(?: \([+-][\d,.']+\))?"
_SPLIT = re.compile(rf"\(([\d,.']+){_DELTA} direct, ([\d,.']+){_DELTA} indirect\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRecord:
    """Blocks of one kind that were allocated in one place. `size` in bytes, direct ones only."""

    kind: str
    size: int
    indirect: int
    blocks: int
    error: MemcheckError


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """`sizes` in bytes by kind; a kind that the report does not tell is missing. `notes` say why.

    `indirect_apart`: what is lost indirectly has records of its own.
    """

    records: tuple[LossRecord, ...]
    indirect_apart: bool
    sizes: dict[str, int]
    notes: tuple[str, ...]


def leaks(source: Source, report: Report) -> Leaks:
    """The leaks when the program had ended. InputError if a number is none."""
    found = [e for e in report.errors if e.is_leak]
    last = [e for e in found if e.at_exit or not report.finished]
    records = tuple(_record(source, error) for error in last)
    shown = shown_kinds(report.options)
    notes = list(_notes(report, shown, earlier=len(found) - len(last)))
    sizes = {kind: sum(r.size for r in records if r.kind == kind) for kind in KINDS if kind in shown}
    if "definite" in shown and "indirect" not in shown:
        sizes["indirect"] = sum(r.indirect for r in records)
    sizes.update(_summary(source, report))
    return Leaks(records=records, indirect_apart="indirect" in shown, sizes=sizes, notes=tuple(notes))


def shown_kinds(options: Sequence[str]) -> frozenset[str]:
    """The kinds of which the report has all records. Without any option, as valgrind writes none, all."""
    shown = _DEFAULT if options else frozenset(KINDS)
    for option in options:
        name, _, value = option.partition("=")
        if name == "--show-leak-kinds":
            words = frozenset(value.split(","))
            shown = frozenset(KINDS) if "all" in words else words & frozenset(KINDS)
        elif name == "--show-reachable":
            shown = frozenset(KINDS) if value == "yes" else shown - {"reachable"}
        elif name == "--show-possibly-lost":
            shown = shown | {"possible"} if value == "yes" else shown - {"possible"}
    # the records go to a file of their own
    return frozenset() if "--xtree-leak=yes" in options else shown


def _record(source: Source, error: MemcheckError) -> LossRecord:
    whole = number(source, error.leaked_bytes, error)
    split = _SPLIT.search(error.what)
    direct, indirect = (
        (whole, 0)
        if split is None
        else (number(source, re.sub(r"[,.']", "", text), error) for text in split.groups())
    )
    if direct + indirect != whole:
        raise source.error(f"leakedbytes {whole} are not {direct} + {indirect}", place=_place(error))
    kind = next((word for word, names in KINDS.items() if names[0] == error.kind), "")
    if not kind:
        raise source.error(f"unknown kind of leak {error.kind[:40]!r}", place=_place(error))
    return LossRecord(
        kind=kind,
        size=direct,
        indirect=indirect,
        blocks=number(source, error.leaked_blocks, error),
        error=error,
    )


def _summary(source: Source, report: Report) -> Iterator[tuple[str, int]]:
    """The numbers of memcheck's own summary, where the protocol has it."""
    for kind, (_, element) in KINDS.items():
        text = report.sums.get(f"leak_summary/{element}/bytes")
        if text is not None:
            yield kind, number(source, re.sub(r"[,.']", "", text), None)


def _notes(report: Report, shown: frozenset[str], *, earlier: int) -> Iterator[str]:
    if earlier:
        yield f"{earlier} loss records of leak checks while the program ran are left out"
    if not shown and not any(key.startswith("leak_summary/") for key in report.sums):
        yield "the report has no loss records: use --show-leak-kinds=all, and no --xtree-leak=yes"
    elif shown and "reachable" not in shown:
        yield "memory that is still reachable was not reported: use --show-leak-kinds=all"


def number(source: Source, text: str, error: MemcheckError | None) -> int:
    """A count. InputError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        reason = f"{text[:40]!r} where a number should be" if text else "a number is missing"
        raise source.error(reason, place=_place(error) if error else "summary")
    return int(text)


def _place(error: MemcheckError) -> str:
    return f"error {error.unique or error.kind}"
