"""Trial records to a snapshot of one side: metrics with every sample kept, the series of the soak, profiles by slice.

Pure, but for `read`, which turns a capture file into profiles. Times come from launches without a profiler only.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from perf_action.measure.captured import Read, captured
from perf_action.measure.paths import relative_to
from perf_action.measure.schedule import CALIBRATION
from perf_action.model.environment import Environment
from perf_action.model.metric import Better, Metric, Series
from perf_action.model.query import Query, added
from perf_action.model.route import MOST_ROUTES, metric_name, parts
from perf_action.model.snapshot import Capture, Snapshot
from perf_action.model.tree import rename_files
from perf_action.model.trial import CLEAN, SOAK, Side, Slice, TrialRecord
from perf_action.model.units import NS_PER_S

#: statements that are kept, those that took most time
_MOST_QUERIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A metric of clean slices: its name, unit, direction, and how one slice gives a sample (None: it cannot)."""

    name: str
    unit: str
    better: Better
    of: Callable[[Slice], float | None]


def _per_request(value: float, s: Slice) -> float | None:
    return value / s.requests if s.requests else None


def _per_time(value: float, s: Slice) -> float | None:
    """Per nanosecond of a slice; None where a clock that stepped leaves it no length."""
    return value / (s.end_ns - s.start_ns) if s.end_ns > s.start_ns else None


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else ns / NS_PER_S


_SLICE_METRICS: tuple[_Kind, ...] = (
    _Kind(
        name="cpu.per_request", unit="s", better="lower", of=lambda s: _per_request(s.cpu_ns / NS_PER_S, s)
    ),
    _Kind(name="cpu.cores", unit="ratio", better="neither", of=lambda s: _per_time(s.cpu_ns, s)),
    _Kind(name="latency.p50", unit="s", better="lower", of=lambda s: _seconds(s.latency_p50_ns)),
    _Kind(name="latency.p95", unit="s", better="lower", of=lambda s: _seconds(s.latency_p95_ns)),
    _Kind(name="latency.p99", unit="s", better="lower", of=lambda s: _seconds(s.latency_p99_ns)),
    _Kind(
        name="load.throughput",
        unit="1/s",
        better="neither",  # what a closed loop reaches follows from the rest, and from what else the machine does
        of=lambda s: None if s.requests is None else _per_time(s.requests * NS_PER_S, s),
    ),
    _Kind(name="load.requests", unit="count", better="neither", of=lambda s: s.requests),
    _Kind(name="load.error_rate", unit="ratio", better="neither", of=lambda s: _per_request(s.errors, s)),
    _Kind(
        name="load.client_cpu_per_request",
        unit="s",
        better="neither",
        of=lambda s: None if s.load_cpu_ns is None else _per_request(s.load_cpu_ns / NS_PER_S, s),
    ),
    _Kind(
        name="io.written_per_request",
        unit="bytes",
        better="neither",
        of=lambda s: _per_request(s.written_bytes, s),
    ),
)


def snapshot(
    records: Sequence[TrialRecord],
    side: Side,
    *,
    folder: Path,
    checkout: Path,
    read: Read,
    label: str,
    commit: str,
    environment: Environment,
    max_error_rate: float,
    notes: Sequence[str] = (),
) -> Snapshot:
    """All that the records say about one side. `folder` holds the trials' folders, by number; files in
    profiles are named relative to `checkout`.
    """
    good = [
        r
        for r in records
        if r.failure is None and side in r.trial.sides and r.trial.stage.name != CALIBRATION
    ]
    clean = [r for r in good if r.trial.stage.name == CLEAN]
    found = captured(good, side, folder, partial(_read, read=read, shorten=relative_to(checkout)))
    metrics = (
        *_slice_metrics(clean, side),
        *_launch_metrics(clean, side),
        *_route_metrics(clean, side),
        *_overhead(good, side),
        *found.metrics,
    )
    return Snapshot(
        label=label,
        commit=commit,
        environment=environment,
        metrics=metrics,
        series=tuple(_series(good, side)),
        captures=found.captures,
        slices=found.slices,
        timelines=found.timelines,
        queries=_queries(clean, side),
        notes=tuple(dict.fromkeys((*notes, *found.notes, *(n for r in good for n in r.notes)))),
        not_comparable=_unusable(clean, side, max_error_rate),
    )


def clean_cpu(records: Sequence[TrialRecord], side: Side) -> Metric | None:
    """CPU per request of the clean launches so far: what decides whether more are needed."""
    clean = [
        r for r in records if r.failure is None and r.trial.stage.name == CLEAN and side in r.trial.sides
    ]
    return next((m for m in _slice_metrics(clean, side) if m.name == "cpu.per_request"), None)


def _queries(clean: Sequence[TrialRecord], side: Side) -> tuple[Query, ...] | None:
    """What the database counted in all launches; of each statement once."""
    told = [queries for record in clean for owner, queries in record.queries if owner is side]
    return added(query for queries in told for query in queries)[:_MOST_QUERIES] if told else None


def _slices(record: TrialRecord, side: Side) -> list[Slice]:
    return [s for s in record.slices if s.side is side and s.requests != 0]


def _slice_metrics(clean: Sequence[TrialRecord], side: Side) -> Iterator[Metric]:
    slices = [(r, s) for r in clean for s in _slices(r, side)]
    for kind in _SLICE_METRICS:
        rows = [
            (value, r.trial.pair, r.trial.pair * 1000 + s.index)
            for r, s in slices
            if (value := kind.of(s)) is not None
        ]
        if rows:
            samples, launches, pairs = zip(*rows, strict=True)
            paired = any(r.trial.stage.placement != "alone" for r in clean)
            yield Metric(
                name=kind.name,
                unit=kind.unit,
                better=kind.better,
                samples=samples,
                launches=launches,
                pairs=pairs if paired else None,
            )


def _launch_metrics(clean: Sequence[TrialRecord], side: Side) -> Iterator[Metric]:
    """One sample a launch: the peak of resident memory, and how long the service took until it was ready."""
    for name, unit, scale, values in (
        ("memory.rss.peak", "bytes", 1.0, [(r, dict(r.rss_peak_bytes).get(side)) for r in clean]),
        ("service.start_up", "s", 1 / NS_PER_S, [(r, dict(r.start_up_ns).get(side)) for r in clean]),
    ):
        rows = [(value * scale, r.trial.pair) for r, value in values if value is not None]
        if rows:
            samples, launches = zip(*rows, strict=True)
            better: Better = "lower" if name.startswith("memory") else "neither"
            yield Metric(
                name=name, unit=unit, better=better, samples=samples, launches=launches, pairs=launches
            )


def _route_metrics(clean: Sequence[TrialRecord], side: Side) -> Iterator[Metric]:
    """The latencies of the busiest routes; of each slice that had enough requests of the route to tell."""
    requests: Counter[str] = Counter()
    rows: defaultdict[str, list[tuple[float, int, int]]] = defaultdict(list)
    for record in clean:
        pair = record.trial.pair
        for s in _slices(record, side):
            for r in s.routes:
                requests[r.name] += r.requests
                for name, ns in r.latencies().items():
                    rows[metric_name(name, r.name)].append((ns / NS_PER_S, pair, pair * 1000 + s.index))
    kept = {name for name, _ in requests.most_common(MOST_ROUTES)}
    paired = any(r.trial.stage.placement != "alone" for r in clean)
    for name, values in rows.items():
        if parts(name)[1] in kept:
            samples, launches, pairs = zip(*values, strict=True)
            yield Metric(
                name=name,
                unit="s",
                better="lower",
                samples=samples,
                launches=launches,
                pairs=pairs if paired else None,
            )


def _overhead(records: Sequence[TrialRecord], side: Side) -> Iterator[Metric]:
    """What each recorder added to CPU per request: in the same launches, slices with it against slices without."""
    for name in dict.fromkeys(r.trial.stage.name for r in records):
        slices = [_slices(r, side) for r in records if r.trial.stage.name == name]
        both = [s for launch in slices for s in launch if len({s.recorded for s in launch}) == 2]
        with_, without = (_mean_cpu([s for s in both if s.recorded is which]) for which in (True, False))
        if with_ and without:
            yield Metric(
                name=f"profiler.overhead.{name}",
                unit="ratio",
                better="neither",
                samples=(with_ / without - 1,),
                source="profiled",
            )


def _mean_cpu(slices: Sequence[Slice]) -> float | None:
    requests = sum(s.requests or 0 for s in slices)
    return sum(s.cpu_ns for s in slices) / requests if requests else None


def _series(records: Sequence[TrialRecord], side: Side) -> Iterator[Series]:
    for record in records:
        if record.trial.stage.name != SOAK:
            continue
        slices = _slices(record, side)
        for owner, series in record.series:
            if owner is side and slices:
                yield replace(series, launch=record.trial.pair, requests=_requests_at(series.t_ns, slices))


def _requests_at(times: Sequence[int], slices: Sequence[Slice]) -> tuple[int, ...] | None:
    """Requests made until each time, evenly spread over every slice; None where nobody counted."""
    if any(s.requests is None for s in slices):
        return None
    starts = [s.start_ns for s in slices]
    before = [0]
    for s in slices:
        before.append(before[-1] + (s.requests or 0))
    out = []
    for t in times:
        i = bisect.bisect_right(starts, t) - 1
        if i < 0:
            out.append(0)
            continue
        s = slices[i]
        part = min(1.0, (t - s.start_ns) / max(1, s.end_ns - s.start_ns))
        out.append(before[i] + int(part * (s.requests or 0)))
    return tuple(out)


def _read(path: Path, *, read: Read, shorten: Callable[[str], str]) -> Capture:
    content = read(path)
    renamed = tuple(replace(c, profile=rename_files(c.profile, shorten)) for c in content.captures)
    return replace(content, captures=renamed)


def _unusable(clean: Sequence[TrialRecord], side: Side, max_error_rate: float) -> str:
    slices = [s for r in clean for s in r.slices if s.side is side]
    requests = sum(s.requests or 0 for s in slices)
    errors = sum(s.errors for s in slices)
    if slices and all(s.requests is not None for s in slices) and requests == 0:
        return f"{side.value}: the load made no request"
    if requests and errors / requests > max_error_rate:
        return f"{side.value}: {errors} of {requests} requests failed, more than {max_error_rate:.0%}"
    return ""
