"""Latencies of single routes are in the long tables, not in the short one."""

from __future__ import annotations

from perf_action.model.metric import Metric
from perf_action.render.rows import lone_metric_row


def test_a_route_is_no_row_of_the_short_table():
    def is_main(name: str) -> bool:
        return lone_metric_row(Metric(name=name, unit="s", better="lower", samples=(1.0,))).main

    assert is_main("latency.p95")
    assert is_main("mine")
    assert not is_main("latency.p95{GET /items}")
