"""The second, shorter measurement: only the stages that something got worse in, with fresh launches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from perf_action.compare import CompareOptions, compare
from perf_action.compare.confirm import is_flagged
from perf_action.errors import CannotMeasure, one_line
from perf_action.measure.campaign import Campaign, Execute, carry_out
from perf_action.measure.listener import Listener
from perf_action.measure.schedule import Schedule
from perf_action.model.change import Comparison
from perf_action.model.outcome import StageOutcome
from perf_action.model.snapshot import Snapshot
from perf_action.model.touched import TouchedFile
from perf_action.model.trial import CLEAN, SOAK, Side, Stage, TrialRecord
from perf_action.recording import Confirmation

#: the records of a campaign -> both sides
Snapshots = Callable[[Campaign], Mapping[Side, Snapshot]]
AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What was measured again: for the comparison (None where nobody asked for it), for the list of stages, and for the
    conditions of measuring.
    """

    confirmation: Confirmation | None = None
    stages: tuple[StageOutcome, ...] = ()
    records: tuple[TrialRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first measurement: how it was planned, what came of it, and what differs between the sources."""

    order: Schedule
    campaign: Campaign
    sides: Mapping[Side, Snapshot]
    touched: tuple[TouchedFile, ...]


def measure_again(first: First, perform: Execute, listener: Listener, snapshots: Snapshots) -> Repeated:
    """Measure what got worse a second time, if the plan keeps time for it. What goes wrong is the reason in the result."""
    if not first.order.reserved:
        return Repeated()
    base, head = first.sides[Side.BASE], first.sides[Side.HEAD]
    stages = stages_to_repeat(
        compare(base, head, CompareOptions(touched=first.touched)), head, first.order.stages
    )
    if not stages:
        return Repeated(confirmation=Confirmation())
    listener.say(f"measuring again what got worse: {', '.join(s.name for s in stages)}")
    spent = sum(r.seconds for r in first.campaign.records)
    order = replace(
        first.order,
        stages=stages,
        taken=len(first.campaign.records),
        max_seconds=first.order.max_seconds + first.order.reserved - spent,
    )
    try:
        second = carry_out(order, perform, listener)
    except CannotMeasure as error:
        return Repeated(confirmation=Confirmation(why_not=one_line(str(error), 200)))
    outcomes = tuple(replace(s, name=f"{s.name}, {AGAIN}") for s in second.stages)
    confirmation = Confirmation(
        sides=snapshots(second) if second.records else {},
        why_not="" if second.records else "no time was left for it",
    )
    return Repeated(confirmation=confirmation, stages=outcomes, records=second.records)


def stages_to_repeat(found: Comparison, head: Snapshot, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages that the regressions come from, each with its least launches."""
    names = {SOAK} if any(map(is_flagged, found.leaks)) else set()
    sources = {m.name: m.source for m in head.metrics}
    counting = {s.name for s in stages if s.counts} or {s.name for s in stages if s.profiler != "none"}
    for metric in filter(is_flagged, found.metrics):
        names |= {CLEAN} if sources[metric.name] == "clean" else counting
    kinds = {f.kind for f in found.functions if is_flagged(f)}
    names |= {c.stage for c in head.captures if any(k.kind in kinds for k in c.profile.kinds)}
    return tuple(replace(s, max_launches=s.min_launches) for s in stages if s.name in names)
