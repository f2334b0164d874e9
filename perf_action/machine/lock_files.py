"""Which versions of packages a lock file pins: a new version of a dependency changes the program as an edit does.

Only names, versions and their lines are read, line by line where the format allows, so that a file of a newer version of
its tool, or half of one, still says what it can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from perf_action.model.touched import Ecosystem, PackageChange

#: name, version, line
_Pin = tuple[str, str, int]
_MOST_PINS = 20_000
_LONGEST_LINE = 2_000
#: Cargo.lock, poetry.lock, uv.lock, pdm.lock: a name, and its version on the next line
_TOML_KEY = re.compile(r'(name|version) = "([^"]{1,200})"')
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]{0,100})(?:\[[^\]]{0,200}\])?\s*===?\s*([\w.!+*-]{1,100})")
_GO_MODULE = re.compile(r"(?:require\s+)?([\w.-]+\.[\w-]+(?:/[\w.~!-]+)*)\s+(v[\w.+-]{1,100})(?:\s|$)")
_YARN_NAME = re.compile(r'"?(@?[\w.-]+(?:/[\w.-]+)?)@[^:]*:?.*:$')
_YARN_VERSION = re.compile(r'  version:? "?([\w.+-]{1,100})"?$')
_PNPM = re.compile(r"  '?/?((?:@[\w.-]+/)?[\w.-]+)@(\d[\w.+-]*)(?:\([^)]*\))*'?:$")


def _toml(text: str) -> Iterator[_Pin]:
    name = ""
    for number, line in _lines(text):
        if line.startswith("[") or not line.strip():
            name = "" if line.startswith("[") else name
        elif match := _TOML_KEY.fullmatch(line):
            if match[1] == "name":
                name = match[2]
            elif name:
                yield name, match[2], number
                name = ""


def _requirements(text: str) -> Iterator[_Pin]:
    for number, line in _lines(text):
        if match := _REQUIREMENT.match(line):
            yield match[1], match[2], number


def _go(text: str) -> Iterator[_Pin]:
    for number, line in _lines(text):
        if match := _GO_MODULE.match(line.strip()):
            yield match[1], match[2], number


def _npm(text: str) -> Iterator[_Pin]:
    """package-lock.json from npm 7 on: ``packages`` by their folder."""
    try:
        packages = json.loads(text).get("packages", {})
    except (ValueError, AttributeError, RecursionError):
        return
    places = {line.strip().partition('": ')[0].lstrip('"'): number for number, line in _lines(text)}
    for folder, package in packages.items() if isinstance(packages, dict) else ():
        version = package.get("version") if isinstance(package, dict) else None
        if "node_modules/" in folder and isinstance(version, str):
            yield folder.rpartition("node_modules/")[2], version, places.get(folder, 0)


def _yarn(text: str) -> Iterator[_Pin]:
    name, at = "", 0
    for number, line in _lines(text):
        if match := _YARN_NAME.match(line):
            name, at = match[1], number
        elif name and (match := _YARN_VERSION.fullmatch(line)):
            yield name, match[1], at
            name = ""


def _pnpm(text: str) -> Iterator[_Pin]:
    for number, line in _lines(text):
        if match := _PNPM.fullmatch(line):
            yield match[1], match[2], number


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) <= _LONGEST_LINE:
            yield number, line


_Reader = Callable[[str], Iterator[_Pin]]
_READERS: Mapping[str, tuple[Ecosystem, _Reader]] = {
    "Cargo.lock": ("rust", _toml),
    "poetry.lock": ("python", _toml),
    "uv.lock": ("python", _toml),
    "pdm.lock": ("python", _toml),
    "go.mod": ("go", _go),
    "package-lock.json": ("node", _npm),
    "npm-shrinkwrap.json": ("node", _npm),
    "yarn.lock": ("node", _yarn),
    "pnpm-lock.yaml": ("node", _pnpm),
}
_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.txt")


def is_lock_file(path: str) -> bool:
    return _reader(path) is not None


def _reader(path: str) -> tuple[Ecosystem, _Reader] | None:
    folder, _, name = path.rpartition("/")
    if name in _READERS:
        return _READERS[name]
    if _REQUIREMENTS.fullmatch(name) or (
        folder.rpartition("/")[2] == "requirements" and name.endswith(".txt")
    ):
        return "python", _requirements
    return None


def package_changes(path: str, base: str, head: str) -> tuple[PackageChange, ...]:
    """The packages whose versions differ between two texts of a lock file; none of what is no lock file."""
    known = _reader(path)
    if known is None:
        return ()
    ecosystem, read = known
    before, after = _pinned(read(base)), _pinned(read(head))
    changes = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, {}), after.get(name, {})
        if set(old) != set(new):
            lines = [line for version, line in new.items() if version not in old] or list(new.values())
            changes.append(
                PackageChange(
                    ecosystem=ecosystem,
                    name=name,
                    before=", ".join(sorted(old)),
                    after=", ".join(sorted(new)),
                    line=lines[0] if lines else 0,
                )
            )
    return tuple(changes)


def _pinned(pins: Iterator[_Pin]) -> dict[str, dict[str, int]]:
    """Name -> version -> the line where it is first."""
    out: dict[str, dict[str, int]] = {}
    for count, (name, version, line) in enumerate(pins):
        if count >= _MOST_PINS:
            break
        out.setdefault(name, {}).setdefault(version, line)
    return out
