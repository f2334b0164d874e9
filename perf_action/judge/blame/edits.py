"""Which function of a profile is which edited function of the repository.

Profilers name a file as it was where the program was built or run: from the root of the repository, from a folder of it,
from ``sys.path``, or with all folders of a container. A name alone is little: two functions of one name are common, so
what rests on a name alone is said to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perf_action.compare.identity import plain_name
from perf_action.compare.touched import bare_name
from perf_action.model.profile import FunctionKey
from perf_action.model.touched import Lines, Span, TouchedFile

_MODULE = "<module>"
_WORD = re.compile(r"[A-Za-z_$~][\w$]*|<[a-z]+>")
#: folders of code that is not the repository's, unless it keeps a copy of it
_FOREIGN_FOLDERS = (
    "site-packages/", "dist-packages/", "/.cargo/registry/", "/.cargo/git/", "/rustc/", "/go/pkg/mod/", "/node_modules/",
    "/usr/lib/", "/usr/lib64/", "/lib/x86_64-linux-gnu/", "/usr/include/", "/usr/local/go/", "/usr/local/lib/", "/usr/src/",
)  # fmt: skip
_LONGEST_NAME = 2_000
_ANONYMOUS = "(anonymous)"
#: of ``add(int)``, not of ``main.(*Cart).add``
_ARGUMENTS = re.compile(r"(?<=[\w>\]])\(.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edited function, as a function of the profile was found to be it. `doubt` is what speaks against it, or empty."""

    file: TouchedFile
    span: Span
    doubt: str = ""


class Edits:
    """The edited functions of a pull request. `lines` are the first and last line seen of each function of head."""

    def __init__(self, touched: Sequence[TouchedFile], lines: Mapping[FunctionKey, Lines | None]) -> None:
        self._lines = lines
        self._by_name: defaultdict[str, list[tuple[TouchedFile, Span]]] = defaultdict(list)
        for file in touched:
            for span in file.spans:
                self._by_name[_bare(span.function)].append((file, span))

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def of(self, key: FunctionKey) -> Edit | None:
        """The edit of a function of head; None if it is not edited, or nobody can tell that it is."""
        if key.name == _MODULE or len(key.name) > _LONGEST_NAME:
            return None
        named = [
            (file, span)
            for file, span in self._by_name.get(_bare(key.name), ())
            if _names_agree(key.name, span.function)
        ]
        if not named:
            return None
        return self._by_file(key, named) if key.file else _by_name_alone(key, named)

    def among(self, functions: Iterable[FunctionKey]) -> dict[int, Edit]:
        """Of these functions those that are edited, by their place."""
        found = ((i, self.of(key)) for i, key in enumerate(functions)) if self else ()
        return {i: edit for i, edit in found if edit is not None}

    def inlined_into(self, key: FunctionKey) -> tuple[Edit, ...]:
        """Edited functions that this one calls according to the source of their common file."""
        return tuple(
            Edit(file=file, span=span)
            for group in self._by_name.values()
            for file, span in group
            if key.file
            and _is_same_path(key.file, file.head)
            and any(_names_agree(key.name, c) and _bare(c) == _bare(key.name) for c in span.callers)
        )

    def _by_file(self, key: FunctionKey, named: Sequence[tuple[TouchedFile, Span]]) -> Edit | None:
        seen = self._lines.get(key)
        fitting = [
            (file, span)
            for file, span in named
            if seen is None or (seen[0] <= span.last and span.first <= seen[1])
        ]
        found = [(file, span) for file, span in fitting if _is_same_path(key.file, file.head)]
        if not found and seen is not None:  # a container has other folders; then the lines must fit, too
            found = [
                (f, s) for f, s in fitting if _is_like(key.file, f.head) and s.first <= seen[0] <= s.last
            ]
        if not found:
            return None
        file, span = found[0]
        if len(found) > 1:
            return Edit(file=file, span=span, doubt=f"{len(found)} edited functions could be it")
        if seen is None and not span.alone and _bare(key.name) == plain_name(key.name):
            return Edit(file=file, span=span, doubt="the file has several functions of this name")
        return Edit(file=file, span=span)


def _by_name_alone(key: FunctionKey, named: Sequence[tuple[TouchedFile, Span]]) -> Edit:
    """A symbol without a file: sure if its type or its module is in its name, too."""
    file, span = named[0]
    if len(named) > 1 or not span.alone:
        return Edit(file=file, span=span, doubt="known by its name alone, which several functions have")
    words = set(_WORD.findall(key.name))
    stem = file.head.rpartition("/")[2].partition(".")[0]
    around = set(_WORD.findall(span.function)[:-1]) | {stem}
    return Edit(file=file, span=span, doubt="" if words & around else "known by its name alone")


def _bare(name: str) -> str:
    return _ANONYMOUS if name.endswith((_ANONYMOUS, "anonymous>")) or name == "anonymous" else bare_name(name)


def _names_agree(symbol: str, source: str) -> bool:
    """Whether the symbol has the type or class that the source puts the function in; where the source has none, whether
    it has none either.
    """
    plain = _ARGUMENTS.sub("", plain_name(symbol).replace("[...]", ""))
    words = _WORD.findall(plain)
    around = [w for w in _WORD.findall(source)[:-1] if w != "<locals>"]
    if len(words) <= 1:
        return True
    return around[-1] in words if around else not _has_type(plain)


def _has_type(symbol: str) -> bool:
    """``Cart.add``, ``shop::Cart::add`` and ``main.(*cart).add``, but not ``shop::cart::add``."""
    parts = re.split(r"::|\.", symbol)[:-1]
    return symbol.startswith("<") or any(p[:1].isupper() or p.startswith("(*") for p in parts)


def _normal(path: str) -> str:
    path = path.removeprefix("file://")
    while path.startswith(("./", "../")):
        path = path.partition("/")[2]
    return path


def _is_same_path(profile: str, path: str) -> bool:
    """`path` is in the repository. A name may begin at one of its folders, or at the root of the file system."""
    profile = _normal(profile)
    if profile == path or (path.endswith(f"/{profile}") and not profile.startswith("/")):
        return True
    return profile.startswith("/") and profile.endswith(f"/{path}") and _may_be_ours(profile, path)


def _is_like(profile: str, path: str) -> bool:
    profile = _normal(profile)
    same_name = profile.rpartition("/")[2] == path.rpartition("/")[2]
    return same_name and profile.startswith("/") and _may_be_ours(profile, path)


def _may_be_ours(profile: str, path: str) -> bool:
    return not any(folder in profile and folder not in f"/{path}" for folder in _FOREIGN_FOLDERS)
