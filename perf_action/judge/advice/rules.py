"""What is known about making programs faster, as data: the rules of `resources/advice`, read and checked.

A file is a list of rules. A rule says what is wrong (`symptom`), how the program sees it (`when`), what helps
(`solutions`, `links`), and shows by `examples` what must trigger it and what must not. The condition language is small
on purpose: shares of stacks found by globs, shares of categories, metrics, leaks, failed checks, and `all`, `any`, `not`.
Patterns are ``name`` or ``name @ file or module``; `*` stands for any characters and nothing else is special.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError, model_validator

from perf_action.config.group import Group
from perf_action.config.quantity import Share, quantity
from perf_action.errors import ConfigError, did_you_mean
from perf_action.model.category import why_no_pattern

#: the files of `resources/advice`, and the languages of their rules
FILES: Final[dict[str, str]] = {
    "any": "any",
    "python": "python",
    "rust": "rust",
    "go": "go",
    "c-cpp": "c-cpp",
}
_MAX_BYTES: Final = 500_000
_SafeLoader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Language = Literal["any", "python", "rust", "go", "c-cpp", "node"]
#: kinds of cost a condition may ask for; cpu is also satisfied by counted instructions
Kind = Literal[
    "cpu", "wall", "allocated", "allocations", "temporary", "peak", "in_use", "leaked", "lock_wait"
]


def _pattern(text: str) -> str:
    for part in text.split(" @ ", 1):
        reason = "" if part.strip() == "*" else why_no_pattern(part.strip())
        if reason:
            raise ValueError(reason)
    return text


def _link(text: str) -> str:
    if not text.startswith("https://") or any(c in text for c in " <>\"'()[]`"):
        raise ValueError(f"{text!r} is not a plain https:// address")
    return text


Pattern = Annotated[str, AfterValidator(_pattern), Field(max_length=200)]
Text = Annotated[str, Field(min_length=3, max_length=400)]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=100)]
Kinds = Annotated[tuple[Kind, ...], Field(min_length=1)]


class Frames(Group):
    """A share of one kind of cost, by what its stacks look like."""

    match: Annotated[Patterns, Field(min_length=1)]
    """functions that have to be in the stack"""
    under: Patterns = ()
    """one of these has to be nearer to the root than what matches"""
    not_under: Patterns = ()
    """none of these may be nearer to the root than what matches"""
    leaf: bool = False
    """what matches has to be the innermost function"""
    own: bool = False
    """what matches has to be the service's own code; otherwise a pattern with a file is never the service's own"""
    in_function: bool = False
    """what matches has to be called by an own function that is not the top level of a module"""
    single: bool = False
    """the share is that of the one own function with the largest, not of all together"""
    worse: bool = False
    """with single: of the functions that got worse since base"""
    lines: Annotated[int, Field(ge=1, le=10)] = 1
    """one own function has to call what matches on so many lines, none of which is much cheaper than the others; the
    share is without the dearest line"""
    at_least: Share = 0.05
    """the share of all cost of that kind"""
    kinds: Kinds = ("cpu",)
    samples: Annotated[int, Field(ge=1)] = 20
    """at least so many samples have to match, so that noise triggers nothing"""


class CategoryOver(Group):
    """A category takes at least a share of a kind of cost."""

    name: str
    at_least: Share
    rose: Share | None = None
    """it takes so much more of all (0.05: 15 % after 10 %) than on base"""
    kinds: Kinds = ("cpu",)
    samples: Annotated[int, Field(ge=1)] = 20


class MetricOver(Group):
    """The median of a metric is above a limit such as ``20%``, ``500MB`` or ``100MB/s``."""

    name: Pattern
    above: str | float

    @property
    def limit(self) -> tuple[float, str]:
        """In canonical units, and which."""
        return quantity(self.above)

    @model_validator(mode="after")
    def _is_quantity(self) -> MetricOver:
        quantity(self.above)
        return self


class Failed(Group):
    """A check of the checklist failed; with `evidence`, it says so, or one of its stacks has such a function."""

    check: Annotated[Patterns, Field(min_length=1)]
    evidence: Patterns = ()


class Condition(Group):
    """Exactly one of these. The first part of `all` that is a share says what could be saved."""

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Annotated[Condition | None, Field(alias="not")] = None
    frames: Frames | None = None
    same: Annotated[tuple[Frames, ...], Field(min_length=2, max_length=4)] | None = None
    """one own function does all of these, on one line; the share is theirs together"""
    category: CategoryOver | None = None
    metric: MetricOver | None = None
    leak: Patterns | None = None
    """a series of such a name keeps growing under steady load"""
    failed: Failed | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Condition:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            known = "all, any, not, frames, same, category, metric, leak, failed"
            raise ValueError(f"give exactly one of {known}")
        if self.all == () or self.any == ():
            raise ValueError("has no parts")
        return self


class Example(Group):
    """What a snapshot holds: folded stacks of one kind of cost, and numbers."""

    stacks: str = ""
    """lines of ``frame;frame;frame count``, root first, frames as py-spy writes them: ``name (file:line)``"""
    kind: Kind = "cpu"
    metrics: dict[str, str] = Field(default_factory=dict)
    leaking: tuple[str, ...] = ()
    failed: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """checks that failed, each with its evidence"""
    categories: dict[str, Share] = Field(default_factory=dict)
    base_categories: dict[str, Share] = Field(default_factory=dict)
    worse: tuple[str, ...] = ()
    """functions that got worse since base"""
    begin: str = ""
    """the own function that the advice has to name"""


class Examples(Group):
    """What must trigger the rule, and what must not."""

    triggers: Annotated[tuple[Example, ...], Field(min_length=1)]
    silent: Annotated[tuple[Example, ...], Field(min_length=1)]


class Rule(Group):
    """One piece of knowledge. `language` any: for every service."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
    title: Text
    symptom: Text
    language: Language = "any"
    category: str = ""
    refines: tuple[str, ...] = ()
    """rules that say the same less precisely: they are silent where this one speaks"""
    when: Condition
    where: Frames | None = None
    """where to begin, if `when` has no stacks to tell"""
    solutions: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)]
    links: Annotated[tuple[Annotated[str, AfterValidator(_link)], ...], Field(min_length=1, max_length=5)]
    examples: Examples


_RULES: Final = TypeAdapter(tuple[Rule, ...])


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """The rules that come with the program, those for every language first."""
    folder = resources.files("perf_action").joinpath("resources", "advice")
    rules = tuple(
        rule
        for name, language in FILES.items()
        for rule in read_rules(folder.joinpath(f"{name}.yml").read_bytes(), f"{name}.yml", language)
    )
    check_together(rules)
    return rules


def read_rules(data: bytes, source: str, language: str = "any") -> tuple[Rule, ...]:
    """The rules of one file; those that do not say are for `language`. ConfigError names file, rule, key and remedy."""
    if len(data) > _MAX_BYTES:
        raise ConfigError(source, "", f"larger than {_MAX_BYTES} bytes", "split the file")
    try:
        raw = yaml.load(data.decode("utf-8"), Loader=_SafeLoader)  # noqa: S506  # it is the safe one, written in C
        if not isinstance(raw, list) or not all(isinstance(r, dict) for r in raw):
            raise ConfigError(source, "", "is no list of rules", "write `- id: …` for each")
        return _RULES.validate_python([{"language": language, **r} for r in raw])
    except UnicodeDecodeError as error:
        raise ConfigError(source, "", f"not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        raise ConfigError(source, place, f"not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise ConfigError(source, "", "nested too deeply") from None
    except ValidationError as error:
        typo_first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise _explain(typo_first[0], raw, source) from None


def check_together(rules: Sequence[Rule]) -> None:
    """ConfigError if two rules have one name, or one refines what is not there or itself."""
    ids: set[str] = set()
    for rule in rules:
        if rule.id in ids:
            raise ConfigError("advice", rule.id, "two rules have this id")
        ids.add(rule.id)
    for rule in rules:
        for general in rule.refines:
            if general not in ids or general == rule.id:
                raise ConfigError(
                    "advice",
                    f"{rule.id}.refines",
                    f"there is no other rule {general!r}",
                    did_you_mean(general, sorted(ids - {rule.id})),
                )


def _explain(error: Any, raw: Sequence[dict[str, Any]], source: str) -> ConfigError:
    index, *rest = error["loc"]
    name = str(raw[index].get("id", f"rule {index + 1}")) if isinstance(index, int) else str(index)
    key = ".".join([name, *(str(p) for p in rest)])
    if error["type"] == "extra_forbidden":
        known = sorted(_keys_at(rest[:-1]))
        remedy = did_you_mean(rest[-1], known, f"known here: {', '.join(known)}")
        return ConfigError(source, key, "unknown key", remedy)
    if error["type"] == "missing":
        return ConfigError(source, key, "missing", "it has no default")
    reason = str(error["msg"]).removeprefix("Value error, ")
    return ConfigError(source, key, reason[:1].lower() + reason[1:])


def _keys_at(place: Iterable[object]) -> list[str]:
    group: Any = Rule
    for part in place:
        if isinstance(part, str):
            field = next((f for n, f in group.model_fields.items() if part in (n, f.alias)), None)
            group = _group_in(field.annotation) if field else None
        if group is None:
            return []
    return [str(f.alias or n) for n, f in group.model_fields.items()]


def _group_in(annotation: Any) -> type[BaseModel] | None:
    """The first group in an annotation such as ``tuple[Condition, ...] | None``."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    return next((g for a in get_args(annotation) if (g := _group_in(a)) is not None), None)
