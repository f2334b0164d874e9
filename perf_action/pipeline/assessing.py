"""From a run folder to a verdict and its documents."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from perf_action import recording
from perf_action.compare import CompareOptions, compare, leaks_of
from perf_action.compare.confirm import confirm
from perf_action.config import FailOn
from perf_action.config.categories import category_rules
from perf_action.errors import InputError, UsageError
from perf_action.github import Context, read_context
from perf_action.judge import fails, judge
from perf_action.judge.advice import advise
from perf_action.judge.blame import blame, blame_checks, foreign_files
from perf_action.judge.budgets.ratchet import ratcheted
from perf_action.judge.categories import Categories, category_costs
from perf_action.judge.checklist import Subject, checklist
from perf_action.judge.code.language import languages_of
from perf_action.judge.code.own import is_own
from perf_action.model.accepted import Accepted
from perf_action.model.change import Comparison
from perf_action.model.finding import Budget
from perf_action.model.report import Baseline, Report
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.pipeline.accepting import accepted_of, today
from perf_action.pipeline.history import creep, known_past, noise_of
from perf_action.pipeline.reading import load_snapshot
from perf_action.pipeline.settings import Settings
from perf_action.recording import Confirmation, Run
from perf_action.render import documents
from perf_action.render.reproducer import FOLDER as REPRODUCER
from perf_action.render.reproducer import reproducer
from perf_action.store import Chosen, find_baseline
from perf_action.system import System, write_text

_ACCEPTED: TypeAdapter[tuple[Accepted, ...]] = TypeAdapter(tuple[Accepted, ...])


def assess(
    folder: Path,
    system: System,
    *,
    settings: Settings | None = None,
    against: Path | None = None,
    fail_on: Sequence[FailOn] | None = None,
) -> Report:
    """Compare, judge, render all documents into the run folder. Budgets and policy: the call's, the settings', the run's."""
    measured = recording.read_run(folder)
    budgets = settings.config.limits if settings else measured.budgets
    if fail_on is None:
        fail_on = settings.config.fail_on if settings else [FailOn(word) for word in measured.fail_on]
    context = read_context(system.environ)
    chosen = _baseline(measured, system, settings, against, context)
    past = known_past(measured, settings.config.baseline, settings.repository, system) if settings else None
    rules = category_rules(settings.config.categories) if settings else measured.categories
    head = measured.sides[Side.HEAD].commit if Side.HEAD in measured.sides else ""
    budgets = ratcheted(budgets, past, head=head, today=today(system))
    report = _report(measured, chosen, budgets, noise_of(past), categories=Categories.builtin(rules))
    report = replace(report, accepted=accepted_of(report, settings, context, system))
    report = replace(
        report,
        fails=fails(report, fail_on),
        notes=(*report.notes, *creep(past)),
        title=settings.config.comment.id if settings and settings.config.comment.id != "default" else "",
        run_url=context.run_url if context else "",
    )
    again = reproducer(report, measured.settings)
    if not again:
        shutil.rmtree(folder / REPRODUCER, ignore_errors=True)  # of an earlier assess
    for name, text in (documents(report) | again).items():
        write_text(folder / name, text)
    return report


def earlier_accepted(folder: Path) -> tuple[Accepted, ...]:
    """What an earlier `assess` of the folder found accepted; nothing if there was none."""
    path = folder / "report.json"
    if not path.is_file():
        return ()
    raw = recording.load_json(path.read_bytes(), path)
    try:
        return _ACCEPTED.validate_python(raw.get("accepted", []))
    except ValidationError as error:
        raise InputError(path, f"accepted: {error.errors()[0]['msg']}") from None


def earlier_verdict(folder: Path) -> tuple[str, ...]:
    """Why the policy fails, as an earlier `assess` of the folder decided."""
    path = folder / "report.json"
    if not path.is_file():
        raise UsageError(f"{folder}: was not assessed; run perf-action assess {folder}")
    raw = recording.load_json(path.read_bytes(), path)
    return tuple(map(str, raw.get("fails", [])))


def _report(
    measured: Run,
    chosen: Chosen,
    budgets: Sequence[Budget],
    run_sd: Mapping[str, float],
    *,
    categories: Categories,
) -> Report:
    head = _with_unmeasured(measured)
    beside = chosen.baseline.how == "side-by-side"
    options = CompareOptions(
        paired=beside,
        touched=measured.touched if beside else (),
        untimed="" if chosen.same_hardware else "measured on other hardware or with other tools",
        run_sd=run_sd,
        own=is_own,
    )
    # once, because most questions are about functions: what is flat already is not made so again
    flat = replace(
        measured, sides={side: snapshot.by_function() for side, snapshot in measured.sides.items()}
    )
    flat_head = head and replace(flat.sides[Side.HEAD], unmeasured=head.unmeasured)
    flat_base = (
        flat.sides[Side.BASE] if beside else chosen.snapshot.by_function() if chosen.snapshot else None
    )
    comparison = compare(flat_base, flat_head, options) if flat_base and flat_head else None
    if comparison and beside and measured.confirmation:
        comparison = _confirmed(comparison, measured.confirmation, options)
    spent = category_costs(categories, flat_head, flat_base) if flat_head else ()
    findings = judge(budgets, head, comparison, spent) if head else ()
    report = Report(
        title="",
        head=head or Snapshot(label="head"),
        base=chosen.snapshot,
        baseline=chosen.baseline,
        comparison=comparison,
        budgets=findings,
        stages=measured.stages,
        flames=flat.flames(),
        environment=measured.environment,
        notes=(*measured.notes, *chosen.warnings),
        skipped=measured.skipped or measured.identical,
        failed_sides=measured.failed,
        checks=measured.checks,
        categories=spent,
        head_leaks=leaks_of(head) if head and comparison is None else (),
        foreign_files=foreign_files(comparison),
    )
    if head and flat_head:
        report = _with_checklist(report, flat_head, flat_base, budgets, categories)
        suspects = blame(comparison, flat_head, flat_base, options.touched)
        suspects += blame_checks(report.new_failures if flat_base else (), head, options.touched)
        languages = languages_of(flat_head)
        found = advise(head, comparison, spent, report.checklist, leaks=report.leaks, languages=languages)
        report = replace(report, suspects=suspects, advice=found)
    return report


def _with_unmeasured(measured: Run) -> Snapshot | None:
    """Head, with the stages of the run that came to nothing."""
    head = measured.sides.get(Side.HEAD)
    return head and replace(head, unmeasured=tuple(s for s in measured.stages if s.state != "done"))


def _with_checklist(
    report: Report,
    flat_head: Snapshot,
    flat_base: Snapshot | None,
    budgets: Sequence[Budget],
    rules: Categories,
) -> Report:
    """The guide's checks of head; of base those that show whether a failure is new. Both are given by function, too."""
    subject = Subject(
        head=report.head,
        flat=flat_head,
        comparison=report.comparison,
        categories=report.categories,
        leaks=report.leaks,
        checks=report.checks,
        budgets=budgets,
        rules=rules,
    )
    if report.base is None or flat_base is None:
        return replace(report, checklist=checklist(subject))
    costs = category_costs(rules, flat_base, None)
    before = Subject(
        head=report.base,
        flat=flat_base,
        categories=costs,
        leaks=leaks_of(report.base),
        budgets=budgets,
        rules=rules,
    )
    return replace(report, checklist=checklist(subject), base_checklist=checklist(before))


def _confirmed(found: Comparison, confirmation: Confirmation, options: CompareOptions) -> Comparison:
    """What the second measurement of the same sides has seen again."""
    sides = confirmation.sides
    if Side.BASE not in sides or Side.HEAD not in sides:
        return confirm(found, None, confirmation.why_not or "nothing had got worse when it was measured")
    again = compare(sides[Side.BASE], sides[Side.HEAD], replace(options, self_check=False))
    return confirm(found, again)


def _baseline(
    measured: Run, system: System, settings: Settings | None, against: Path | None, context: Context | None
) -> Chosen:
    """Base of the run itself, else what the user names, else the store of the settings."""
    if against is not None:
        snapshot = load_snapshot(against, system)
        return Chosen(
            baseline=Baseline(how="stored", commit=snapshot.commit, note=f"from {against.name}"),
            snapshot=snapshot,
        )
    if Side.BASE in measured.sides:
        base = measured.sides[Side.BASE]
        return Chosen(baseline=Baseline(how="side-by-side", commit=base.commit), snapshot=base)
    if settings is None or Side.HEAD not in measured.sides:
        return Chosen(baseline=Baseline(how="none"))
    pull_request = context.pull_request if context else None
    return find_baseline(
        settings.config.baseline,
        system,
        settings.repository,
        recording.decode_snapshot,
        config_digest=measured.config_digest,
        fingerprint=measured.environment.fingerprint(),
        head=measured.sides[Side.HEAD].commit,
        base=pull_request.base_sha if pull_request else "",
        pull_head=pull_request.head_sha if pull_request else "",
    )
