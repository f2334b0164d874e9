"""Holds the table of docs/architecture.md: who may import whom, and where the world may be touched."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

RANKS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("model", "system"),
    ("config", "git"),
    ("profilers", "load", "formats"),
    ("recording", "compare", "store", "machine"),
    ("measure", "judge", "render"),
    ("github",),
    ("pipeline",),
    ("cli",),
    ("__main__",),
)
RANK = {room: i for i, rooms in enumerate(RANKS) for room in rooms}
PACKAGE = Path(__file__).resolve().parent.parent / "perf_action"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "resources" not in p.parts and p.name != "profile_pb2.py")


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    mine = room_of(path)
    if mine == "__init__":
        return
    for line, module in imports(path):
        parts = module.split(".")
        if parts[0] != "perf_action" or len(parts) < 2 or parts[1] in (mine, "__version__"):
            continue
        assert parts[1] in RANK, f"{path}:{line} imports {module}, a room the table does not know"
        assert RANK[parts[1]] < RANK[mine], f"{path}:{line}: {mine} may not import {parts[1]}"


#: module -> the rooms or files that may import it, with the reason in docs/architecture.md
TOUCH = {
    "subprocess": ("system.py",),
    "requests": ("github/", "store/", "profilers/pprof_http.py", "load/replay.py"),
    "http.client": ("machine/",),
    "urllib.request": (),
    "socketserver": (),
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_world_is_touched_in_few_places(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    for line, module in imports(path):
        for outside, allowed in TOUCH.items():
            if module == outside or module.startswith(outside + "."):
                assert name.startswith(allowed or ("-",)), f"{name}:{line} imports {outside}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_says_why_it_exists(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), f"{path} has no docstring"
