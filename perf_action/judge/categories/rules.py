"""Which category a frame belongs to by itself: the rules of `resources/categories` and those of perf.yml.

A file of rules is a mapping from a category to a list of rules. A rule has patterns (`CategoryRule` says what they fit)
and examples, without which nobody could change it with confidence::

    serialization:
      - function: [serde_json::*, "* as serde::ser::Serialize>::*"]
        is: [serde_json::ser::to_string, {function: "<registry::Schema as serde::ser::Serialize>::serialize"}]
        is-not: [registry::store::put]

Rules of the user come before those of the program; of several rules that fit, the one whose category stands first in
`CATEGORIES` decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from perf_action.errors import InputError, did_you_mean
from perf_action.judge.code.places import Language, Place
from perf_action.judge.globs import Glob, Globs
from perf_action.model.category import CATEGORIES, CategoryRule, why_no_pattern
from perf_action.model.profile import FunctionKey

#: file of rules -> the languages they are for
FILES: Final[dict[str, tuple[Language, ...]]] = {
    "rust": ("rust", "native"),
    "c": ("c", "native"),
    "python": ("python",),
    "go": ("go",),
    "node": ("node",),
    "kernel": ("kernel", "native"),
}
_LANGUAGES: Final = frozenset(language for languages in FILES.values() for language in languages)
_PATTERNS: Final = ("function", "file", "module", "caller", "but-not")
_KEYS: Final = (*_PATTERNS, "waiting", "covers", "languages", "is", "is-not")
_MAX_BYTES: Final = 200_000
_SafeLoader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A frame that a rule must or must not fit."""

    key: FunctionKey
    caller: FunctionKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRule:
    """A rule as a file has it, with its examples and its place for people."""

    rule: CategoryRule
    examples: tuple[Example, ...]
    counter_examples: tuple[Example, ...]
    place: str


@cache
def kept_rules() -> tuple[KeptRule, ...]:
    """The rules that come with the program."""
    folder = resources.files("perf_action").joinpath("resources", "categories")
    return tuple(
        rule
        for name, languages in FILES.items()
        for rule in read_rules(folder.joinpath(f"{name}.yml").read_text("utf-8"), f"{name}.yml", languages)
    )


def read_rules(text: str, source: str, languages: Sequence[Language] = ()) -> tuple[KeptRule, ...]:
    """The rules of a file. InputError names the place, the reason and the nearest known key."""
    if len(text) > _MAX_BYTES:
        raise InputError(source, f"longer than {_MAX_BYTES} characters", remedy="split the file")
    try:
        data = yaml.load(text, Loader=_SafeLoader)  # noqa: S506  # it is the safe one, written in C
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        raise InputError(
            source, f"not YAML: {getattr(error, 'problem', None) or error}", place=place
        ) from None
    except RecursionError:
        raise InputError(source, "nested too deeply") from None
    if not isinstance(data, dict):
        raise InputError(source, "no categories in it", remedy="write `category: [rules]`")
    out = []
    for category, rules in data.items():
        if not isinstance(rules, list):
            raise InputError(source, "is no list of rules", place=str(category))
        out += [
            _rule(str(category), rule, languages, source, f"{category}[{i}]") for i, rule in enumerate(rules)
        ]
    return tuple(out)


def _rule(category: str, raw: object, languages: Sequence[Language], source: str, place: str) -> KeptRule:
    if not isinstance(raw, dict):
        raise InputError(source, "is no rule", place=place, remedy=f"known keys: {', '.join(_KEYS)}")
    for key in raw:
        if key not in _KEYS:
            remedy = did_you_mean(key, _KEYS, f"known here: {', '.join(_KEYS)}")
            raise InputError(source, f"unknown key {str(key)!r}", place=place, remedy=remedy)
    given = {key: _patterns(raw[key], source, f"{place}.{key}") for key in _PATTERNS if key in raw}
    if not given.keys() & {"function", "file", "module"}:
        raise InputError(source, "fits every frame", place=place, remedy="give function, file or module")
    own_languages = (
        _texts(raw["languages"], source, f"{place}.languages") if "languages" in raw else languages
    )
    for language in own_languages:
        if language not in _LANGUAGES:
            raise InputError(source, f"no language {language!r}", place=place)
    rule = CategoryRule(
        category=category,
        function=given.get("function", ()),
        file=given.get("file", ()),
        module=given.get("module", ()),
        caller=given.get("caller", ()),
        but_not=given.get("but-not", ()),
        waiting=raw.get("waiting") is True,
        covers=raw.get("covers") is True,
        languages=tuple(own_languages),
    )
    return KeptRule(
        rule=rule,
        examples=_examples(raw.get("is", ()), source, f"{place}.is"),
        counter_examples=_examples(raw.get("is-not", ()), source, f"{place}.is-not"),
        place=f"{source} {place}",
    )


def _texts(raw: object, source: str, place: str) -> tuple[str, ...]:
    texts = [raw] if isinstance(raw, str) else raw
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts) or not texts:
        raise InputError(source, "is neither text nor a list of texts", place=place)
    return tuple(texts)


def _patterns(raw: object, source: str, place: str) -> tuple[str, ...]:
    texts = _texts(raw, source, place)
    for text in texts:
        reason = why_no_pattern(text)
        if reason:
            raise InputError(source, reason, place=place)
    return texts


def _examples(raw: Any, source: str, place: str) -> tuple[Example, ...]:
    if isinstance(raw, str | dict):
        raw = [raw]
    if not isinstance(raw, list | tuple):
        raise InputError(source, "is no list of examples", place=place)
    return tuple(_example(item, source, place) for item in raw)


def _example(raw: object, source: str, place: str) -> Example:
    fields = {"function": raw} if isinstance(raw, str) else raw
    if not isinstance(fields, dict) or not fields.keys() <= {"function", "file", "module", "caller"}:
        raise InputError(source, "is no example", place=place, remedy="give function, file, module or caller")
    caller = fields.get("caller")
    return Example(
        key=FunctionKey(*(str(fields.get(f, "")) for f in ("function", "file", "module"))),
        caller=FunctionKey(str(caller)) if caller is not None else None,
    )


# --- which rule fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a rule says of a frame. `rank`: the smaller one wins. `caller`: only under such a function."""

    rank: tuple[bool, int, int]
    category: str
    waiting: bool
    covers: bool = False
    caller: tuple[Glob, ...] = ()

    @property
    def is_users(self) -> bool:
        """Whether the rule is of perf.yml."""
        return not self.rank[0]


class RuleBook:
    """All rules that apply, for one frame at a time."""

    def __init__(self, user: Sequence[CategoryRule], kept: Sequence[CategoryRule]) -> None:
        self._rules = [*user, *kept]
        order = {name: i for i, name in enumerate(dict.fromkeys([*CATEGORIES, *(r.category for r in user)]))}
        self._matches = [
            Match(
                rank=(i >= len(user), order.get(rule.category, len(order)), i),
                category=rule.category,
                waiting=rule.waiting,
                covers=rule.covers,
                caller=tuple(map(Glob, rule.caller)),
            )
            for i, rule in enumerate(self._rules)
        ]
        self._n_user = len(user)
        self._details = [_Details(rule) for rule in self._rules]
        languages = [*_LANGUAGES]
        self._shelves = {language: _Shelf(language, self._rules) for language in languages}

    def matches(self, place: Place) -> tuple[Match, ...]:
        """The rules that fit a frame whatever its caller or depending on it, best first; none after the first that
        needs no caller.
        """
        found = self._shelves[place.language].candidates(place)
        is_project_c = place.language == "c" and place.origin == "project" and "::" not in place.names[0]
        out: list[Match] = []
        for match in sorted((self._matches[i] for i in found), key=lambda m: m.rank):
            number = match.rank[2]
            if is_project_c and number >= self._n_user and not self._rules[number].file:
                continue  # a function of the user's that has the name of one of a library
            if self._details[number].fits(place):
                out.append(match)
                if not match.caller:
                    break
        return tuple(out)


class _Details:
    """What else has to fit of a rule that was found by one kind of its patterns (see `_Shelf`)."""

    def __init__(self, rule: CategoryRule) -> None:
        self._file = tuple(map(Glob, rule.file)) if rule.function else ()
        self._module = tuple(map(Glob, rule.module)) if rule.function or rule.file else ()
        self._but_not = tuple(map(Glob, rule.but_not))

    def fits(self, place: Place) -> bool:
        return (
            (not self._file or _any(self._file, paths(place)))
            and (not self._module or _any(self._module, (place.module,)))
            and not (self._but_not and _any(self._but_not, place.names))
        )


class _Shelf:
    """The rules for one language, by the first kind of pattern that each of them has."""

    def __init__(self, language: Language, rules: Sequence[CategoryRule]) -> None:
        mine = [(r, i) for i, r in enumerate(rules) if not r.languages or language in r.languages]
        self._function = Globs((p, i) for r, i in mine for p in r.function)
        self._file = Globs((p, i) for r, i in mine if not r.function for p in r.file)
        self._module = Globs((p, i) for r, i in mine if not r.function and not r.file for p in r.module)

    def candidates(self, place: Place) -> set[int]:
        found: set[int] = set()
        for name in place.names:
            found |= self._function.fitting(name)
        for path in paths(place):
            found |= self._file.fitting(path)
        return found | self._module.fitting(place.module)


def paths(place: Place) -> tuple[str, ...]:
    """The forms of a path that patterns may fit: ``*/codec.py`` is also the one at the root."""
    return (place.path, f"/{place.path}") if place.path and place.path[0] != "/" else (place.path,)


def _any(globs: Iterable[Glob], texts: Iterable[str]) -> bool:
    return any(glob.fits(text) for text in texts for glob in globs)
