"""Budgets on functions, call sites, categories and routes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf_action.config.budgets import parse_budget, parse_budgets
from perf_action.judge import judge
from perf_action.judge.budgets.patterns import Pattern
from perf_action.judge.budgets.spent import Place
from perf_action.model.builder import ProfileBuilder
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, FunctionChange, MetricChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.metric import Metric
from perf_action.model.profile import CapturedProfile, FunctionKey, Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot

PASS, FAIL, UNSURE = State.PASS, State.FAIL, State.CANNOT_TELL


def judged(rule: str, limit: object, head: Snapshot, comparison=None, categories=()) -> Finding:
    (finding,) = judge([parse_budget(rule, limit)], head, comparison, categories)
    return finding


def profile(values: dict[tuple[str, str, int], int], kind=("cpu", "samples"), **rest) -> Profile:
    """Each (function, file, line) below main with its value."""
    builder = ProfileBuilder((ValueKind(*kind),), fidelity=rest.pop("fidelity", "sampled"))
    root = builder.stack(-1, builder.frame(builder.function("main", file="app.py", line=1), 2))
    for (name, file, line), value in values.items():
        frame = builder.frame(builder.function(name, file=file, line=line), line + 1)
        builder.sample(builder.stack(root, frame), [value])
    return builder.build(**rest)


CPU = {
    ("encode_json", "registry/codec.py", 10): 300,
    ("encode_avro", "registry/codec.py", 30): 500,
    ("put", "registry/store.py", 5): 200,
    ("rest", "app.py", 50): 4000,
}


def sliced(values=CPU, requests=1000, cpu_ns=100_000.0) -> Snapshot:
    one = ProfileSlice(
        launch=0,
        slice=0,
        requests=requests,
        cpu_ns_per_request=cpu_ns,
        rate_hz=250,
        profile=profile(values),
    )
    return Snapshot(label="head", slices=(one,))


def test_each_function_that_matches_is_held_to_the_limit():
    finding = judged("function encode_*", "8%", sliced())
    assert (finding.state, finding.value) == (FAIL, 0.1)
    assert finding.message == "encode_avro (registry/codec.py) is the largest of 2 that match"
    assert (finding.file, finding.line) == ("registry/codec.py", 30)
    assert judged("function encode_*", "15%", sliced()).state is PASS
    assert judged("function encode_json", "8%", sliced()).state is PASS


def test_or_all_together():
    (finding,) = judge(parse_budgets({"function encode_*": {"cpu": "12%", "together": True}}), sliced(), None)
    assert (finding.state, finding.value) == (FAIL, pytest.approx(0.16))


def test_cpu_per_request_comes_from_the_clock_of_the_process():
    assert judged("function encode_avro", "9us/request", sliced()).state is FAIL
    assert judged("function encode_avro", "12us/request", sliced()).value == pytest.approx(10_000)


def test_with_callees():
    (finding,) = judge(parse_budgets({"function main": {"cpu": "50%", "with-callees": True}}), sliced(), None)
    assert (finding.state, finding.value) == (FAIL, 1.0)


def test_a_share_near_the_limit_cannot_be_told_from_few_samples():
    finding = judged("function encode_avro", "10.2%", sliced())
    assert finding.state is UNSURE
    assert "too close" in finding.message
    few = {key: value // 100 for key, value in CPU.items()}
    assert "samples" in judged("function encode_avro", "5%", sliced(few)).message


def test_a_name_that_nobody_has_is_not_a_pass():
    finding = judged("function encode_jsn", "8%", sliced())
    assert finding.state is UNSURE
    assert finding.message == "nothing of this name was seen in the profile; the nearest is 'encode_json'"


def test_a_function_that_only_base_has_is_a_pass():
    gone = row("old_encode", change=-1.0, head=0.0)
    assert judged("function old_*", "8%", sliced(), Comparison(functions=(gone,))).state is PASS


def test_without_a_profile_the_stage_is_named():
    empty = Snapshot(label="head")
    assert "py-spy" in judged("function f", "5%", empty).message
    assert "memray" in judged("site f", "5MB", empty).message


# --- call sites


def memory(values, kind, requests, launch=0) -> CapturedProfile:
    made = profile(values, kind=(kind, "bytes"), fidelity="exact", requests=requests)
    return CapturedProfile(stage="memory", launch=launch, requests=requests, profile=made)


SHORT = {("put", "registry/store.py", 40): 60_000_000, ("get", "registry/store.py", 70): 1_000_000}
LONG = {("put", "registry/store.py", 40): 80_000_000, ("get", "registry/store.py", 70): 3_000_000}


@pytest.mark.parametrize(
    ("limit", "state", "value"),
    [("70MB", FAIL, 80e6), ("90MB", PASS, 80e6), ("15kB/request", FAIL, 20e3), ("30kB/request", PASS, 20e3)],
)
def test_a_site_is_a_line_and_start_up_cancels_per_request(limit, state, value):
    head = Snapshot(
        label="head",
        captures=(memory(SHORT, "allocated", 1000), memory(LONG, "allocated", 2000, launch=1)),
    )
    finding = judged("site registry.store.*", limit, head)
    assert (finding.state, finding.value, finding.line) == (state, value, 41)
    assert "put (registry/store.py:41)" in finding.message
    assert judged("site store.py:41", limit, head).value == value


def test_processes_of_one_launch_are_added_and_launches_averaged():
    one = memory(LONG, "leaked", None)
    head = Snapshot(label="head", captures=(one, one, replace(one, launch=1), replace(one, launch=1)))
    (finding,) = judge(parse_budgets({"site *store.*": {"leaked": "1MB"}}), head, None)
    assert finding.value == 160e6


def test_bytes_of_a_sampled_heap_scatter():
    values = {("put", "store.go", 4): 60_000_000, ("rest", "main.go", 1): 60_000_000}
    made = profile(values, kind=("allocated", "bytes"), requests=100)
    head = Snapshot(label="head", captures=(CapturedProfile(stage="heap", requests=100, profile=made),))
    assert judged("site put", "61MB", head).state is UNSURE
    assert judged("site put", "20MB", head).state is FAIL


@pytest.mark.parametrize(
    ("glob", "matches"),
    [
        ("put", True),
        ("registry.store.*", True),
        ("store.put", True),
        ("src.registry.store.put", True),
        ("store.py:put", True),
        ("registry/store.py:41", True),
        ("store.get", False),
        ("store*", False),
        ("p?t", True),
        ("[a-z]ut", False),
        ("registry.store", False),
    ],
)
def test_the_names_of_a_place(glob, matches):
    place = Place(FunctionKey("put", "src/registry/store.py", ""), 41)
    assert Pattern(glob).matches(place) is matches


@pytest.mark.parametrize(
    ("name", "glob", "matches"),
    [
        ("Codec.encode_json", "encode_*", True),
        ("registry::codec::encode_json", "encode_*", True),
        ("JSONEncoder.iterencode", "encode*", False),
        ("main.(*Store).Put", "Put", True),
        ("main.(*Store).Put", "main.*", True),
        ("operator[]", "operator[]", True),
    ],
)
def test_names_with_their_class_or_module(name, glob, matches):
    assert Pattern(glob).matches(Place(FunctionKey(name, "json/encoder.py"))) is matches


def test_patterns_take_the_time_of_a_look_at_most():
    long = Place(FunctionKey("a" * 100_000, "/".join(["a" * 50] * 1000)))
    assert not Pattern("*a*a*a*a*a*a*a*b").matches(long)


# --- changes


def row(
    name="encode_json", *, change, head=120.0, base=100.0, interval=None, p=0.001, verdict=Verdict.REGRESSION
):
    return FunctionChange(
        name=name,
        file="registry/codec.py",
        kind="cpu",
        unit="ns/request",
        base=base,
        head=head,
        change=change,
        interval=interval,
        p=p,
        share_base=0.1,
        share_head=0.1,
        verdict=verdict,
    )


@pytest.mark.parametrize(
    ("found", "limit", "state"),
    [
        (row(change=0.2, interval=(0.15, 0.25)), "+10%", FAIL),
        (row(change=0.2, interval=(0.15, 0.25)), "+30%", PASS),
        (row(change=0.2, interval=(0.0, 0.4)), "+18%", UNSURE),
        (row(change=0.2, p=None, verdict=Verdict.INCONCLUSIVE), "+10%", UNSURE),
        (row(change=None), "+10%", PASS),
    ],
)
def test_the_change_of_a_function(found, limit, state):
    finding = judged("function encode_*", limit, sliced(), Comparison(functions=(found,)))
    assert finding.state is state
    assert finding.against_past


def test_changes_together():
    rows = (
        row(change=0.2, interval=(0.19, 0.21)),
        row("encode_avro", change=-0.2, head=80.0, interval=(-0.21, -0.19)),
    )
    (finding,) = judge(
        parse_budgets({"function encode_*": {"cpu": "+5%", "together": True}}),
        sliced(),
        Comparison(functions=rows),
    )
    assert (finding.state, finding.value) == (PASS, pytest.approx(0.0))


def test_a_change_of_what_only_one_side_has():
    assert judged("function nope", "+5%", sliced(), Comparison(functions=(row(change=0.1),))).state is UNSURE
    assert judged("function nope", "+5%", sliced(), Comparison()).state is UNSURE
    assert judged("function nope", "+5%", sliced()).message == "there is nothing to compare with yet"


# --- categories


def category(name, share, samples, base=None, kind="cpu") -> CategoryCost:
    return CategoryCost(
        category=name,
        kind=kind,
        stage="cpu",
        share=share,
        samples=samples,
        base_share=base,
        functions=(("encode", share),),
    )


COSTS = (category("serialization", 0.2, 2000, 0.1), category("other", 0.8, 8000, 0.9))


@pytest.mark.parametrize(
    ("rule", "limit", "state", "value"),
    [
        ("category serialization", "15%", FAIL, 0.2),
        ("category serialization", "25%", PASS, 0.2),
        ("category serialization", "20.1%", UNSURE, 0.2),
        ("category Serialization", "+50%", FAIL, 1.0),
        ("category serialization", "+150%", PASS, 1.0),
        ("category locks", "5%", PASS, 0.0),
        ("category lokcs", "5%", UNSURE, None),
    ],
)
def test_categories(rule, limit, state, value):
    finding = judged(rule, limit, sliced(), categories=COSTS)
    assert finding.state is state
    assert finding.value == (None if value is None else pytest.approx(value))


def test_categories_without_a_profile_or_with_a_slip():
    assert "a CPU profiler" in judged("category locks", "5%", sliced()).message
    assert "nearest is 'locks'" in judged("category lokcs", "5%", sliced(), categories=COSTS).message


# --- routes


def latency(route: str, samples, name="latency.p95") -> Metric:
    return Metric(
        name=f"{name}{{{route}}}",
        unit="s",
        better="lower",
        samples=tuple(samples),
        launches=tuple(range(len(samples))),
    )


ROUTES = Snapshot(
    label="head",
    metrics=(
        latency("GET /schemas/{id}", [0.008, 0.0081, 0.0079]),
        latency("GET /schemas", [0.02, 0.021, 0.019]),
        latency("POST /schemas", [0.05, 0.05, 0.05]),
        latency("DELETE /schemas/{id}", [0.001], "latency.p50"),
    ),
)


@pytest.mark.parametrize(
    ("rule", "limit", "state"),
    [
        ("route GET /schemas/*", "10ms", PASS),
        ("route GET /schemas/:id", "7ms", FAIL),
        ("route GET /schemas/<int:id>", "7ms", FAIL),
        ("route GET /schemas*", "10ms", FAIL),
        ("route /schemas", "40ms", FAIL),
        ("latency.p95{GET /schemas/{id}}", "10ms", PASS),
        ("route DELETE /schemas/*", "10ms", UNSURE),
        ("route GET /schema", "10ms", UNSURE),
    ],
)
def test_routes(rule, limit, state):
    assert judged(rule, limit, ROUTES).state is state


def test_what_is_said_of_routes():
    assert judged("route /schemas", "40ms", ROUTES).message == "POST /schemas"
    assert "nearest is 'GET /schemas'" in judged("route GET /schema", "9ms", ROUTES).message
    assert "too few requests" in judged("route DELETE /schemas/*", "9ms", ROUTES).message
    assert "no latency by route" in judged("route GET /", "9ms", sliced()).message


def test_the_change_of_a_route():
    name = "latency.p95{GET /schemas}"
    change = MetricChange(
        name=name,
        unit="s",
        better="lower",
        base=0.01,
        head=0.02,
        change=1.0,
        interval=(0.9, 1.1),
        p=0.0001,
        verdict=Verdict.INCONCLUSIVE,
        gating=False,
    )
    assert judged("route GET /schemas", "+10%", ROUTES, Comparison(metrics=(change,))).state is FAIL
    assert judged("route GET /schemas", "+10%", ROUTES, Comparison()).state is UNSURE


# --- rates


def test_rates_of_allocation_follow_from_what_a_request_allocates():
    head = Snapshot(
        label="head",
        metrics=(
            Metric(name="memory.allocated.per_request", unit="bytes", better="lower", samples=(50_000.0,)),
            Metric(name="load.throughput", unit="1/s", better="neither", samples=(3000.0,)),
        ),
    )
    finding = judged("memory.allocation_rate", "100MB/s", head)
    assert (finding.state, finding.value) == (FAIL, 150e6)
    assert "throughput" in finding.message
    assert judged("memory.allocations_per_second", "1000000/s", head).state is UNSURE


def test_a_metric_that_no_run_has_is_told_the_nearest_one():
    assert "nearest is 'memory.peak'" in judged("memory.peek", "5MB", sliced()).message
