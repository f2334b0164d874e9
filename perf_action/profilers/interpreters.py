"""Which Python a command will run in: memray has to be built for just that one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.profilers.plan import Target
from perf_action.system import System

_NAME = re.compile(r"(?:python|pypy)[\d.]*t?")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_RUNNERS = frozenset({"uv", "poetry", "pipenv", "pdm", "hatch", "rye"})
_ASSIGNED = re.compile(r"\w+=")
_ASK = (
    "import sys, importlib.metadata as m\n"
    "try: v = m.version('memray')\n"
    "except Exception: v = ''\n"
    "print(sys.implementation.cache_tag, '%d.%d.%d' % sys.version_info[:3], v or '-', sys.executable)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python. `tag` names its version as in ``cpython-312``; `memray` is the version it has installed, or empty."""

    executable: str
    tag: str
    version: str
    memray: str = ""


def interpreters(target: Target, system: System) -> tuple[Interpreter, ...]:
    """The Pythons that `target` may run in, likeliest first, one for each version. CannotMeasure if there is none.

    A command whose interpreter cannot be seen, such as a shell script, is taken to use the ``python`` of its PATH.
    """
    found: dict[str, Interpreter] = {}
    for candidates in (_named(target), _usual(target)):
        for argv in candidates:
            python = _ask(argv, target, system)
            if python is not None:
                found.setdefault(python.tag, python)
        if found:
            break
    if not found:
        command = shlex.join(target.argv[:4])
        raise CannotMeasure(f"no Python was found for {command}; memray measures services that run in Python")
    return tuple(found.values())


def names_python(target: Target) -> bool:
    """Whether the command starts a Python, as far as that can be seen without starting it."""
    return any(True for _ in _named(target))


def _usual(target: Target) -> Iterator[tuple[str, ...]]:
    yield from ((path,) for path in map(System(dict(target.env)).which, ("python", "python3")) if path)


def _named(target: Target) -> Iterator[tuple[str, ...]]:
    """Commands that start a Python named by the command, to be completed by arguments of ours."""
    words = words_of(target.argv)
    local = System(dict(target.env))
    if len(words) > 1 and Path(words[0]).name in _RUNNERS and words[1] == "run":
        yield (words[0], "run", "python")
    shell = Path(target.argv[0]).name in _SHELLS
    for word in words if shell else words[:1]:
        path = str(target.cwd / word) if "/" in word else local.which(word)
        if path:
            yield from _of_program(Path(path), local)


def words_of(argv: tuple[str, ...]) -> list[str]:
    """The words of a command, those of the command inside for ``sh -c``; ``exec``, ``env`` and VAR=… left out."""
    words = list(argv)
    if Path(argv[0]).name in _SHELLS and "-c" in argv[:-1]:
        try:
            words = shlex.split(argv[argv.index("-c") + 1], comments=True)
        except ValueError:
            words = []
    return [w for w in words if w not in ("exec", "env", "command") and not _ASSIGNED.match(w)]


def _of_program(path: Path, local: System) -> Iterator[tuple[str, ...]]:
    """The Python that a file is, or that its first line names."""
    if _NAME.fullmatch(path.name):
        yield (str(path),)
        return
    try:
        with path.open("rb") as file:
            head = file.read(1024).decode(errors="replace")
    except OSError:
        return
    if not head.startswith("#!"):
        return
    first, _, second = head[2:].partition("\n")
    # pip writes `#!/bin/sh` and then `'''exec' /path with spaces/python "$0" …` where the first line would be too long
    words = (
        first.split()
        if "'''exec'" not in second
        else shlex.split(second.split("\n")[0].removeprefix("'''exec'"))
    )
    for word in words[:2]:
        if _NAME.fullmatch(Path(word).name):
            yield from ((p,) for p in [word if "/" in word else local.which(word)] if p)


def _ask(argv: tuple[str, ...], target: Target, system: System) -> Interpreter | None:
    try:
        done = system.run([*argv, "-c", _ASK], cwd=target.cwd, env=dict(target.env), timeout=60)
    except (ToolMissing, CannotMeasure):
        return None
    if done.code != 0 or len(words := done.stdout.strip().split(maxsplit=3)) != 4:
        return None
    tag, version, memray, executable = words
    return Interpreter(executable=executable, tag=tag, version=version, memray=memray.strip("-"))
