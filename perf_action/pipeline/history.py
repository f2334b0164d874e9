"""The history in the store: what a run adds to it, and what all of it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perf_action import recording
from perf_action.compare.change_points import Detect
from perf_action.compare.point import point_of
from perf_action.compare.trend import drifts, trend
from perf_action.config import BaselineOptions
from perf_action.errors import PerfActionError, UsageError, one_line
from perf_action.model.accepted import Accepted, AcceptedAt
from perf_action.model.trend import Point, Trend
from perf_action.model.trial import Side
from perf_action.recording import Run
from perf_action.render.accepted import accepted_in_history
from perf_action.render.trend import drift_sentence
from perf_action.store import EntryKey, Store, open_store, save
from perf_action.system import System

#: how many runs the history is read back, besides the reference
LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The points of one configuration, oldest first; `others` are the configurations that the store has besides."""

    configuration: str
    points: tuple[Point, ...]
    others: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def keep(
    run: Run,
    store: Store,
    system: System,
    *,
    reference: bool = False,
    accepted: Sequence[Accepted] = (),
) -> EntryKey:
    """Keep head of a run as a baseline, and what the history keeps of it: `accepted` too, as far as it counted."""
    fingerprint = run.environment.fingerprint()
    head = run.snapshot(Side.HEAD)
    point = point_of(
        head,
        run.sides.get(Side.BASE),
        time_s=run.created,
        fingerprint=fingerprint,
        reference=reference,
        accepted=[
            AcceptedAt(commit=head.commit, subject=a.subject, until=a.until, reason=a.reason, by=a.by)
            for a in accepted
            if a.state.counts
        ],
    )
    return save(
        store,
        head,
        recording.encode_snapshot,
        config_digest=run.config_digest,
        fingerprint=fingerprint,
        environ=system.environ,
        now_s=system.now(),
        point=recording.encode_point(point),
        reference=reference,
    )


def read_past(
    store: Store, *, configuration: str = "", likely: str = "", limit: int = LIMIT, snapshots: bool = True
) -> Past:
    """The history of `configuration` (digest or the start of one; UsageError for one that is not there), else of
    `likely` if there is one, else of the latest run. Where a run has a snapshot but no point, as earlier versions left
    it, the point is made of that, unless `snapshots` is False: those are large.
    """
    runs = _runs(store, snapshots=snapshots)
    digests = tuple(dict.fromkeys(key.config_digest for key in reversed(runs)))
    chosen = _configuration(digests, configuration, likely, store)
    mine = [key for key in runs if key.config_digest == chosen]
    reference = [key for key in mine[:-limit] if key.part == "reference"][-1:]
    points, warnings = _read(store, [*reference, *mine[-limit:]])
    others = tuple(d for d in digests if d != chosen)
    return Past(configuration=chosen, points=points, others=others, warnings=warnings)


def trend_of(past: Past, *, environment: str = "", detect: Detect | None = None) -> Trend:
    """What the history says; `environment` is the fingerprint that times are of, or the start of one."""
    known = dict.fromkeys(p.fingerprint for p in reversed(past.points))
    found = next((f for f in known if f.startswith(environment)), "") if environment else ""
    if environment and not found:
        raise UsageError(f"no run was on environment {environment}; there is {', '.join(known) or 'none'}")
    said = trend(past.points, configuration=past.configuration, environment=found, detect=detect)
    return replace(said, notes=(*past.warnings, *said.notes, *map(accepted_in_history, said.accepted)))


def known_past(run: Run, options: BaselineOptions, repository: Path, system: System) -> Trend | None:
    """The history of a run's own configuration, with times of its own environment; None where there is none, or the
    store cannot be reached: a report does without.
    """
    if options.store == "none" or Side.HEAD not in run.sides:
        return None
    try:
        with open_store(options, system, repository) as store:
            past = read_past(store, likely=run.config_digest, snapshots=False)
    except PerfActionError:
        return None
    if past.configuration != run.config_digest or not past.points:
        return None
    return trend(past.points, configuration=past.configuration, environment=run.environment.fingerprint())


def noise_of(past: Trend | None) -> dict[str, float]:
    """The relative scatter between runs, by metric, where the history is long enough to show it."""
    lines = past.lines if past else ()
    return {k.name: k.noise for k in lines if k.noise is not None and k.basis != "ratios"}


def creep(past: Trend | None) -> tuple[str, ...]:
    """A sentence for each metric that has become worse since the reference by more than noise, in whatever steps."""
    lines = drifts(past) if past else ()
    return tuple(f"In the history, {drift_sentence(line)}; see perf-action trend" for line in lines)


def _runs(store: Store, *, snapshots: bool) -> list[EntryKey]:
    """One key for each run, oldest first: its point, or the snapshot where it has none."""
    entries = store.entries()
    points = store.points()
    known = {key.beside("snapshot") for key in points}
    older = [key for key in entries if key not in known] if snapshots else []
    return sorted((*points, *older), key=lambda key: (*key.age_order, key.path))


def _configuration(digests: Sequence[str], wanted: str, likely: str, store: Store) -> str:
    if wanted:
        found = next((d for d in digests if d.startswith(wanted.lower())), "")
        if not found:
            have = ", ".join(digests) or "none"
            raise UsageError(f"{store.name} has no run of configuration {wanted}; it has {have}")
        return found
    return likely if likely in digests else next(iter(digests), "")


def _read(store: Store, keys: Sequence[EntryKey]) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    points: list[Point] = []
    warnings: list[str] = []
    for key, data in store.read_all(keys):
        source = f"{store.name}: {key.path}"
        try:
            points.append(_decode(key, data, source))
        except PerfActionError as error:
            warnings.append(one_line(f"{key.path} is passed over: {error}"))
    return tuple(points), tuple(warnings)


def _decode(key: EntryKey, data: bytes, source: str) -> Point:
    """The path says what a file is of: a file that claims another commit is not believed."""
    if key.part != "snapshot":
        point = recording.decode_point(data, source)
        return replace(
            point, commit=key.commit, fingerprint=key.fingerprint, reference=key.part == "reference"
        )
    snapshot = replace(recording.decode_snapshot(data, source), commit=key.commit)
    return point_of(snapshot, time_s=0.0, fingerprint=key.fingerprint)
