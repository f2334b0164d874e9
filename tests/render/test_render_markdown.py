from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import factories
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_action.model.change import Comparison
from perf_action.model.report import Report
from perf_action.render import escape, render
from perf_action.render.markdown import COMMENT, DROPPED_FIRST, comment, markdown, summary

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", factories.ALL)
def test_golden_comments(name: str, *, update_golden: bool) -> None:
    text = comment(factories.ALL[name]())
    path = GOLDEN / f"{name}.md"
    if update_golden:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def many(names: tuple[str, ...], times: int) -> Report:
    """A report with `times` as many rows of everything as the hostile one has."""
    report = factories.hostile()
    c = report.comparison
    assert c is not None
    functions = tuple(
        replace(f, name=names[i % len(names)], moved_from=None, reason=names[0])
        for i, f in enumerate(c.functions * times)
    )
    metrics = tuple(
        replace(m, name=names[i % len(names)], reason=names[0]) for i, m in enumerate(c.metrics * times)
    )
    return replace(
        report,
        comparison=replace(
            c,
            functions=functions,
            metrics=metrics,
            leaks=c.leaks * times,
            reasons=c.reasons * times,
            notes=names * times,
        ),
        budgets=report.budgets * times,
        stages=report.stages * times,
        notes=report.notes * times,
        failed_sides=tuple(
            (side, "\n".join(names * times)[:200_000]) for side, _ in factories.failed().failed_sides
        ),
    )


@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(
    st.integers(1, 40),
    st.lists(st.text("|`@#<*_\u202e🔥a", min_size=1, max_size=300), min_size=1, max_size=4),
)
def test_comment_and_summary_stay_below_their_limits(times: int, names: list[str]) -> None:
    report = many(tuple(names), times)
    assert len(comment(report).encode()) < 60_000
    assert len(summary(report).encode()) < 1_048_576


def test_sections_are_dropped_in_order_and_it_says_so() -> None:
    report = factories.regression()
    whole = comment(report)
    left_out: list[str] = []
    for max_bytes in range(len(whole.encode()), 1500, -350):
        text = markdown(report, replace(COMMENT, max_bytes=max_bytes))
        assert len(text.encode()) <= max_bytes
        assert text.startswith("### 🔴 Regression: `encode` costs")
        said = re.findall(r"Left out to fit here: ([^.]*)\.", text)
        if left_out and not said:
            break
        now = said[0].split(", ") if said else []
        assert now[: len(left_out)] == left_out
        left_out = now
    assert left_out == [title for _, title in DROPPED_FIRST][: len(left_out)]
    assert left_out[0] == "all metrics"
    assert {"functions", "budgets"} <= set(left_out)
    assert markdown(report, replace(COMMENT, max_bytes=300)) == whole.split("\n")[0] + "\n"


def test_the_summary_says_more_than_the_comment() -> None:
    functions = tuple(factories.function_change(f"f{i}") for i in range(100))
    report = factories.report(Comparison(functions=functions))
    assert "… and 90 more, in the report." in comment(report)
    assert "`f99`" in summary(report)


def test_links_are_ours_only() -> None:
    text = comment(factories.regression())
    assert (
        "[Report and flame graphs](https://github.com/acme/registry/actions/runs/123456789/artifacts/987654)"
        in text
    )
    assert "](" not in re.sub(r"\\\]|`[^`]*`", "", comment(factories.hostile()))


def test_a_log_of_the_service_cannot_leave_its_block() -> None:
    report = replace(
        factories.failed(), failed_sides=((factories.Side.HEAD, "died\n```\n@octocat\n````\n\x1b[2J"),)
    )
    text = comment(report)
    assert "`````\ndied\n```\n@octocat\n````\n\\x1b[2J\n`````" in text


class Page(HTMLParser):
    """What a page does: its tags, where it links and loads from, and its text outside of code and links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.urls: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.urls |= {value or "" for name, value in attrs if name in ("href", "src")}
        self._quiet += tag in ("code", "pre", "a")

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("code", "pre", "a")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.text += data


OURS = {
    "h3",
    "p",
    "ul",
    "li",
    "strong",
    "code",
    "pre",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "a",
}
LIVE = re.compile(r"@\w|(?<![&\w])#\d|GH-\d|://|\bwww\.|:[a-z_]+:", re.IGNORECASE)


def page(markdown: str) -> Page:
    """`markdown` as GitHub's own renderer shows it, raw HTML included, so that what gets through is seen."""
    argv = [
        "cmark-gfm",
        "--unsafe",
        *(a for e in ("table", "autolink", "strikethrough", "tasklist") for a in ("-e", e)),
    ]
    done = subprocess.run(argv, input=markdown.encode(), capture_output=True, check=True, timeout=60)
    found = Page()
    found.feed(done.stdout.decode())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", factories.ALL)
@pytest.mark.parametrize("medium", ["markdown", "summary"])
def test_nothing_foreign_comes_alive(name: str, medium: str) -> None:
    report = factories.ALL[name]()
    shown = page(render(report, medium))
    assert shown.tags <= OURS
    assert shown.attributes <= {"href", "align", "class", "open"}
    documentation = {link for a in factories.ADVICE for link in a.links}
    assert shown.urls <= {report.artifact_url, report.run_url} | documentation
    assert not LIVE.search(shown.text), LIVE.search(shown.text)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.text(st.characters(codec="utf-8"), max_size=40) | st.text("`|\\@#<>&;[]()!*_~$:/.wGH-1a ", max_size=40)
)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    cells = (
        f"| x |\n|---|\n| y {escape.code(text)} |\n| y {escape.markdown(text)} |\n\ny {escape.code(text)} z\n"
    )
    shown = page(f"{cells}\ny {escape.markdown(text)} z\n\n{escape.fence(text)}\n")
    assert shown.tags <= OURS
    assert not shown.urls
    assert not LIVE.search(shown.text)


@pytest.mark.slow
@pytest.mark.parametrize("text", factories.HOSTILE)
def test_names_read_the_same_after_rendering(text: str) -> None:
    class Code(Page):
        code = ""

        def handle_data(self, data: str) -> None:
            self.code += data if self._quiet else ""

    argv = ["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink"]
    name = escape.name(text)
    for source in (f"x {escape.code(name)} y", f"| x |\n|---|\n| {escape.code(name)} |"):
        done = subprocess.run(argv, input=source.encode(), capture_output=True, check=True, timeout=60)
        found = Code()
        found.feed(done.stdout.decode())
        assert found.code == (name or " ")
