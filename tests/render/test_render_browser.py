"""The flame graph's script and the report's content security policy in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path

import factories
import pytest

from perf_action.render import render
from perf_action.render.flamegraph import Drawings

pytestmark = pytest.mark.slow

#: clicks, types and notes what it sees in an attribute of the graph
PROBE = """
<script><![CDATA[
addEventListener("load", () => {
  const graph = document.querySelector("svg.flame"), seen = {};
  const frame = (name) => Array.from(graph.querySelectorAll(".f")).find((f) => f.querySelector("title").textContent.startsWith(name + " ("));
  const state = () => ({
    encode: frame("encode").getAttribute("width"), encode_x: frame("encode").getAttribute("x"),
    dumps: frame("dumps").getAttribute("width"),
    route: frame("route").getAttribute("class"), validate: frame("validate").getAttribute("class"),
    details: graph.querySelector(".details").textContent, matched: graph.querySelector(".matched").textContent,
    hits: graph.querySelectorAll(".hit").length, reset: graph.querySelector("button").hidden,
    label: frame("get_schema").querySelector("text").textContent,
  });
  const click = (node) => node.dispatchEvent(new MouseEvent("click", {bubbles: true}));
  seen.start = state();
  click(frame("encode").querySelector("rect"));
  seen.zoomed = state();
  click(frame("encode").querySelector("rect"));
  seen.back = state();
  click(frame("encode").querySelector("rect"));
  click(graph.querySelector("button"));
  seen.reset = state();
  const input = graph.querySelector("input");
  input.value = "EXECUTE"; input.dispatchEvent(new Event("input", {bubbles: true}));
  seen.searched = state();
  graph.setAttribute("data-seen", JSON.stringify(seen));
});
]]></script></svg>
"""


@pytest.fixture
def dom(tmp_path: Path) -> Callable[[str, str], str]:
    """A function that opens text under a file name in Chromium and gives the document after its scripts have run."""

    def opened(name: str, text: str) -> str:
        page = tmp_path / name
        page.write_text(text, encoding="utf-8")
        flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
        flags += (
            " disable-component-update disable-sync dump-dom virtual-time-budget=3000 window-size=1200,800"
        )
        argv = [
            "chromium",
            *(f"--{flag}" for flag in flags.split()),
            f"--user-data-dir={tmp_path / 'profile'}",
        ]
        done = subprocess.run([*argv, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return opened


@pytest.mark.parametrize("kind", ["one side", "difference"])
def test_click_zooms_and_search_finds(kind: str, dom: Callable[[str, str], str]) -> None:
    base, head = factories.side_profile(0), factories.side_profile(1)
    drawn = Drawings().of(base) if kind == "one side" else Drawings().difference(base, head)
    text = drawn.svg()
    document = dom("graph.svg", text.strip().removesuffix("</svg>") + PROBE)
    found = re.search(r'data-seen="([^"]*)"', document)
    assert found
    seen = json.loads(unescape(found[1]))
    start, zoomed, searched = seen["start"], seen["zoomed"], seen["searched"]
    assert start["reset"]
    assert start["label"] == "get_schema"
    assert (zoomed["encode"], zoomed["encode_x"], zoomed["reset"]) == ("100%", "0%", False)
    scale = float(zoomed["dumps"].rstrip("%")) / float(start["dumps"].rstrip("%"))
    assert scale == pytest.approx(100 / float(start["encode"].rstrip("%")), rel=1e-3)
    assert zoomed["route"] == "f up"
    assert zoomed["validate"] == "f gone"
    assert zoomed["details"].startswith("encode (codec.py) — ")
    for back in (seen["back"], seen["reset"]):
        assert float(back["encode"].rstrip("%")) == pytest.approx(float(start["encode"].rstrip("%")))
        assert back["validate"] == "f"
        assert back["reset"]
    assert searched["hits"] == 2
    assert re.fullmatch(r"matched \d\d\.\d %", searched["matched"])


@pytest.mark.parametrize("name", ["regression", "hostile"])
def test_the_report_runs_its_own_script_and_no_other(name: str, dom: Callable[[str, str], str]) -> None:
    text = render(factories.ALL[name](), "html")
    injected = text.replace("</main>", "<script>document.title = 'taken over'</script></main>")
    document = dom("report.html", injected)
    graphs = text.count('class="flame"')
    assert graphs
    assert document.count('data-ready="1"') == graphs
    assert "<title>taken over</title>" not in document
    assert document.count("<script") == 2
