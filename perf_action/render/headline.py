"""The first things people read: the headline and one line for each thing that got worse.

They are put together from the rows of the comparison and say nothing that a row does not say: the verdict is the
comparison's own, the subject of the headline is always a row with that verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from perf_action.model.change import (
    Comparison,
    FunctionChange,
    LeakChange,
    LeakState,
    MetricChange,
    Verdict,
)
from perf_action.model.finding import Finding, State
from perf_action.model.report import Report
from perf_action.model.suspect import Suspect
from perf_action.render import escape, numbers, words
from perf_action.render.accepted import ICON, accepted_line
from perf_action.render.accused import culprit, suspects_of, why
from perf_action.render.clauses import (
    check_clause,
    function_clause,
    is_new_leak,
    leak_clause,
    metric_clause,
    name_of,
    short_check,
)
from perf_action.render.sentence import Sentence, Span, code, inside, joined, say, strong
from perf_action.render.words import Variant

MAX_LINES = 5
#: of one function; they come best first
MAX_SUSPECTS = 2
_LAUNCHES = (Span("measure.launches", "code"), Span(" and "), Span("measure.max-minutes", "code"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line under the headline; `because` is what in the pull request is suspected of it."""

    icon: str
    text: Sentence
    because: tuple[Sentence, ...] = ()


def variant(report: Report) -> Variant:
    """What this report is about. A verdict comes from the comparison and from nowhere else."""
    if report.skipped:
        return "skipped"
    comparison = report.comparison
    if comparison is None or not (comparison.metrics or comparison.functions or comparison.leaks):
        if report.failed_sides or report.head.not_comparable:
            return "failed"
        if comparison is None:
            return "over-budget" if _broken(report) else "first-run"
        return "inconclusive"
    verdict = comparison.verdict
    if verdict is not Verdict.REGRESSION and _broken(report):
        return "over-budget"
    found: dict[Verdict, Variant] = {
        Verdict.REGRESSION: "regression",
        Verdict.IMPROVEMENT: "improvement",
        Verdict.UNCHANGED: "unchanged",
        Verdict.INCONCLUSIVE: "inconclusive",
    }
    return found[verdict]


def headline(report: Report) -> Sentence:
    """One sentence, without its title: the slowed function first, then the leak."""
    kind = variant(report)
    if kind == "skipped":
        return say(_stopped(report.skipped))
    if kind == "failed":
        return _failed(report)
    comparison = report.comparison
    if kind == "over-budget":
        return say(*joined([inside(_budget(b)) for b in _broken(report)[:2]], " and "), ".")
    if kind == "first-run" or comparison is None:
        return say("there is nothing to compare with yet. This is what was measured.")
    if kind == "unchanged":
        return _unchanged(comparison)
    if kind == "inconclusive":
        return _undecided(comparison)
    waits = _caused(report) if comparison.verdict is Verdict.REGRESSION else []
    return _changed(comparison, comparison.verdict, [short_check(f) for f in waits[:1]])


def _changed(comparison: Comparison, verdict: Verdict, causes: list[Sentence]) -> Sentence:
    """`causes` explain what no function that costs more does: what the pull request made wait."""
    functions = telling_functions(comparison, verdict)
    leaks = [k for k in comparison.leaks if verdict is Verdict.REGRESSION and is_new_leak(k)]
    metrics = [m for m in comparison.metrics if m.verdict is verdict]
    clauses = [function_clause(f) for f in functions[:1]] + [leak_clause(k) for k in leaks[:1]]
    if not clauses:
        clauses = [metric_clause(m) for m in metrics[: 1 if causes else 2]] + causes
    return say(*joined([inside(clause) for clause in clauses], " and "), ".")


def telling_functions(comparison: Comparison, verdict: Verdict) -> list[FunctionChange]:
    """The functions to name, each once: at most three by time, then one of each other kind, each in the order of the
    comparison. Those of libraries come last, for kinds in which no own function is named.
    """
    found: dict[tuple[str, str, str], FunctionChange] = {}
    for f in comparison.functions:
        if f.verdict is verdict:
            found.setdefault((f.name, f.file, f.kind), f)
    own = [f for f in found.values() if f.own]
    named = {f.kind for f in own}
    return _telling(own) + _telling([f for f in found.values() if not f.own and f.kind not in named])


def _telling(found: Sequence[FunctionChange]) -> list[FunctionChange]:
    timed = [f for f in found if f.kind in words.TIME_KINDS]
    others: dict[str, FunctionChange] = {}
    for f in found:
        if f.kind not in words.TIME_KINDS:
            others.setdefault(f.kind, f)
    return timed[:3] + list(others.values())


def _unchanged(comparison: Comparison) -> Sentence:
    seen = [m for m in comparison.metrics if m.gating and m.minimum_detectable]
    if not seen:
        return say("nothing got measurably slower or bigger.")
    m = seen[0]
    return say(
        "nothing got measurably slower or bigger; a change of ",
        name_of(m.name),
        f" by {numbers.share(m.minimum_detectable)} would have shown.",
    )


def _undecided(comparison: Comparison) -> Sentence:
    """The reason that holds for all, else the first row that is not settled, in the order metrics, functions, leaks."""
    rows = [m for m in comparison.metrics if m.gating and m.verdict is Verdict.INCONCLUSIVE]
    if comparison.reasons and (comparison.not_comparable or not rows):
        return say(_stopped(comparison.reasons[0]))
    if rows and rows[0].interval is not None:
        reach = numbers.interval(rows[0].interval)
        return say(name_of(rows[0].name), f" may have changed by anything from {reach}.")
    why = [(name_of(m.name), m.reason) for m in rows]
    why += [(code(f.name), f.reason) for f in comparison.functions if f.verdict is Verdict.INCONCLUSIVE]
    why += [
        (name_of(k.name), k.reason or words.LEAK_WORDS[k.verdict])
        for k in comparison.leaks
        if k.verdict in (LeakState.WARMING_UP, LeakState.INCONCLUSIVE)
    ]
    if not why:
        return say("nothing was measured on both sides.")
    more = f" and {len(why) - 1:,} more" if len(why) > 1 else ""
    return say(why[0][0], f"{more}: ", _stopped(why[0][1] or "not enough was measured"))


def _stopped(text: str) -> str:
    """`text` fit to show, with a full stop."""
    return escape.sentence(text).rstrip(".") + "."


def _failed(report: Report) -> Sentence:
    if not report.failed_sides:
        return say(_stopped(report.head.not_comparable))
    side, reason = report.failed_sides[0]
    why = escape.sentence(reason.split("\n", 1)[0], 200).rstrip(".")
    return say(f"on {side.value}, ", why or "the service did not start", "; so there is nothing to compare.")


def lines(report: Report) -> tuple[Line, ...]:
    """Causes first: functions and leaks, then checks that fail for the change; then what is over its budget, metrics (the
    table below has them all), what got better, and what is not settled.
    """
    if report.comparison is None:
        return (*_leak_lines(report.leaks, any_base=False), *map(_budget_line, _broken(report)))[:MAX_LINES]
    c = report.comparison
    out = _function_lines(c, Verdict.REGRESSION, report.suspects)
    out += _leak_lines(c.leaks)
    out += _check_lines(report)
    out += [_budget_line(b) for b in _broken(report)]
    out += _metric_lines(c, Verdict.REGRESSION)
    out += _accepted_lines(report)
    out += _function_lines(c, Verdict.IMPROVEMENT)
    out += _metric_lines(c, Verdict.IMPROVEMENT)
    unsettled = [m for m in c.metrics if m.gating and m.verdict is Verdict.INCONCLUSIVE]
    out += [_open_line(m, report) for m in unsettled]
    if any(m.more_launches for m in unsettled):
        out.append(Line(icon="💡", text=say("To let it run longer, raise ", *_LAUNCHES, " in perf.yml.")))
    if len(out) > MAX_LINES + 1:
        rest = Line(icon="…", text=say(f"and {len(out) - MAX_LINES} more in the tables."))
        return (*out[:MAX_LINES], rest)
    return tuple(out)


def _accepted_lines(report: Report) -> list[Line]:
    return [Line(icon=ICON, text=accepted_line(a)) for a in report.accepted]


def _function_lines(c: Comparison, verdict: Verdict, suspects: Sequence[Suspect] = ()) -> list[Line]:
    icon = words.ROW_ICONS[verdict]
    return [
        replace(_function_line(f, icon), because=_because(f, suspects)) for f in telling_functions(c, verdict)
    ]


def _metric_lines(c: Comparison, verdict: Verdict) -> list[Line]:
    icon = words.ROW_ICONS[verdict]
    return [
        Line(icon=icon, text=say(*metric_clause(m), *_sure(words.certainty(m))))
        for m in c.metrics
        if m.verdict is verdict
    ]


def _leak_lines(leaks: Sequence[LeakChange], *, any_base: bool = True) -> list[Line]:
    """The leaks that base has not; without a base, all."""
    icon = words.ROW_ICONS[Verdict.REGRESSION]
    told = [k for k in leaks if is_new_leak(k) or (not any_base and k.verdict is LeakState.LEAKING)]
    return [Line(icon=icon, text=_leak_line(k)) for k in told]


def _function_line(f: FunctionChange, icon: str) -> Line:
    return Line(icon=icon, text=say(*function_clause(f), *_sure(words.certainty(f)), *_callers(f)))


def _check_lines(report: Report) -> list[Line]:
    return [
        Line(icon=words.CHECK_ICON, text=say(*check_clause(f), "."), because=_because(f, report.suspects))
        for f in _caused(report)
    ]


def _caused(report: Report) -> list[Finding]:
    """The checks that fail for what the pull request changed; the checklist has the others."""
    return [f for f in report.new_failures if culprit(f, report.suspects)]


def _because(f: FunctionChange | Finding, suspects: Sequence[Suspect]) -> tuple[Sentence, ...]:
    """What the pull request changed that leads to it, the surest first, each place once."""
    places: dict[object, Suspect] = {}
    for suspect in suspects_of(f, suspects):
        places.setdefault((suspect.file, suspect.lines), suspect)
    return tuple(map(why, list(places.values())[:MAX_SUSPECTS]))


def _callers(f: FunctionChange) -> Sentence:
    """`` Called by `get_by_id` › `encode_response`.`` The nearest callers, the outermost first."""
    callers = list(dict.fromkeys(name for name in f.stack[:-1] if name != f.name))[-3:]
    if not callers:
        return ()
    return say(" Called by ", *joined([say(code(name)) for name in callers], " › ", " › "), ".")


def _sure(certainty: str) -> tuple[str, ...]:
    return ("; " if certainty.startswith("counted") else ", ", f"{certainty}.") if certainty else (".",)


def _leak_line(k: LeakChange) -> Sentence:
    out = list(leak_clause(k))
    if k.per_request is not None and k.per_second is not None:
        out.append(Span(f", {numbers.per_minute(k.per_second, k.unit)}"))
    if k.interval_per_second is not None:
        ends = numbers.interval(k.interval_per_second, lambda v: numbers.per_minute(v, k.unit), to="and")
        out.append(Span(f", 99 % sure between {ends}"))
    return (*out, Span("."))


def _open_line(m: MetricChange, report: Report) -> Line:
    where = f": between {numbers.interval(m.interval, to='and')}" if m.interval else ""
    settle = settles(m, report)
    reason = escape.sentence(m.reason).rstrip(".") if m.reason and not settle else ""
    tail = "; ".join(part for part in (reason, settle) if part)
    return Line(
        icon=words.ROW_ICONS[Verdict.INCONCLUSIVE],
        text=say(name_of(m.name), where, ("; " if where else ": ") + tail + "." if tail else "."),
    )


def settles(m: MetricChange, report: Report) -> str:
    """What would settle an inconclusive row: launches, and minutes at the price of this run's clean launches."""
    if not m.more_launches:
        return ""
    clean = [s for s in report.stages if s.profiler in ("", "none") and s.launches and s.state == "done"]
    price = ""
    if clean:
        seconds = sum(s.seconds for s in clean) / sum(s.launches for s in clean) * m.more_launches
        price = f" ({numbers.minutes(seconds)})"
    return f"about {numbers.plural(m.more_launches, 'more launch', 'more launches')}{price} would settle it"


def _broken(report: Report) -> list[Finding]:
    return [b for b in report.budgets if b.state is State.FAIL]


def _budget(b: Finding) -> Sentence:
    limit = numbers.quantity(b.limit, b.unit)
    return say(name_of(b.rule), f" is {numbers.quantity(b.value, b.unit)}, its budget is ", strong(limit))


def _budget_line(b: Finding) -> Line:
    return Line(
        icon=words.STATE_ICONS[State.FAIL],
        text=say(*_budget(b), f": {escape.sentence(b.message)}." if b.message else "."),
    )
