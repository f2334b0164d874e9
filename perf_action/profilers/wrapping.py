"""Commands of which one program in the middle is started by a profiler: ``nice ./shop`` → ``nice PROFILER ./shop``.

For profilers that see the first program of a command only. A profiler before a shell or a launcher would record that one.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from perf_action.errors import CannotMeasure
from perf_action.profilers.elf import is_elf
from perf_action.profilers.interpreters import interpreters, names_python
from perf_action.profilers.plan import Target
from perf_action.system import System

#: programs that become the one that is named after them
_LAUNCHERS = re.compile(r"env|(?:io)?nice|taskset|numactl|chrt|setsid|stdbuf|nohup|setarch")
_SHELLS = re.compile(r"(?:ba|da|z|a)?sh")


def wrapped(prefix: tuple[str, ...], target: Target, system: System) -> tuple[str, ...]:
    """The command of `target` with `prefix` before the program itself. CannotMeasure if that cannot be found in it."""
    argv, local = target.argv, System({**system.environ, **dict(target.env)})
    if _SHELLS.fullmatch(Path(argv[0]).name) and "-c" in argv[:-1]:
        line = argv.index("-c") + 1
        return (*argv[:line], _in_shell(prefix, argv[line], target, local), *argv[line + 1 :])
    for place, word in enumerate(argv):
        found = _file(word, target, local)
        if found is None or _LAUNCHERS.fullmatch(found.name):
            continue
        if is_elf(found) and not _SHELLS.fullmatch(found.name):
            return (*argv[:place], *prefix, *argv[place:])
        if names_python(Target(argv=argv[place:], cwd=target.cwd, env=target.env)):
            return (*argv[:place], *prefix, *_python(argv[place:], target, system))
        break
    raise _no_program(prefix, target)


def _in_shell(prefix: tuple[str, ...], text: str, target: Target, local: System) -> str:
    """The shell line with `prefix` before its only program."""
    try:
        words = [word for word in shlex.split(text, comments=True) if not _SHELLS.fullmatch(word)]
    except ValueError:
        words = []
    programs = [word for word in words if (found := _file(word, target, local)) and is_elf(found)]
    programs = [word for word in programs if not _LAUNCHERS.fullmatch(Path(word).name)]
    places = [
        m
        for word in programs[:1]
        for m in re.finditer(rf"(?<![^\s;&|(]){re.escape(word)}(?![^\s;&|)])", text)
    ]
    if len(places) != 1:
        raise _no_program(prefix, target)
    at = places[0].start()
    return f"{text[:at]}{shlex.join(prefix)} {text[at:]}"


def _python(argv: tuple[str, ...], target: Target, system: System) -> tuple[str, ...]:
    """A command that starts Python through a script (a console script, a version manager) without that script."""
    rest = Target(argv=argv, cwd=target.cwd, env=target.env)
    python = interpreters(rest, system)[0].executable
    local = System({**system.environ, **dict(target.env)})
    first = _file(argv[0], target, local)
    if first is not None and re.fullmatch(r"(?:python|pypy)[\d.]*t?", first.name):
        return (python, *argv[1:])
    return (python, str(first), *argv[1:])


def _file(word: str, target: Target, local: System) -> Path | None:
    found = target.cwd / word if "/" in word else Path(local.which(word) or "")
    return found if found.is_file() else None


def _no_program(prefix: tuple[str, ...], target: Target) -> CannotMeasure:
    tool = Path(prefix[0]).name
    return CannotMeasure(
        f"{tool} records the program that it starts itself, and which one that is cannot be told from "
        f"{shlex.join(target.argv)[:200]!r}; let service.command start the program without a script around it"
    )
