"""perf.yml, `budgets:`: limits as people write them, to the model's `Budget`. docs/budgets.md is for people.

A key says what is limited (a metric, or ``route``, ``function``, ``category``, ``site`` and a name), its value how
much: a limit, or a mapping where one thing has several. ``preset`` and ``ratchet`` hold for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from perf_action.config.presets import preset
from perf_action.config.quantity import quantity, share
from perf_action.model import route
from perf_action.model.finding import Budget, Subject
from perf_action.model.metric_names import why_unknown

#: budgets that are no metric: rule -> the unit its limit must have
SPECIAL_BUDGETS = {"cpu.hot_function": "ratio"}
#: how far above the best of the history a ratcheted limit stays, if nobody says
RATCHET_TOLERANCE = 0.05
PERCENTILES = ("p50", "p95", "p99")
_BYTE_KINDS = ("allocated", "peak", "leaked", "in_use")
_COUNT_KINDS = ("allocations", "temporary", "instructions", "bytecodes")
_TIME_KINDS = ("cpu", "wall", "lock_wait")
#: kinds of cost that a call site can have
_SITE_KINDS = ("allocated", "allocations", "temporary", "peak", "leaked", "in_use")
_FUNCTION_KINDS = (*_TIME_KINDS, *_BYTE_KINDS, *_COUNT_KINDS)
_WORDS: tuple[Subject, ...] = ("route", "function", "category", "site")
_LONGEST_PATTERN = 200
_MOST_STARS = 8
_MOST_BUDGETS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One key of `budgets:` with its limit; `given` is the mapping it stood in, empty for a bare limit."""

    rule: str
    value: Any
    kind: str = ""
    given: Mapping[str, Any] | None = None


def parse_budget(rule: str, value: Any) -> Budget:
    """``500MB`` is at most that, ``>= 100`` at least, ``+5%`` a change against base. ValueError says what is wrong."""
    return _parse(_Line(rule=rule.strip(), value=value))


def parse_budgets(raw: Mapping[str, Any]) -> tuple[Budget, ...]:
    """All budgets of perf.yml: those of the presets, and instead of or after them its own. ValueError names the key.

    Metrics that no run can have are refused.
    """
    everywhere = _ratchet(raw.get("ratchet", False), "ratchet")
    found: dict[str, Budget] = {}
    own: set[str] = set()
    for name in _presets(raw.get("preset")):
        for budget in _parse_all(preset(name)):
            found[_what(budget)] = replace(budget, preset=name)
    for key, value in raw.items():
        if key in ("preset", "ratchet"):
            continue
        if value is None or value == "none":
            left = {k: b for k, b in found.items() if not _is_called(b, str(key))}
            if len(left) == len(found):
                raise ValueError(f"{key}: none, but no preset here limits it")
            found = left
            continue
        for budget in _parse_all({key: value}):
            found[_what(budget)] = budget
            own |= {budget.rule} if isinstance(value, Mapping) and "ratchet" in value else set()
    if len(found) > _MOST_BUDGETS:
        raise ValueError(f"{len(found)} budgets; at most {_MOST_BUDGETS} are held")
    return tuple(b if b.rule in own else _ratcheted(b, everywhere) for b in found.values())


def _presets(value: Any) -> list[str]:
    if value is None:
        return []
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"preset: {value!r} is not the name of a preset, or a list of names")
    return names


def _parse_all(raw: Mapping[Any, Any]) -> Iterator[Budget]:
    for key, value in raw.items():
        rule = str(key)
        try:
            for line in _lines(rule, value):
                budget = _parse(line)
                name = budget.kind if budget.subject == "route" else budget.rule
                unknown = why_unknown(name) if budget.subject in ("metric", "route") else ""
                if unknown:
                    raise ValueError(unknown)
                yield budget
        except ValueError as error:
            raise ValueError(f"{rule}: {error}") from None


def _lines(rule: str, value: Any) -> Iterator[_Line]:
    """A key with a mapping is one line for each limit in it."""
    if not isinstance(value, Mapping):
        yield _Line(rule=rule, value=value)
        return
    kinds = _kinds(_subject(rule)[0])
    options = _options(_subject(rule)[0])
    for key in value:
        if key not in kinds and key not in options:
            raise ValueError(f"{key!r} is not one of {', '.join((*kinds, *options))}")
    limits = [key for key in value if key in kinds]
    if not limits:
        raise ValueError(f"no limit; give one of {', '.join(kinds)}")
    for key in limits:
        yield _Line(rule=rule, value=value[key], kind="" if key == "limit" else str(key), given=value)


def _kinds(subject: Subject) -> tuple[str, ...]:
    return {
        "metric": ("limit",),
        "route": PERCENTILES,
        "function": _FUNCTION_KINDS,
        "category": (*_TIME_KINDS, "allocated", "allocations"),
        "site": _SITE_KINDS,
    }[subject]


def _options(subject: Subject) -> tuple[str, ...]:
    return {
        "metric": ("ratchet",),
        "route": ("ratchet",),
        "function": ("together", "with-callees"),
        "category": (),
        "site": ("together",),
    }[subject]


def _subject(rule: str) -> tuple[Subject, str]:
    """What a rule limits, and the pattern, category or metric that it names."""
    word, space, rest = rule.partition(" ")
    for subject in _WORDS:
        if space and word == subject:
            return subject, rest.strip()
    return ("route", route.parts(rule)[1]) if route.parts(rule)[1] else ("metric", rule)


def _parse(line: _Line) -> Budget:
    subject, name = _subject(line.rule)
    given = line.given or {}
    limit = _limit(line.value, as_rate=subject == "metric" and name.endswith("_rate"))
    if subject == "metric":
        _check_special(name, limit, line.value)
        return replace(limit, rule=name, ratchet=_own_ratchet(given, limit))
    _check_pattern(name)
    kind = _kind(subject, line, limit)
    inclusive, together = (_flag(given, key) for key in ("with-callees", "together"))
    budget = replace(
        limit,
        subject=subject,
        pattern=name,
        kind=kind,
        inclusive=inclusive,
        together=together,
        ratchet=_own_ratchet(given, limit),
    )
    _check_unit(budget, line.value)
    return replace(budget, rule=_rule(budget))


def _kind(subject: Subject, line: _Line, limit: Budget) -> str:
    """The metric of a route, or the kind of cost of everything else."""
    if subject == "route":
        return (
            route.parts(line.rule)[0] if "{" in line.rule.split(" ")[0] else f"latency.{line.kind or 'p95'}"
        )
    if line.kind:
        return line.kind
    if subject == "site":
        return "allocations" if limit.unit.startswith("count") else "allocated"
    return "cpu"


def _rule(budget: Budget) -> str:
    """What the budget is called: the same thing always alike."""
    if budget.subject == "route":
        return route.metric_name(budget.kind, budget.pattern)
    usual = "allocated" if budget.subject == "site" else "cpu"
    words = [budget.subject, budget.pattern]
    words += [budget.kind] if budget.kind != usual else []
    words += ["with callees"] if budget.inclusive else []
    words += ["together"] if budget.together else []
    return " ".join(words)


def _limit(value: Any, *, as_rate: bool) -> Budget:
    text = str(value).strip()
    at_least = text.startswith(">=")
    text = text.removeprefix(">=").removeprefix("<=").strip()
    relative = text.startswith("+")
    limit, unit = quantity(text if isinstance(value, str) else value)
    if relative and unit != "ratio":
        raise ValueError(f"{value!r}: a change is a percentage, such as +5%")
    if limit < 0:
        raise ValueError(f"{value!r}: a limit is not negative")
    if as_rate and unit == "count":
        unit = "ratio"
    return Budget(rule="", limit=limit, unit=unit, relative=relative, at_least=at_least)


def _check_special(rule: str, limit: Budget, value: Any) -> None:
    expected = SPECIAL_BUDGETS.get(rule)
    if expected and (limit.unit not in (expected, "count") or limit.relative):
        raise ValueError(f"{value!r}: {rule} is limited by a share, such as 10%")


def _check_pattern(pattern: str) -> None:
    if not pattern:
        raise ValueError("nothing is named after the first word")
    if len(pattern) > _LONGEST_PATTERN or pattern.count("*") > _MOST_STARS:
        raise ValueError(f"a pattern has at most {_LONGEST_PATTERN} characters and {_MOST_STARS} stars")


def _check_unit(budget: Budget, value: Any) -> None:
    """ValueError if the limit measures something else than what it is for."""
    if budget.subject != "route" and budget.at_least:
        raise ValueError(f"{value!r}: costs are limited from above")
    if budget.relative:
        return
    fit: tuple[str, ...]
    if budget.subject == "route":
        fit, example = ("ns",), "10ms"
    elif budget.subject == "category":
        fit, example = ("ratio",), "15%"
    elif budget.kind in _BYTE_KINDS:
        fit, example = ("ratio", "bytes", "bytes/request"), "50MB, 2kB/request or 10%"
    elif budget.kind in _COUNT_KINDS:
        fit, example = ("ratio", "count", "count/request"), "1000, 20/request or 10%"
    elif budget.kind == "cpu":
        fit, example = ("ratio", "ns/request"), "10% or 30us/request"
    else:
        fit, example = ("ratio", "ns", "ns/request"), "10%, 50ms or 1ms/request"
    if budget.unit not in fit:
        raise ValueError(f"{value!r}: write a limit such as {example}, or a change such as +5%")


def _own_ratchet(given: Mapping[str, Any], limit: Budget) -> float | None:
    tolerance = _ratchet(given.get("ratchet", False), "ratchet")
    if tolerance is not None and limit.relative:
        raise ValueError("ratchet: a limit on the change does not follow the history")
    return tolerance


def _ratchet(value: Any, key: str) -> float | None:
    """``true`` is the usual tolerance, ``3%`` another one, ``false`` none."""
    if isinstance(value, bool):
        return RATCHET_TOLERANCE if value else None
    tolerance = share(value)
    if not 0 <= tolerance <= 1:
        raise ValueError(f"{key}: {value!r} is not true, false or a tolerance such as 5%")
    return tolerance


def _ratcheted(budget: Budget, everywhere: float | None) -> Budget:
    """The history has metrics only."""
    fits = (
        budget.subject in ("metric", "route") and not budget.relative and budget.rule not in SPECIAL_BUDGETS
    )
    return replace(budget, ratchet=everywhere) if fits else budget


def _flag(given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key}: {value!r} is not true or false")
    return value


def _what(budget: Budget) -> str:
    """Two budgets of the same thing: the later one holds. A limit and a change are not the same thing."""
    return f"{budget.rule} {'change' if budget.relative else ''}"


def _is_called(budget: Budget, key: str) -> bool:
    subject, name = _subject(key.strip())
    if subject == "metric":
        return budget.rule == name
    return budget.subject == subject and re.sub(r"\s+", " ", budget.pattern) == re.sub(r"\s+", " ", name)
