"""The report: everything the documents (comment, summary, tables) are rendered from, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from perf_action.model.accepted import Accepted
from perf_action.model.advice import Advice
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, LeakChange
from perf_action.model.check import Check
from perf_action.model.environment import Environment
from perf_action.model.finding import Finding, State
from perf_action.model.outcome import StageOutcome
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Suspect
from perf_action.model.trial import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What head is compared with. `how` is side-by-side, stored or none; distances are None where not known."""

    how: str
    commit: str = ""
    commits_behind: int | None = None
    days_old: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlameGraph:
    """The merged profile of one stage, base (None where there is none) and head, for pictures and text."""

    stage: str
    base: Profile | None
    head: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`comparison` is None on a first run with nothing to compare with. `fails` lists why the policy fails, if it does.

    `head_leaks` are the series of head judged by itself, where there is no comparison that judges them.
    `artifact_url` and `run_url` are empty outside GitHub. `checks` say whether the service and the machine were fit to
    be measured, and whether it was measured as a profile should be taken. `checklist` are the profiling guide's checks,
    `base_checklist` the same of base where it was measured,
    `categories` what the costs were spent on, `advice` what to do (best first), `suspects` the changes that did it,
    `accepted` what of it somebody has accepted. `foreign_files` are those of functions that got worse and are of a library
    or the language, as far as can be told: they are no files of the repository.
    """

    title: str
    head: Snapshot
    base: Snapshot | None
    baseline: Baseline
    comparison: Comparison | None
    budgets: tuple[Finding, ...] = ()
    stages: tuple[StageOutcome, ...] = ()
    flames: tuple[FlameGraph, ...] = ()
    environment: Environment | None = None
    fails: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""
    artifact_url: str = ""
    run_url: str = ""
    failed_sides: tuple[tuple[Side, str], ...] = ()
    checks: tuple[Check, ...] = ()
    head_leaks: tuple[LeakChange, ...] = ()
    checklist: tuple[Finding, ...] = ()
    base_checklist: tuple[Finding, ...] = ()
    categories: tuple[CategoryCost, ...] = ()
    advice: tuple[Advice, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    foreign_files: tuple[str, ...] = ()

    @property
    def new_failures(self) -> tuple[Finding, ...]:
        """The checks that fail and did not fail on base, where that was measured."""
        before = {f.rule for f in self.base_checklist if f.state is State.FAIL}
        return tuple(f for f in self.checklist if f.state is State.FAIL and f.rule not in before)

    @property
    def leaks(self) -> tuple[LeakChange, ...]:
        """One row for each series of head, also on a first run."""
        return self.head_leaks if self.comparison is None else self.comparison.leaks
