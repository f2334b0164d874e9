"""Routes: names of tools and targets of requests to what they have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.model.route import RouteResult, metric_name, normal, parts, route_of, template


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("GET http://127.0.0.1:60577/items/17?x=1", "GET /items/{id}"),
        ("GET http://127.0.0.1:60577", "GET /"),
        ("GET /items/550e8400-e29b-41d4-a716-446655440000/parts", "GET /items/{id}/parts"),
        ("POST /schemas/{subject}", "POST /schemas/{subject}"),
        ("read an item", "read an item"),
        ("http://host/a/5", "/a/{id}"),
    ],
)
def test_the_route_of_what_tools_call_a_request(name, route):
    assert route_of(name) == route


@given(st.text(max_size=60))
def test_a_label_goes_into_a_name_and_comes_out(label):
    assert parts(metric_name("latency.p95", label)) == ("latency.p95", label)


def test_every_way_to_write_a_place_is_one():
    forms = ("/a/:id/b", "/a/{id}/b", "/a/<int:id>/b", "/a/[id]/b", "/a/{}/b", "/a/${}/b")
    assert {normal(form) for form in forms} == {"/a/{}/b"}


def test_a_target_without_end_is_cut():
    assert len(template("/" + "a/" * 100_000)) <= 200


def test_a_percentile_needs_requests():
    times = {"p50_ns": 1.0, "p95_ns": 2.0, "p99_ns": 3.0}
    assert set(RouteResult("/", 30, 0, **times).latencies()) == {"latency.p50", "latency.p95"}
    assert set(RouteResult("/", 0, 0, **times).latencies()) == {"latency.p50", "latency.p95", "latency.p99"}
    assert RouteResult("/", 3, 0, **times).latencies() == {}
