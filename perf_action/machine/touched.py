"""What differs between base and head, as git sees it: files, lines, functions. Names in it are hostile, and only data."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from perf_action.git import Git, open_repository
from perf_action.machine.diff import FileDiff, parse_diff
from perf_action.machine.source_functions import ATTRIBUTES, named_in, python_functions
from perf_action.machine.worktree import Checkout
from perf_action.model.touched import Lines, TouchedFile
from perf_action.system import System

#: of more than this nobody can say which function matters, and the family is no smaller than all functions
_MOST_FILES = 300
_MOST_LINES = 20_000
_MOST_BYTES = 20_000_000
_LARGEST_SOURCE = 2_000_000
_OPTIONS = (
    "--unified=0", "--find-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative",
    "--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=all", "--diff-algorithm=histogram",
)  # fmt: skip


def touched(base: Checkout, head: Checkout, system: System) -> tuple[TouchedFile, ...]:
    """The files of both checkouts' trees that differ; nothing outside git, or where too much differs to matter.

    CannotMeasure with git's words if it fails.
    """
    if not base.tree or not head.tree:
        return ()
    git = open_repository(system, head.path)
    files = list(parse_diff(_diff(git, base.tree, head.tree)))
    lines = sum(last - first + 1 for f in files for first, last in (*f.base_lines, *f.head_lines))
    if len(files) > _MOST_FILES or lines > _MOST_LINES:
        return ()
    return tuple(_touched(git, file, base.tree, head.tree) for file in files)


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


def _touched(git: Git, file: FileDiff, base: str, head: str) -> TouchedFile:
    sides = ((base, file.base, file.base_lines), (head, file.head, file.head_lines))
    names = dict.fromkeys(name for tree, path, lines in sides for name in _python(git, tree, path, lines))
    if not names and not file.head.endswith((".py", ".pyi")):
        names = dict.fromkeys(named_in(file.context, file.changed))
    return TouchedFile(
        base=file.base,
        head=file.head,
        base_lines=tuple(file.base_lines),
        head_lines=tuple(file.head_lines),
        functions=tuple(names),
    )


def _python(git: Git, tree: str, path: str, lines: list[Lines]) -> Iterator[str]:
    if not lines or not path.endswith(".py"):
        return
    shown = git.run("cat-file", "blob", f"{tree}:{path}", timeout=30)
    if shown.code == 0 and len(shown.stdout) < _LARGEST_SOURCE:
        yield from python_functions(shown.stdout, lines)
