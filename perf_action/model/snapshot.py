"""A snapshot: all that is known of one side, from whatever it was made.

A side of a run folder, a stored baseline, a metric file, a sliced profile and a single capture all become one, so
that any two can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from perf_action.model.environment import Environment
from perf_action.model.metric import Metric, Series
from perf_action.model.outcome import StageOutcome
from perf_action.model.profile import CapturedProfile, ProfileSlice
from perf_action.model.query import Query
from perf_action.model.tree import by_function


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """`label` names it to people (a commit, a file). `captures` are whole profiles, `slices` what a sampling
    profiler saw per slice of load, `timelines` when what ran or waited (samples with times and threads, kind wall), for
    head's own checks and never compared; `queries` what its database counted of them (None: nobody asked).
    `not_comparable` gives the reason why the load itself was no good, or is empty; `unmeasured` are the stages that were
    to be measured and were not.
    """

    label: str
    commit: str = ""
    environment: Environment | None = None
    metrics: tuple[Metric, ...] = ()
    series: tuple[Series, ...] = ()
    captures: tuple[CapturedProfile, ...] = ()
    slices: tuple[ProfileSlice, ...] = ()
    timelines: tuple[CapturedProfile, ...] = ()
    queries: tuple[Query, ...] | None = None
    notes: tuple[str, ...] = ()
    not_comparable: str = ""
    unmeasured: tuple[StageOutcome, ...] = ()

    def by_function(self) -> Snapshot:
        """The same with lines not told apart, which is much less to look at; time-lines are left as they are."""
        return replace(
            self,
            captures=tuple(replace(c, profile=by_function(c.profile)) for c in self.captures),
            slices=tuple(replace(s, profile=by_function(s.profile)) for s in self.slices),
        )

    def metric(self, name: str) -> Metric | None:
        """The metric of that name, if it was measured."""
        return next((m for m in self.metrics if m.name == name and m.samples), None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capture:
    """What a reader found in one file. `format` is the reader's name, e.g. ``py-spy-raw``."""

    format: str
    captures: tuple[CapturedProfile, ...] = ()
    slices: tuple[ProfileSlice, ...] = ()
    metrics: tuple[Metric, ...] = ()
    series: tuple[Series, ...] = ()
    environment: Environment | None = None
    commit: str = ""
    notes: tuple[str, ...] = ()
