"""perf.yml, `categories:`: what the user's own frames do, or other ones than the program thinks.

The rules come before those of `resources/categories`; docs/categories.md says what a pattern fits. Patterns have stars and
nothing else, so that no file of settings can make the program run forever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from perf_action.config.group import Group
from perf_action.errors import did_you_mean
from perf_action.model.category import CATEGORIES, OTHER, CategoryRule, why_no_pattern

_MOST_RULES, _MOST_PATTERNS = 500, 100
#: a name this much like one of the program's is a slip
_ALIKE = 0.85

Patterns = str | list[str]


class CategoryOptions(Group):
    """Frames that every given pattern fits. `*` stands for any characters; a list is for alternatives."""

    function: Patterns | None = None
    """the function: its symbol, or the last part of a Python name"""
    file: Patterns | None = None
    """its file, from the root of the checkout or from site-packages"""
    module: Patterns | None = None
    """the base name of the program or library it is in"""
    caller: Patterns | None = None
    """the function that calls it"""
    but_not: Patterns | None = None
    """functions that this rule leaves alone"""

    @model_validator(mode="after")
    def _fits_something(self) -> CategoryOptions:
        given = (self.function, self.file, self.module, self.caller, self.but_not)
        if not any((self.function, self.file, self.module)):
            raise ValueError("a rule without function, file and module fits every frame")
        for pattern in (p for patterns in given for p in _listed(patterns)):
            reason = why_no_pattern(pattern)
            if reason:
                raise ValueError(reason)
        if any(len(_listed(patterns)) > _MOST_PATTERNS for patterns in given):
            raise ValueError(f"more than {_MOST_PATTERNS} patterns in one rule")
        return self


def _checked(value: dict[str, list[CategoryOptions]]) -> dict[str, list[CategoryOptions]]:
    for name in value:
        if name in (*CATEGORIES, OTHER):
            continue
        if not re.fullmatch(r"[a-z0-9][a-z0-9 _-]{0,39}", name):
            raise ValueError(f"{name[:60]!r} is not a plain name: small letters, digits, spaces, - and _")
        meant = did_you_mean(name, CATEGORIES, alike=_ALIKE)
        if meant:
            raise ValueError(f"there is no category {name!r}; {meant}")
    if sum(map(len, value.values())) > _MOST_RULES:
        raise ValueError(f"more than {_MOST_RULES} rules")
    return value


CategoriesOption = Annotated[
    dict[str, list[CategoryOptions]], Field(default_factory=dict), AfterValidator(_checked)
]


def category_rules(categories: Mapping[str, Sequence[CategoryOptions]]) -> tuple[CategoryRule, ...]:
    """The rules as the model has them, in the order of the file."""
    return tuple(
        CategoryRule(
            category=name,
            function=_listed(rule.function),
            file=_listed(rule.file),
            module=_listed(rule.module),
            caller=_listed(rule.caller),
            but_not=_listed(rule.but_not),
        )
        for name, rules in categories.items()
        for rule in rules
    )


def _listed(patterns: Patterns | None) -> tuple[str, ...]:
    if patterns is None:
        return ()
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)
