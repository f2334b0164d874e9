"""What a service is built and run with, besides the machine: compilers, interpreters, and the lock files of its
dependencies.

Another compiler makes another program of the same code, so its version belongs to the environment's fingerprint.
A lock file is part of the change that people ask about: its digest is shown where it differs, and decides nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perf_action.errors import CannotMeasure
from perf_action.machine.prepare import Prepared
from perf_action.system import System

_NUMBER = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_TIMEOUT = 30.0
_MAX_LOCK = 64 * 2**20

#: found by their names, nearest to the service first
LOCK_FILES = (
    "Cargo.lock", "go.sum", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
    "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.txt", "Gemfile.lock",
    "gradle.lockfile",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tool:
    """`argv` prints the version of what builds or runs projects that have one of `files`; {python} is the service's."""

    name: str
    argv: tuple[str, ...]
    files: tuple[str, ...]


_TOOLS = (
    _Tool(
        name="python",
        argv=("{python}", "--version"),
        files=("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "*.py"),
    ),
    _Tool(name="rustc", argv=("rustc", "--version"), files=("Cargo.toml",)),
    _Tool(name="go", argv=("go", "version"), files=("go.mod",)),
    _Tool(name="node", argv=("node", "--version"), files=("package.json",)),
    _Tool(
        name="cc",
        argv=("cc", "-dumpfullversion"),
        files=("CMakeLists.txt", "meson.build", "*.c", "*.cc", "*.cpp"),
    ),
    _Tool(name="java", argv=("java", "-version"), files=("pom.xml", "build.gradle", "build.gradle.kts")),
    _Tool(name="ruby", argv=("ruby", "--version"), files=("Gemfile",)),
)


def toolchain(prepared: Prepared, system: System) -> tuple[tuple[str, str], ...]:
    """(name, version) of the compilers and interpreters of a side, as its own commands find them; what does not answer
    is left out. Empty for a service that runs already: nobody here built it.
    """
    if prepared.service.existing:
        return ()
    folders = folders_of(prepared.directory, prepared.checkout.path)
    return tools_for(folders, python=prepared.python, env=prepared.env, system=system)


def tools_for(
    folders: Sequence[Path], *, python: str, env: Mapping[str, str], system: System
) -> tuple[tuple[str, str], ...]:
    """(name, version) of what builds or runs projects with the files of `folders`, as found in the first of them."""
    there = [tool for tool in _TOOLS if any(_has(folder, tool.files) for folder in folders)]
    versions = (
        (tool.name, _version([word.format(python=python) for word in tool.argv], folders[0], env, system))
        for tool in there
    )
    return tuple((name, version) for name, version in versions if version)


def lock_files(prepared: Prepared) -> tuple[tuple[str, str], ...]:
    """(name, first twelve hex digits of its SHA-256) of each lock file in the service's folder or above it."""
    if prepared.service.existing:
        return ()
    found: dict[str, str] = {}
    for folder in folders_of(prepared.directory, prepared.checkout.path):
        for path in map(folder.joinpath, LOCK_FILES):
            if path.name not in found and path.is_file() and path.stat().st_size <= _MAX_LOCK:
                found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return tuple(sorted(found.items()))


def folders_of(directory: Path, checkout: Path) -> list[Path]:
    """The folder in which the service's commands run, and those above it within the checkout."""
    top = checkout.resolve()
    return [directory, *(folder for folder in directory.parents if folder.is_relative_to(top))]


def _has(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(next(folder.glob(pattern), None) is not None for pattern in patterns)


def _version(argv: Sequence[str], folder: Path, env: Mapping[str, str], system: System) -> str:
    try:
        done = system.run(argv, cwd=folder, env=env, timeout=_TIMEOUT)
    except CannotMeasure:
        return ""
    found = _NUMBER.search(done.stdout or done.stderr)
    return found.group() if done.code == 0 and found else ""
