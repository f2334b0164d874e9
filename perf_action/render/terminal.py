"""The report on a terminal: rich tables, made for 80 columns, coloured only where somebody looks.

Nothing foreign is read as rich markup: every cell is a `Text`, cleaned of control characters.
"""

from __future__ import annotations

from typing import IO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from perf_action.model.report import Report
from perf_action.render import escape
from perf_action.render.console import WIDTH, console_for, plain
from perf_action.render.facts import Facts, facts
from perf_action.render.sentence import Sentence, Span

MAX_ROWS = 12
_STYLES = {"text": "", "code": "bold cyan", "strong": "bold"}
_VARIANTS = {
    "regression": "bold red",
    "over-budget": "bold red",
    "failed": "bold red",
    "improvement": "bold green",
    "unchanged": "bold green",
    "inconclusive": "bold yellow",
    "first-run": "bold blue",
    "skipped": "bold",
}
_WORDS = {
    "worse": "red",
    "exceeded": "red",
    "leaking": "red",
    "better": "green",
    "kept": "green",
    "pass": "green",
    "fail": "red",
    "cannot tell": "yellow",
}


def terminal(report: Report) -> str:
    """The report as text of 80 columns without any colour."""
    return plain(lambda out: print_report(report, out, width=WIDTH))


def print_report(report: Report, file: IO[str], *, width: int | None = None) -> None:
    """Write the report to `file`: in colour and as wide as it is where that is a terminal, plain text elsewhere."""
    console = console_for(file, width)
    console.print(_document(facts(report, columns=console.width)))


def _document(f: Facts) -> Group:
    parts: list[RenderableType] = [
        Text.assemble((f"{f.word}: ", _VARIANTS[f.variant]), _text(f.headline)),
        Text(),
    ]
    for line in f.lines:
        parts.append(Padding(Text.assemble("• ", _text(line.text)), (0, 0, 0, 1)))
        parts += [Padding(Text.assemble("↳ ", _text(reason)), (0, 0, 0, 3)) for reason in line.because]
    parts += [Text(f"• {reason}") for reason in f.reasons[:3]]
    parts += [Text(f"• differs: {line}", "yellow") for line in f.environment_differences[:4]]
    parts += [Text(f"\n{side} said last:\n{_tail(log)}", "dim") for side, log in f.failed_sides]
    for table in (_metrics(f), _functions(f), _budgets(f)):
        parts += [Text(), table] if table.row_count else []
    parts += _advice(f)
    parts += _checklist(f)
    for flame in f.flames:
        parts += [Text(), Text(flame.heading, "bold"), Text(flame.text, no_wrap=True, overflow="crop")]
    parts += _foot(f)
    return Group(*parts)


def _foot(f: Facts) -> list[RenderableType]:
    lines = []
    if f.baseline:
        lines.append(Text.assemble("\n", _text(f.baseline), style="dim"))
    if f.self_check:
        lines.append(Text(f.self_check + ".", "dim"))
    if f.cost:
        lines.append(Text(f"Measuring took {f.cost}.", "dim"))
    lines += [Text(f"Fails: {why}", "bold red") for why in f.fails[:5]]
    return [*lines]


def _text(sentence: Sentence) -> Text:
    return Text.assemble(*((escape.clean(s.text), _STYLES[s.style]) for s in sentence))


def _tail(log: str) -> str:
    return "\n".join(escape.clean(line)[:200] for line in log.rstrip().split("\n")[-20:])


def _label(span: Span) -> Text:
    return _text((span,))


def _table(*columns: tuple[str, bool]) -> Table:
    """A table of (heading, right-aligned) columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    for heading, right in columns:
        table.add_column(heading, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return table


def _metrics(f: Facts) -> Table:
    rows = f.main_metrics[:MAX_ROWS]
    if not f.compared:
        table = _table(("Metric", False), ("Median", True), ("From – to", True))
        for m in rows:
            table.add_row(_label(m.label), Text(m.head), Text(m.interval))
        return table
    table = _table(
        ("Metric", False),
        ("Base", True),
        ("Head", True),
        ("Change", True),
        ("99 %", True),
        ("", False),
    )
    for m in rows:
        style = _WORDS.get(m.verdict, "")
        table.add_row(
            _label(m.label),
            Text(m.base),
            Text(m.head),
            Text(m.change, style),
            Text(m.interval),
            Text(m.verdict, style),
        )
    return table


def _functions(f: Facts) -> Table:
    rows = f.functions[:MAX_ROWS]
    kinds = {r.kind for r in rows}
    heading = f"Function: {rows[0].kind}" if len(kinds) == 1 else "Function"
    cost = [("Cost", False)] if len(kinds) > 1 else []
    table = _table((heading, False), *cost, ("Base", True), ("Head", True), ("Change", True), ("", False))
    for r in rows:
        style = _WORDS.get(r.verdict, "")
        place = (f" {r.place.rpartition('/')[2]}", "dim") if r.place else ""
        name = Text.assemble((r.name, "cyan"), place)
        kind = [Text(r.kind)] if len(kinds) > 1 else []
        table.add_row(name, *kind, Text(r.base), Text(r.head), Text(r.change, style), Text(r.verdict, style))
    return table


def _budgets(f: Facts) -> Table:
    table = _table(("Budget", False), ("Head", True), ("Limit", True), ("", False))
    for r in f.budgets[:MAX_ROWS]:
        table.add_row(_label(r.label), Text(r.value), Text(r.limit), Text(r.state, _WORDS.get(r.state, "")))
    return table


def _advice(f: Facts) -> list[RenderableType]:
    """What could be done, each with its first solution."""
    parts: list[RenderableType] = [Text("\nWhat could be done", "bold")] if f.advice else []
    for a in f.advice:
        where = " ".join(part for part in (a.function, a.place) if part)
        saves = f" ({a.saves})" if a.saves else ""
        about = f"{a.title}{saves}: {a.symptom}" + (f"; begin with {where}" if where else "")
        parts.append(Padding(Text(f"• {about}"), (0, 0, 0, 1)))
        parts += [Padding(Text(solution, "dim"), (0, 0, 0, 3)) for solution in a.solutions[:1]]
    return parts


def _checklist(f: Facts) -> list[RenderableType]:
    """The guide's checks, with what is not as it should be in words."""
    if not f.checklist.lists:
        return []
    table = _table(("", False), ("Check", False), ("Measured", True))
    shown = [row for group in f.checklist.lists for row in group.rows]
    seen = {row.rule for row in shown}
    for r in (*shown, *(t for t in f.checklist.targets if t.rule not in seen)):
        label = Text(r.label if r.rule in seen else f"{r.label} under {r.limit}")
        if r.state != "pass" and r.message:
            label.append(f"\n{r.message}", "dim")
        for reason in r.because:
            label.append_text(Text.assemble("\n↳ ", _text(reason)))
        table.add_row(Text(r.icon), label, Text(r.value, _WORDS.get(r.state, "")))
    return [Text(f"\nChecklist: {f.checklist.summary}", "bold"), table]
