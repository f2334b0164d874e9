from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import factories
import pytest

from perf_action.model.metric import Metric, Series
from perf_action.render import plot
from perf_action.render.html import html

VOID = {"meta", "link", "br", "input", "img", "hr"}


class Document(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: dict[str, int] = {}
        self.attributes: set[tuple[str, str]] = set()
        self.open: list[str] = []
        self.text: dict[str, str] = {}
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes |= {(name, value or "") for name, value in attrs}
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        tag = self.open[-1] if self.open else ""
        self.text[tag] = self.text.get(tag, "") + data


def read(name: str) -> Document:
    document = Document()
    document.feed(html(factories.ALL[name]()))
    document.close()
    assert not document.open
    return document


@pytest.mark.parametrize("name", factories.ALL)
def test_one_file_that_loads_nothing(name: str) -> None:
    found = read(name)
    assert found.tags["script"] == found.tags["style"] == 1
    assert not {"img", "link", "iframe", "object", "embed", "base", "form", "b"} & set(found.tags)
    assert not [a for a, _ in found.attributes if a.startswith("on") or a in ("src", "style", "action")]
    assert {v for a, v in found.attributes if a == "href"} <= {
        "https://github.com/acme/registry/actions/runs/123456789",
        "https://docs.python.org/3/library/json.html",
    }
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(found.text[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in found.policy
    assert found.policy.startswith("default-src 'none';")


def test_it_shows_what_the_comment_shows_and_pictures() -> None:
    text = html(factories.regression())
    assert (
        "<h1><code>encode</code> costs <strong>+31 %</strong> CPU per request (14.5 → 19.1 µs) and process"
        in text
    )
    assert list(re.findall(r"<h2>([^<]*)</h2>", text)) == [
        "Metrics",
        "Functions",
        "What could be done",
        "Checklist: 6 pass, 5 fail, 2 cannot tell",
        "What it was spent on",
        "Flame graphs",
        "Memory and more over time",
        "Budgets",
        "Hottest functions on head",
        "How it was profiled: 2 pass, 1 fail",
        "How it was measured",
    ]
    assert text.count('class="flame"') == 6
    assert text.count('class="dot"') == 4 * 24
    assert text.count("<polyline") == 2
    assert ">59.0 s</text>" in text


def test_a_first_run_has_its_flame_graph() -> None:
    text = html(factories.first_run())
    assert text.count('class="flame"') == 1
    assert "Median" in text


def metric(values: tuple[float, ...], pairs: tuple[int, ...] | None) -> Metric:
    return Metric(name="m", unit="s", better="lower", samples=values, pairs=pairs)


def test_ratios_pair_what_was_taken_together() -> None:
    base, head = metric((1.0, 4.0, 5.0, 0.0), (0, 0, 1, 2)), metric((3.0, 3.0, 5.0, 9.0), (0, 0, 1, 2))
    assert plot.ratios(base, head) == pytest.approx((0.5, 0.0))
    assert plot.ratios(base, metric((3.0,), None)) == ()


def test_series_are_thinned_and_keep_their_ends() -> None:
    series = Series(
        name="memory.rss",
        unit="bytes",
        t_ns=tuple(range(0, 10_000 * 10**6, 10**6)),
        values=tuple(map(float, range(10_000))),
    )
    (points,) = re.findall(r'points="([^"]*)"', plot.series_chart([], [series]))
    assert len(points.split()) <= plot.MAX_POINTS + 1
    assert points.split()[-1].startswith("628.0,")
    assert plot.series_chart([], []) == ""


@pytest.mark.parametrize("values", [(5.0,), (5.0, 5.0), (0.0, 0.0), (-1e300, 1e300), (1e-12, 2e-12)])
def test_any_range_has_ticks(values: tuple[float, ...]) -> None:
    series = Series(name="x", unit="count", t_ns=tuple(range(len(values))), values=values)
    text = str(plot.series_chart([series], []))
    assert "nan" not in text
    assert 1 < text.count('class="grid"') < 9


def test_a_strip_holds_its_marks() -> None:
    text = str(plot.strip((0.01, -0.5, float("nan")), 0.3, (0.1, float("inf"))))
    xs = [float(x) for x in re.findall(r'c?x[12]?="([\d.]+)"', text)]
    assert all(0 <= x <= 252 for x in xs)
    assert plot.strip((), None, None) == ""
