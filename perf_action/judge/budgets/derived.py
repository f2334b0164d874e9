"""Metrics that follow from others: rates of allocation, where the profiler counted per request.

A service under a memory profiler is slower, so that its own rates are too low; what it allocates for a request is not.
Times the throughput of the clean launches, that is the rate of the service itself.
"""

from __future__ import annotations

from perf_action.judge.budgets.metrics import value_of
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot

#: rate -> what one request allocates, and the rate's unit
_RATES = {
    "memory.allocation_rate": ("memory.allocated.per_request", "bytes/s"),
    "memory.allocations_per_second": ("memory.allocations.per_request", "1/s"),
}


def derived(name: str, head: Snapshot) -> Metric | None:
    """The metric `name` from others of head, or None."""
    if name not in _RATES:
        return None
    source, unit = _RATES[name]
    amount, rate = (_value(head, n) for n in (source, "load.throughput"))
    if amount is None or rate is None:
        return None
    return Metric(name=name, unit=unit, better="lower", samples=(amount * rate,), source="profiled")


def _value(head: Snapshot, name: str) -> float | None:
    metric = head.metric(name)
    found = value_of(metric, 1.0) if metric else None
    return found.value if found else None
