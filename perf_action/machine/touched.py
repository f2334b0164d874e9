"""What differs between base and head, as git sees it: files, lines, functions. Names in it are hostile, and only data."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from perf_action.git import Git, open_repository
from perf_action.machine import syntax
from perf_action.machine.diff import FileDiff, parse_diff
from perf_action.machine.lock_files import is_lock_file, package_changes
from perf_action.machine.python_source import python_source
from perf_action.machine.source_functions import ATTRIBUTES, Function, Source, named_in, owned, ranges
from perf_action.machine.worktree import Checkout
from perf_action.model.touched import Lines, Span, TouchedFile
from perf_action.system import System

#: GitHub shows no more of a pull request; what is above that is left out
_MOST_FILES = 3_000
_MOST_LINES = 500_000
_MOST_BYTES = 50_000_000
_LARGEST_SOURCE = 1_000_000
_LARGEST_LOCK = 5_000_000
#: of one diff, so much source is parsed, in bytes and in files; what is beyond that is named by git's own words
_MOST_PARSED = 15_000_000
_MOST_PARSED_FILES = 500
_MOST_CALLS = 100
_OPTIONS = (
    "--unified=0", "--find-renames", "-l3000", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative",
    "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all", "--diff-algorithm=histogram",
)  # fmt: skip
#: what generators write at the top of a file, https://go.dev/s/generatedcode among them
_GENERATED = re.compile(r"@generated|\bDO NOT EDIT\b|[Aa]uto-?generated|[Gg]enerated (?:by|from)\b")
_TOP = 2_000


def touched(base: Checkout, head: Checkout, system: System) -> tuple[TouchedFile, ...]:
    """The files of both checkouts' trees that differ; nothing outside git.

    CannotMeasure with git's words if it fails.
    """
    if not base.tree or not head.tree:
        return ()
    git = open_repository(system, head.path)
    return _Reading(git, base.tree, head.tree).files(_diff(git, base.tree, head.tree))


def _diff(git: Git, base: str, head: str) -> str:
    with tempfile.TemporaryDirectory(prefix="perf-action-") as scratch:
        attributes, output = Path(scratch, "attributes"), Path(scratch, "diff")
        attributes.write_text(ATTRIBUTES)
        git.out(
            "-c", f"core.attributesFile={attributes}", "-c", "core.quotePath=true",
            "diff", *_OPTIONS, f"--output={output}", base, head, "--", timeout=60,
        )  # fmt: skip
        with output.open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")


class _Reading:
    """Reads both sides' text of the files of one diff, as far as its budget goes."""

    def __init__(self, git: Git, base: str, head: str) -> None:
        self._git, self._base, self._head = git, base, head
        self._bytes, self._files = _MOST_PARSED, _MOST_PARSED_FILES

    def files(self, diff: str) -> tuple[TouchedFile, ...]:
        found: list[TouchedFile] = []
        lines = 0
        for file in parse_diff(diff):
            lines += _count(file.base_lines) + _count(file.head_lines)
            if len(found) >= _MOST_FILES or lines > _MOST_LINES:
                break
            found.append(self._file(file))
        return tuple(found)

    def _file(self, file: FileDiff) -> TouchedFile:
        path = file.head or file.base
        if is_lock_file(path):
            texts = (self._text(self._base, file.base), self._text(self._head, file.head))
            return _touched(file, packages=package_changes(path, *texts))
        if not (path.endswith((".py", ".pyi")) or syntax.is_known(path)) or self._files <= 0:
            return _touched(file, functions=named_in(file.context, file.changed))
        self._files -= 1
        texts = (self._source(self._base, file.base), self._source(self._head, file.head))
        base, head = (_parsed(path, text) for text in texts)
        generated = bool(_GENERATED.search((texts[1] or texts[0])[:_TOP]))
        if base is None or head is None:
            named = () if path.endswith((".py", ".pyi")) else named_in(file.context, file.changed)
            return _touched(file, functions=named, generated=generated)
        spans = _spans(file, base, head)
        return _touched(
            file,
            functions=_names(file, base, head, spans),
            spans=spans,
            parsed=True,
            generated=generated,
        )

    def _source(self, tree: str, path: str) -> str:
        text = self._text(tree, path) if self._bytes > 0 else ""
        self._bytes -= len(text)
        return text if len(text) < _LARGEST_SOURCE else ""

    def _text(self, tree: str, path: str) -> str:
        if not path:
            return ""
        shown = self._git.run("cat-file", "blob", f"{tree}:{path}", timeout=30)
        return shown.stdout if shown.code == 0 and len(shown.stdout) < _LARGEST_LOCK else ""


def _touched(file: FileDiff, **more: object) -> TouchedFile:
    return TouchedFile(
        base=file.base,
        head=file.head,
        base_lines=tuple(file.base_lines),
        head_lines=tuple(file.head_lines),
        **more,  # type: ignore[arg-type]
    )


def _count(lines: Sequence[Lines]) -> int:
    return sum(last - first + 1 for first, last in lines)


def _parsed(path: str, text: str) -> Source | None:
    return python_source(text) if path.endswith((".py", ".pyi")) else syntax.parsed(path, text)


def _spans(file: FileDiff, base: Source, head: Source) -> tuple[Span, ...]:
    """The functions of head that changed lines are in, unless base has the same code under the same name."""
    before = {(f.name, f.digest) for f in base.functions}
    bare = [f.bare for f in head.functions]
    owners = owned(head, sorted({(line, line) for line, _ in head.calls}))
    owner_of = {line: f for f, lines in owners.items() for line in lines}
    callers: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for line, name in head.calls:
        if line in owner_of:
            callers[name][owner_of[line].name] = None
    spans = []
    for function, owned_lines in owned(head, [*file.head_lines, *file.removed_at]).items():
        if (function.name, function.digest) in before:
            continue
        lines = [line for line in owned_lines if line in head.code] or owned_lines
        changed = set(lines)
        calls = dict.fromkeys(name for line, name in head.calls if line in changed)
        spans.append(
            Span(
                function=function.name,
                first=function.first,
                last=function.last,
                lines=ranges(lines),
                calls=tuple(calls)[:_MOST_CALLS],
                callers=tuple(callers.get(function.bare, {}))[:_MOST_CALLS],
                alone=bare.count(function.bare) == 1,
            )
        )
    return tuple(spans)


def _names(file: FileDiff, base: Source, head: Source, spans: Sequence[Span]) -> tuple[str, ...]:
    """The functions of either side that differ: of base, those whose lines went and that head has no equal of."""
    after = {(f.name, f.digest) for f in head.functions}
    gone: list[Function] = [f for f in owned(base, file.base_lines) if (f.name, f.digest) not in after]
    return tuple(dict.fromkeys([*(f.name for f in gone), *(s.function for s in spans)]))
