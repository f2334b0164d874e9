"""The captures of all launches of a side to profiles, whole and by slice, and to the metrics that counters give.

A launch may leave many files: one for each process, one for each slice, one for each thing that a service tells about
itself. What one launch spent is their sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from perf_action.errors import InputError
from perf_action.model.metric import Better, Metric
from perf_action.model.profile import CapturedProfile, Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.model.tree import merge
from perf_action.model.trial import CaptureFile, Side, Slice, TrialRecord

Read = Callable[[Path], Capture]

#: counters of whole launches -> the metric that the difference of two launches gives
_PER_REQUEST = {
    "memory.allocations": "memory.allocations.per_request",
    "memory.allocated": "memory.allocated.per_request",
}
#: exact profiles whose total is such a counter -> its metric and unit
_TOTALS = {
    "instructions": ("cpu.instructions.per_request", "count"),
    "bytecodes": ("cpu.bytecodes.per_request", "count"),
}
#: values that repeat to the digit
_REPEATING = ("memory.peak", "memory.leak.", "memory.errors")
#: what is held now, not what was spent: the last slice says it, and slices are not added up
_STATES = ("in_use", "in_use_count", "goroutines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Profiles of whole launches, of slices, time-lines, metrics of the profilers, and notes about files that could not
    be read.
    """

    captures: tuple[CapturedProfile, ...]
    slices: tuple[ProfileSlice, ...]
    timelines: tuple[CapturedProfile, ...]
    metrics: tuple[Metric, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A counter's total over one launch that answered `requests`."""

    requests: int
    metric: Metric


def trial_folder(run: Path, number: int) -> Path:
    """Where a trial's files are."""
    return run / "trials" / f"{number:03d}"


def captured(records: Iterable[TrialRecord], side: Side, folder: Path, read: Read) -> Captured:
    """All captures of `side`, read with `read`; `folder` is the run folder."""
    captures: list[CapturedProfile] = []
    slices: list[ProfileSlice] = []
    timelines: list[CapturedProfile] = []
    counted: list[_Counted] = []
    values: list[Metric] = []
    notes: list[str] = []
    for record in records:
        taken: list[tuple[CaptureFile, Capture]] = []
        for file in (f for f in record.captures if f.side is side):
            try:
                taken.append((file, read(trial_folder(folder, record.trial.number) / file.path)))
            except InputError as error:
                notes.append(f"{record.trial.stage.name}: a capture could not be read: {error.reason}")
        notes += [note for _, content in taken for note in content.notes]
        timelines += _timelines(taken, record)
        taken = [(file, content) for file, content in taken if not file.timeline]
        cut = list(_cpu_slices(taken, record, side))
        slices += cut
        profiles = [*_whole(cut), *_others(taken)]
        stage, pair = record.trial.stage.name, record.trial.pair
        captures += [
            CapturedProfile(stage=stage, launch=pair, requests=p.requests, profile=p) for p in profiles
        ]
        counted += [*_counters(taken), *_totals(profiles)]
        values += [m for _, content in taken for m in content.metrics if m.name not in _PER_REQUEST]
    return Captured(
        captures=tuple(captures),
        slices=tuple(slices),
        timelines=tuple(timelines),
        metrics=(*_per_request(counted), *_worst(values)),
        notes=tuple(notes),
    )


def _timelines(
    taken: Sequence[tuple[CaptureFile, Capture]], record: TrialRecord
) -> Iterator[CapturedProfile]:
    """The recordings of when what ran: waiting threads are in them, so they are wall time."""
    for file, content in taken:
        for profile in (c.profile for c in content.captures if file.timeline):
            yield CapturedProfile(
                stage=record.trial.stage.name,
                launch=record.trial.pair,
                requests=file.requests,
                profile=replace(
                    profile, kinds=(ValueKind("wall", profile.kinds[0].unit),), requests=file.requests
                ),
            )


def _cpu_slices(
    taken: Sequence[tuple[CaptureFile, Capture]], record: TrialRecord, side: Side
) -> Iterator[ProfileSlice]:
    slices = {s.index: s for s in record.slices if s.side is side and s.requests}
    for file, content in taken:
        s = slices.get(file.slice) if file.slice is not None else None
        for profile in (c.profile for c in content.captures):
            if s is not None and s.requests and _is_cpu(profile):
                yield ProfileSlice(
                    launch=record.trial.pair,
                    slice=s.index,
                    requests=s.requests,
                    cpu_ns_per_request=s.cpu_ns / s.requests,
                    rate_hz=_rate(profile, record, s),
                    profile=replace(profile, requests=s.requests),
                )


def _is_cpu(profile: Profile) -> bool:
    return profile.find_kind("cpu") is not None


def _rate(profile: Profile, record: TrialRecord, s: Slice) -> float:
    """Samples per second: as asked for, else as many as there are in the CPU time of the slice."""
    if record.trial.stage.rate_hz:
        return record.trial.stage.rate_hz
    return len(profile.sample_stack) / max(s.cpu_ns / 1e9, 1e-3)


def _whole(cut: Sequence[ProfileSlice]) -> Iterator[Profile]:
    """The slices of a launch together."""
    if cut:
        yield replace(merge([s.profile for s in cut]), requests=sum(s.requests for s in cut))


def _others(taken: Sequence[tuple[CaptureFile, Capture]]) -> Iterator[Profile]:
    """What is not CPU time by slice: one profile for each sort of file and set of kinds, processes and slices added up.

    Files of different names with the same kinds (mutex and block of a Go service) are told apart by the kinds' event.
    """
    groups: defaultdict[tuple[ValueKind, ...], dict[str, list[tuple[CaptureFile, Profile]]]]
    groups = defaultdict(lambda: defaultdict(list))
    for file, content in taken:
        for profile in (c.profile for c in content.captures):
            if file.slice is None:
                groups[profile.kinds][_sort(file)].append((file, profile))
            elif not _is_cpu(profile):
                state = _state_of(profile)
                groups[state.kinds][_sort(file)].append((file, state))
    for kinds, sorts in groups.items():
        for name, members in sorts.items():
            profile = _together(members)
            if len(sorts) > 1:
                named = tuple(kind if kind.event else kind._replace(event=name) for kind in kinds)
                profile = replace(profile, kinds=named)
            yield profile


def _sort(file: CaptureFile) -> str:
    """What a file's name begins with, before numbers of slices and processes."""
    return Path(file.path).name.partition(".")[0]


def _state_of(profile: Profile) -> Profile:
    """A profile of a slice that says what is held now, without what was spent since the service began."""
    columns = [i for i, kind in enumerate(profile.kinds) if kind.kind in _STATES]
    if not columns or len(columns) == len(profile.kinds):
        return profile
    kinds = tuple(profile.kinds[i] for i in columns)
    return replace(profile, kinds=kinds, sample_values=profile.sample_values[:, columns])


def _together(members: Sequence[tuple[CaptureFile, Profile]]) -> Profile:
    """The profiles of one launch as one: all, or those of the last slice where they say what is held now."""
    chosen = members
    if any(kind.kind in _STATES for kind in members[0][1].kinds):
        last = max((file.slice or 0) for file, _ in members)
        chosen = [(file, p) for file, p in members if (file.slice or 0) == last]
    by_slice = {file.slice: file.requests for file, _ in chosen}
    requests = [r for r in by_slice.values() if r is not None]
    parts = [profile for _, profile in chosen]
    return replace(
        merge(parts) if len(parts) > 1 else parts[0],
        requests=sum(requests) if len(requests) == len(by_slice) else None,
    )


def _counters(taken: Sequence[tuple[CaptureFile, Capture]]) -> Iterator[_Counted]:
    """The counters of a launch, processes added up."""
    for name in _PER_REQUEST:
        mine = [
            (file, m) for file, content in taken for m in content.metrics if m.name == name and file.requests
        ]
        if mine:
            total = sum(m.samples[0] for _, m in mine)
            yield _Counted(requests=mine[0][0].requests or 0, metric=replace(mine[0][1], samples=(total,)))


def _totals(profiles: Iterable[Profile]) -> Iterator[_Counted]:
    for profile in profiles:
        for column, kind in enumerate(profile.kinds):
            if kind.kind in _TOTALS and not kind.event and profile.requests:
                metric = _metric(kind.kind, _TOTALS[kind.kind][1], float(profile.total(column)))
                yield _Counted(requests=profile.requests, metric=metric)


def _metric(name: str, unit: str, value: float, better: Better = "lower") -> Metric:
    return Metric(name=name, unit=unit, better=better, samples=(value,), source="profiled", exact=True)


def _per_request(counted: Sequence[_Counted]) -> Iterator[Metric]:
    """Each counter per request: the difference of launches of different length, so that start-up cancels; one sample
    for each of the long ones.
    """
    names = _PER_REQUEST | {kind: name for kind, (name, _) in _TOTALS.items()}
    for counter, name in names.items():
        mine = [c for c in counted if c.metric.name == counter]
        if len({c.requests for c in mine}) < 2:
            continue
        few, many = min(c.requests for c in mine), max(c.requests for c in mine)
        low = fmean(c.metric.samples[0] for c in mine if c.requests == few)
        long = [c.metric.samples[0] for c in mine if c.requests == many]
        yield replace(
            mine[0].metric,
            name=name,
            samples=tuple((high - low) / (many - few) for high in long),
            launches=None,
            pairs=None,
            source="profiled",
            exact=True,
        )


def _worst(values: Sequence[Metric]) -> Iterator[Metric]:
    """The largest value of any process in any launch, of each metric."""
    for name in dict.fromkeys(m.name for m in values):
        mine = [m for m in values if m.name == name]
        worst = max(mine, key=lambda m: max(m.samples))
        yield replace(
            worst,
            samples=(max(worst.samples),),
            launches=None,
            pairs=None,
            source="profiled",
            exact=name.startswith(_REPEATING),
        )
