"""Budgets of perf.yml: what may be limited, presets, and what is wrong said with the nearest name."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perf_action.config.budgets import parse_budget, parse_budgets
from perf_action.config.presets import names, preset
from perf_action.model.category import CATEGORIES
from perf_action.model.finding import Budget
from perf_action.model.metric_names import KNOWN, why_unknown


def one(rule: str, value: object) -> Budget:
    (budget,) = parse_budgets({rule: value})
    return budget


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("memory.peak", "500MB", ("memory.peak", 5e8, "bytes", False)),
        ("memory.allocations_per_second", "1000000/s", ("memory.allocations_per_second", 1e6, "1/s", False)),
        ("cpu.per_request", "+5%", ("cpu.per_request", 0.05, "ratio", True)),
        ("function encode_*", "5%", ("function encode_*", 0.05, "ratio", False)),
        ("function encode_*", "30us/request", ("function encode_*", 30e3, "ns/request", False)),
        ("function encode_*", "+10%", ("function encode_*", 0.1, "ratio", True)),
        ("function <T as X>::f", "5%", ("function <T as X>::f", 0.05, "ratio", False)),
        ("category serialization", "15%", ("category serialization", 0.15, "ratio", False)),
        ("site registry.store.*", "50MB", ("site registry.store.*", 5e7, "bytes", False)),
        ("site registry.store.*", "2kB/request", ("site registry.store.*", 2e3, "bytes/request", False)),
        ("site registry.store.*", 1000, ("site registry.store.* allocations", 1000, "count", False)),
        ("route GET /items/*", "10ms", ("latency.p95{GET /items/*}", 1e7, "ns", False)),
        ("latency.p99{GET /items/:id}", "10ms", ("latency.p99{GET /items/:id}", 1e7, "ns", False)),
    ],
)
def test_what_may_be_limited(rule, value, expected):
    budget = one(rule, value)
    name, limit, unit, relative = expected
    assert (budget.rule, budget.unit, budget.relative) == (name, unit, relative)
    assert budget.limit == pytest.approx(limit)


def test_a_mapping_is_several_limits_of_one_thing():
    found = parse_budgets(
        {
            "route GET /a": {"p50": "5ms", "p95": "+10%"},
            "function f": {"cpu": "5%", "allocated": "1MB/request", "with-callees": True, "together": True},
            "site s": {"leaked": "1kB"},
            "memory.peak": {"limit": "5MB", "ratchet": "3%"},
        }
    )
    assert [(b.rule, b.ratchet) for b in found] == [
        ("latency.p50{GET /a}", None),
        ("latency.p95{GET /a}", None),
        ("function f with callees together", None),
        ("function f allocated with callees together", None),
        ("site s leaked", None),
        ("memory.peak", 0.03),
    ]


def test_a_preset_is_overridden_by_name_and_a_limit_taken_away():
    found = {
        b.rule: b
        for b in parse_budgets(
            {"preset": "guide", "memory.rss.peak": "300MB", "category locks": "none", "cpu.cores": None}
        )
    }
    assert (found["memory.rss.peak"].limit, found["memory.rss.peak"].preset) == (3e8, "")
    assert found["category database"].preset == "guide"
    assert "category locks" not in found
    assert "cpu.cores" not in found


def test_a_limit_and_a_change_of_one_metric_both_hold():
    rules = [
        b.relative for b in parse_budgets({"preset": "guide", "memory.rss.peak": "+5%"}) if "rss" in b.rule
    ]
    assert rules == [False, True]


def test_the_guide_has_the_targets_of_the_guide():
    found = {b.rule: (b.limit, b.unit) for b in parse_budgets({"preset": "guide"})}
    assert found == {
        "memory.rss.peak": (500e6, "bytes"),
        "cpu.cores": (2, "count"),
        "cpu.hot_function": (0.1, "ratio"),
        "memory.allocations_per_second": (1e6, "1/s"),
        "memory.allocation_rate": (100e6, "bytes/s"),
        "memory.fragmentation": (0.2, "ratio"),
        "category locks": (0.05, "ratio"),
        "category serialization": (0.15, "ratio"),
        "category database": (0.2, "ratio"),
    }


@pytest.mark.parametrize("name", names())
def test_every_preset_is_read_and_names_what_there_is(name):
    budgets = parse_budgets({"preset": name})
    assert len(budgets) == len(preset(name)) > 5
    assert {b.pattern for b in budgets if b.subject == "category"} <= set(CATEGORIES)


def test_there_are_the_four():
    assert names() == ("guide", "python-web", "rust-service", "strict")


def test_a_ratchet_for_all_leaves_out_what_the_history_does_not_have():
    found = parse_budgets(
        {
            "ratchet": True,
            "memory.peak": "5MB",
            "memory.rss.peak": {"limit": "9MB", "ratchet": False},
            "cpu.per_request": "+5%",
            "cpu.hot_function": "10%",
            "function f": "5%",
        }
    )
    assert {b.rule: b.ratchet for b in found} == {
        "memory.peak": 0.05,
        "memory.rss.peak": None,
        "cpu.per_request": None,
        "cpu.hot_function": None,
        "function f": None,
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {"memory.peek": "1MB"},
            "memory.peek: there is no metric 'memory.peek'; did you mean 'memory.peak'?",
        ),
        ({"latency.p96": "1ms"}, "did you mean 'latency.p9"),
        ({"mine": 3}, "there is no metric 'mine'"),
        ({"preset": "giude"}, "there is no preset 'giude'; did you mean 'guide'?"),
        ({"preset": [1]}, "is not the name of a preset"),
        ({"ratchet": "lots"}, "is not a share"),
        ({"ratchet": "500%"}, "is not true, false or a tolerance"),
        ({"function ": "5%"}, "is not a quantity|nothing is named|there is no metric"),
        ({"function f": "5MB"}, "write a limit such as 10% or 30us/request"),
        ({"function f": ">= 5%"}, "limited from above"),
        ({"function f": {}}, "no limit; give one of cpu"),
        ({"function f": {"cpi": "5%"}}, "'cpi' is not one of cpu"),
        ({"function " + "*a" * 20: "5%"}, "8 stars"),
        ({"function " + "a" * 300: "5%"}, "200 characters"),
        ({"route GET /": "5%"}, "such as 10ms"),
        ({"route GET /": {"p90": "5ms"}}, "'p90' is not one of p50"),
        ({"category locks": "5MB"}, "such as 15%"),
        ({"site s": "5ms"}, "such as 50MB"),
        ({"memory.peak": "-5MB"}, "not negative"),
        ({"memory.peak": {"limit": "+5%", "ratchet": True}}, "does not follow the history"),
        ({"memory.peak": "none"}, "no preset here limits it"),
        ({"cpu.hot_function": "+5%"}, "limited by a share"),
        ({"function f": {"cpu": "5%", "together": "yes"}}, "not true or false"),
    ],
)
def test_what_is_wrong_is_named(raw, message):
    with pytest.raises(ValueError, match=re.escape(message) if "|" not in message else message):
        parse_budgets(raw)


@given(st.dictionaries(st.text(max_size=30), st.one_of(st.text(max_size=12), st.floats(), st.booleans())))
def test_whatever_is_written_is_read_or_refused(raw):
    with contextlib.suppress(ValueError):
        parse_budgets(raw)


def test_the_command_line_takes_any_name():
    assert parse_budget("mine", "5MB").rule == "mine"
    assert parse_budget("function encode", "5%").subject == "function"


def test_every_metric_that_the_sources_name_is_known(repository: Path):
    """Names in the words of the report and in what is made of slices: a budget on any of them must be accepted."""
    sources = [
        "perf_action/measure/snapshot.py",
        "perf_action/measure/captured.py",
        "perf_action/formats/load_metrics.py",
        "perf_action/formats/jemalloc/stats.py",
        "perf_action/formats/malloc_info.py",
        "perf_action/formats/memcheck/__init__.py",
        "perf_action/formats/heaptrack/__init__.py",
    ]
    text = "\n".join((repository / path).read_text() for path in sources)
    found = set(re.findall(r'"((?:cpu|memory|latency|load|io|service)\.[a-z0-9_.]*[a-z0-9])"', text))
    assert len(found) > 20
    series = {"memory.heap", "memory.leak", "memory.rss"}
    assert [name for name in sorted(found - series) if why_unknown(name)] == []


def test_no_name_is_there_twice():
    assert len(set(KNOWN)) == len(KNOWN)


def test_presets_are_plain_yaml(repository: Path):
    for path in (repository / "perf_action/resources/budgets").glob("*.yml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict)
