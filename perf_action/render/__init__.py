"""From one value, the `Report`, to every document: a pure function for each medium, listed here.

`facts.py` turns the report into rows ready to print; a medium lays them out and escapes them; only `numbers.py`
formats a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from perf_action.errors import UsageError
from perf_action.model.report import Report
from perf_action.render.comparison_document import comparison_document
from perf_action.render.facts import Facts, facts
from perf_action.render.flamegraph import Drawings
from perf_action.render.html import html
from perf_action.render.junit import junit
from perf_action.render.markdown import comment, summary
from perf_action.render.report_json import report_json
from perf_action.render.sarif import sarif
from perf_action.render.terminal import print_report, terminal

__all__ = ["MEDIA", "documents", "print_report", "render"]

_PLAIN = re.compile(r"\w[\w.-]{0,80}")

#: medium -> how it is rendered; for people from facts, which take longer to find than to lay out and may be given
FOR_PEOPLE: dict[str, Callable[[Report, Facts | None], str]] = {
    "markdown": comment,
    "summary": summary,
    "html": html,
    "junit": junit,
}
FOR_PROGRAMS: dict[str, Callable[[Report], str]] = {
    "comparison": comparison_document,
    "json": report_json,
    "sarif": sarif,
}
MEDIA = (*FOR_PEOPLE, *FOR_PROGRAMS, "terminal")
#: file that `assess` writes -> its medium
FILES = {
    "comparison.json": "comparison",
    "comment.md": "markdown",
    "summary.md": "summary",
    "report.html": "html",
    "junit.xml": "junit",
    "report.json": "json",
    "report.sarif": "sarif",
}


def render(report: Report, medium: str) -> str:
    """The report in one medium; `UsageError` for one that is not in `MEDIA`."""
    if medium not in MEDIA:
        raise UsageError(f"{medium}: no such format; use one of {', '.join(MEDIA)}")
    if medium == "terminal":
        return terminal(report)
    return FOR_PROGRAMS[medium](report) if medium in FOR_PROGRAMS else FOR_PEOPLE[medium](report, None)


def documents(report: Report) -> dict[str, str]:
    """Path within the run folder -> text, for everything that `assess` writes there: `FILES`, and the flame graphs."""
    known = facts(report)
    return {
        file: FOR_PROGRAMS[medium](report) if medium in FOR_PROGRAMS else FOR_PEOPLE[medium](report, known)
        for file, medium in FILES.items()
    } | _pictures(report, known.drawings)


def _pictures(report: Report, drawings: Drawings) -> dict[str, str]:
    """``head/cpu/flamegraph.svg``, ``base/…`` and ``difference/…`` of each stage. One whose name is no plain file name has
    none.
    """
    found: dict[str, str] = {}
    for flame in report.flames:
        if not _PLAIN.fullmatch(flame.stage):
            continue
        what = flame.head.kinds[0].kind
        found[f"head/{flame.stage}/flamegraph.svg"] = drawings.of(flame.head).svg(f"{flame.stage}: head")
        kind = flame.base.find_kind(what) if flame.base is not None else None
        if flame.base is not None and kind is not None:
            base = drawings.of(flame.base, kind)
            difference = drawings.difference(flame.base, flame.head, base_kind=kind)
            found[f"base/{flame.stage}/flamegraph.svg"] = base.svg(f"{flame.stage}: base")
            found[f"difference/{flame.stage}/flamegraph.svg"] = difference.svg(f"{flame.stage}: head − base")
    return found
