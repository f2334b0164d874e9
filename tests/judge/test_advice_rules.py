"""Every rule does what its examples say, and a broken rule file is refused with the place and the remedy."""

from __future__ import annotations

import pytest

from perf_action.judge.advice.rules import Example, Rule, shipped_rules

from .advice_examples import known_of

RULES = shipped_rules()
TRIGGERS = [pytest.param(r, e, id=f"{r.id}-{i}") for r in RULES for i, e in enumerate(r.examples.triggers)]
SILENT = [pytest.param(r, e, id=f"{r.id}-{i}") for r in RULES for i, e in enumerate(r.examples.silent)]


@pytest.mark.parametrize(("rule", "example"), TRIGGERS)
def test_an_example_triggers_its_rule(rule: Rule, example: Example) -> None:
    advice = known_of(example).advice()
    found = next((a for a in advice if a.rule == rule.id), None)
    assert found is not None, [a.rule for a in advice]
    assert 0 <= found.share <= 1
    assert found.evidence or example.failed or example.categories
    if example.begin:
        assert found.function == example.begin
        assert found.line > 0 or not found.file


@pytest.mark.parametrize(("rule", "example"), SILENT)
def test_a_counter_example_does_not(rule: Rule, example: Example) -> None:
    assert rule.id not in [a.rule for a in known_of(example).advice(rules=(rule,))]
