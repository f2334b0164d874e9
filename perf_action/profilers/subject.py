"""What the service is: the program that its command runs, and the language it is written in.

The program itself is looked at where it is there; before it has been built, the command that builds it and the files of
the project say the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from perf_action.errors import InputError
from perf_action.profilers.elf import Elf, Language, is_elf, read_elf
from perf_action.profilers.interpreters import names_python, words_of
from perf_action.profilers.plan import Target
from perf_action.system import System

#: programs that start the one that is named after them
_LAUNCHERS = re.compile(
    r"(?:io)?nice|taskset|numactl|chrt|setsid|stdbuf|timeout|nohup|sudo|tini|dumb-init|(?:ba|da|z)?sh"
)
#: programs that run another program's code: what is in the file says nothing of the service
_RUNTIMES = re.compile(r"node|deno|bun|java|ruby[\d.]*|php[\d.]*|perl[\d.]*|dotnet|beam\.smp|erl|lua[\d.]*")
_BUILDERS: tuple[tuple[str, Language], ...] = (
    (r"\b(?:cargo|rustc)\b", "rust"),
    (r"\bgo\s+(?:build|install|generate)\b", "go"),
    (r"\b(?:g\+\+|clang\+\+|c\+\+)", "c++"),
    (r"\b(?:gcc|clang|cc|cmake|meson|ninja)\b", "c"),
    (r"\b(?:pip3?|uv|poetry|pipenv|pdm|hatch)\b", "python"),
)
_PROJECT_FILES: tuple[tuple[str, Language], ...] = (
    ("Cargo.toml", "rust"),
    ("go.mod", "go"),
    ("pyproject.toml", "python"),
    ("requirements.txt", "python"),
    ("setup.py", "python"),
    ("Pipfile", "python"),
    ("package.json", "other"),
    ("pom.xml", "other"),
    ("CMakeLists.txt", "c"),
    ("meson.build", "c"),
    ("configure", "c"),
    ("Makefile", "c"),
)
_PACKAGE_NAME = re.compile(r'^\[package\][^\[]*?^name\s*=\s*"([^"]+)"', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`program` is the ELF file that the command runs and `elf` what it says, None where that cannot be told (yet);
    `evidence` says by what the language is known. For Python no program is looked for.
    """

    language: Language
    evidence: str
    program: Path | None = None
    elf: Elf | None = None


def look(target: Target, system: System, *, made_by: str = "") -> Subject | None:
    """What the service is; None if nothing says so. `made_by` are the commands that set it up and build it."""
    if target.pid is None and names_python(target):
        return Subject(language="python", evidence="its command starts Python")
    program = find_program(target, system)
    if program is not None:
        return look_at(program)
    for pattern, language in _BUILDERS:
        if found := re.search(pattern, made_by):
            return Subject(language=language, evidence=f"it is made by {found.group()}")
    for name, language in _PROJECT_FILES:
        if (target.cwd / name).is_file():
            return Subject(language=language, evidence=f"{name} in its folder")
    return None


def look_at(program: Path) -> Subject | None:
    """What an ELF file is (or a link to one, such as /proc/PID/exe); None if it is damaged."""
    try:
        elf = read_elf(program)
        name = program.readlink().name if program.is_symlink() else program.name
    except (InputError, OSError):
        return None
    if re.fullmatch(r"(?:python|pypy)[\d.]*t?", name):
        return Subject(language="python", evidence=f"it runs {name}", program=program, elf=elf)
    if _RUNTIMES.fullmatch(name):
        evidence = f"{name} runs it"
        return Subject(language="other", evidence=evidence, program=program, elf=elf)
    by = f", built by {elf.compiler}" if elf.compiler else ""
    return Subject(language=elf.language, evidence=f"{name} is an ELF program{by}", program=program, elf=elf)


def find_program(target: Target, system: System) -> Path | None:
    """The ELF file that the command runs, through shells, launchers and ``cargo run``; None if there is none (yet)."""
    if target.pid is not None:
        return Path(f"/proc/{target.pid}/exe")
    local = System({**system.environ, **dict(target.env)})
    words = words_of(target.argv)
    if [Path(word).name for word in words[:1]] == ["cargo"] and "run" in words[1:3]:
        return next((path for path in _of_cargo(words, target, local) if is_elf(path)), None)
    for word in words:
        found = target.cwd / word if "/" in word else Path(local.which(word) or "")
        if _LAUNCHERS.fullmatch(found.name) or not found.is_file():
            continue
        return found.resolve() if is_elf(found) else None
    return None


def _of_cargo(words: list[str], target: Target, local: System) -> Iterator[Path]:
    """Where ``cargo run`` puts what it builds."""
    options = dict(pairwise(words))
    folder = "release" if "--release" in words else options.get("--profile", "debug")
    manifest = target.cwd / options.get("--manifest-path", "Cargo.toml")
    try:
        named = _PACKAGE_NAME.search(manifest.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        named = None
    name = options.get("--bin") or (named[1] if named else "")
    for parent in (manifest.parent, *manifest.parent.parents):
        yield Path(local.environ.get("CARGO_TARGET_DIR") or parent / "target") / folder / name
