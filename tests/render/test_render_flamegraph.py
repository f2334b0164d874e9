from __future__ import annotations

import itertools
import re
import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import factories
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action.model.profile import Profile
from perf_action.render.calls import Shapes, call_tree
from perf_action.render.flame_layout import MAX_BOXES, MAX_DEPTH, layout
from perf_action.render.flamegraph import Drawings, difference, hot

SVG = "{http://www.w3.org/2000/svg}"


def frames(text: str) -> dict[str, ET.Element]:
    """The frames of a graph by the first line of their tooltip."""
    root = ET.fromstring(text)
    found = [e for e in root.iter(f"{SVG}svg") if e.get("class") == "f"]
    return {(e.findtext(f"{SVG}title") or "").split("\n")[0]: e for e in found}


def svg(profile: Profile, title: str = "") -> str:
    return Drawings().of(profile).svg(title)


def diff_svg(base: Profile, head: Profile, title: str = "") -> str:
    return Drawings().difference(base, head).svg(title)


def width(element: ET.Element) -> float:
    return float((element.get("width") or "").rstrip("%"))


def test_widths_are_shares_and_titles_say_the_cost() -> None:
    found = frames(svg(factories.side_profile(0), title="cpu: base"))
    total = sum(counts[0] for counts in factories.STACKS.values())
    assert width(found["all"]) == 100
    assert width(found["encode (codec.py)"]) == pytest.approx((3010 + 1120) / total * 100, abs=1e-4)
    assert found["encode (codec.py)"].findtext(f"{SVG}title") == "encode (codec.py)\n4,130 samples, 19 %"


def test_bytes_are_said_per_request() -> None:
    found = frames(svg(factories.memory_profile(1)))
    assert "1.10 kB per request" in (found["remember (cache.py)"].findtext(f"{SVG}title") or "")


def test_frames_lie_on_their_callers() -> None:
    tree = call_tree([(factories.side_profile(0), 0)], Shapes())
    plan = layout(tree, tree.totals[0])
    boxes = {box.node: box for box in plan.boxes}
    for box in plan.boxes:
        parent = tree.parents[box.node]
        if parent >= 0:
            below = boxes[parent]
            assert below.depth == box.depth - 1
            assert below.x - 1e-9 <= box.x
            assert box.x + box.width <= below.x + below.width + 1e-9


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.lists(st.sampled_from("abcde"), min_size=1, max_size=8).map(tuple),
        st.integers(1, 10**12),
        min_size=1,
        max_size=30,
    )
)
def test_frames_of_a_row_never_overlap(stacks: dict[tuple[str, ...], int]) -> None:
    tree = call_tree([(factories.profile(stacks), 0)], Shapes())
    plan = layout(tree, tree.totals[0])
    rows: dict[int, list[tuple[float, float]]] = {}
    for box in plan.boxes:
        rows.setdefault(box.depth, []).append((box.x, box.x + box.width))
    for row in rows.values():
        row.sort()
        assert all(one[1] <= other[0] + 1e-9 for one, other in itertools.pairwise(row))
    assert sum(b.width for b in plan.boxes if b.depth == 0) <= 1 + 1e-9


def test_difference_shows_what_grew_shrank_and_vanished() -> None:
    text = diff_svg(factories.side_profile(0), factories.side_profile(1))
    found = frames(text)
    fill = {name: e.find(f"{SVG}rect").get("fill") for name, e in found.items()}  # type: ignore[union-attr]
    assert re.fullmatch(r"rgb\(240,(\d+),\1\)", fill["encode (codec.py)"] or "")
    assert (fill["old_check (compat.py)"] or "").endswith(",245)")
    assert fill["iter_errors (validator.py)"] == "rgb(232,230,226)"
    assert "old_check (compat.py)\n−100 %" in (found["old_check (compat.py)"].findtext(f"{SVG}title") or "")
    assert "check (compat.py)\nnew" in (found["check (compat.py)"].findtext(f"{SVG}title") or "")
    assert "head − base, per request: red costs more on head, blue less" in text


def test_difference_without_requests_is_of_shares() -> None:
    base = replace(factories.side_profile(0), requests=None)
    text = diff_svg(base, factories.side_profile(0))
    assert "as a share of each side" in text
    assert "19 % → 19 %" in text


def test_twice_the_load_is_no_difference() -> None:
    once = factories.side_profile(0)
    twice = replace(once, sample_values=once.sample_values * 2, requests=2 * (once.requests or 0))
    fills = set(re.findall(r'rx="1" fill="([^"]*)"', diff_svg(once, twice)))
    assert fills == {"rgb(214,206,190)", "rgb(232,230,226)"}


def test_colours_belong_to_names() -> None:
    assert hot("encode") == hot("encode")
    assert len({hot(name) for name in ("encode", "decode", "run", "main")}) == 4
    assert difference(1.0, 1.0, 1.0) == "rgb(232,230,226)"


def test_nothing_recorded_is_said() -> None:
    empty = factories.profile({})
    assert "Nothing was recorded." in svg(empty)
    assert "Nothing was recorded." in diff_svg(empty, empty)


def deep_profile(depth: int) -> Profile:
    return Profile(
        strings=("", "again"),
        function_name=np.array([1], dtype=np.int32),
        function_file=np.zeros(1, dtype=np.int32),
        function_module=np.zeros(1, dtype=np.int32),
        function_line=np.zeros(1, dtype=np.int32),
        frame_function=np.zeros(1, dtype=np.int32),
        frame_line=np.zeros(1, dtype=np.int32),
        stack_parent=np.arange(-1, depth - 1, dtype=np.int32),
        stack_frame=np.zeros(depth, dtype=np.int32),
        sample_stack=np.array([depth - 1], dtype=np.int32),
        sample_values=np.array([[100]], dtype=np.int64),
        kinds=factories.side_profile(0).kinds,
    )


def test_a_hundred_thousand_frames_deep() -> None:
    started = time.monotonic()
    text = svg(deep_profile(100_000))
    assert time.monotonic() - started < 5
    assert len(frames_all(text)) == MAX_DEPTH + 1
    assert f"Not drawn: {100_000 - MAX_DEPTH:,} frames beyond {MAX_DEPTH} levels" in text
    assert len(diff_svg(deep_profile(100_000), deep_profile(50_000))) < 200_000


def frames_all(text: str) -> list[ET.Element]:
    return [e for e in ET.fromstring(text).iter(f"{SVG}svg") if e.get("class") == "f"]


def test_wide_profiles_lose_their_dust() -> None:
    stacks = {("main", f"f{i}"): 1 for i in range(30_000)} | {("main", "hot"): 100_000}
    text = svg(factories.profile(stacks))
    assert [e.findtext(f"{SVG}text") for e in frames_all(text)] == ["all", "main", "hot"]
    assert "30,000 frames narrower than 0.10 %" in text
    assert len(frames_all(text)) <= MAX_BOXES


def test_a_picture_is_never_too_large() -> None:
    """Names that grow fivefold when they are escaped, in thousands of frames wide enough to be seen."""
    stacks = {(f"{i}{'&' * 150}", *(f"{i}.{depth}{'&' * 150}" for depth in range(5))): 10 for i in range(900)}
    profile = factories.profile(stacks)
    for text in (svg(profile), diff_svg(profile, profile)):
        drawn = frames_all(text)
        assert 1_500_000 < len(text.encode()) < 2_000_000
        assert 1000 < len(drawn) - 1 < MAX_BOXES
        assert f"Not drawn: {900 * 6 - (len(drawn) - 1):,} frames beyond" in text
        assert {e.findtext(f"{SVG}text") for e in drawn if width(e) > 0.2} == {"all"}


@pytest.mark.parametrize("picture", ["svg", "diff"])
def test_hostile_names_are_text(picture: str) -> None:
    profile = factories.hostile().flames[0].head
    title = "".join(n for n in factories.HOSTILE if len(n) < 1000)
    text = svg(profile, title=title) if picture == "svg" else diff_svg(profile, profile, title=title)
    root = ET.fromstring(text)
    tags = {e.tag.rpartition("}")[2] for e in root.iter()}
    assert tags == {
        "svg",
        "style",
        "text",
        "foreignObject",
        "div",
        "span",
        "button",
        "input",
        "title",
        "rect",
        "script",
    }
    assert len(list(root.iter(f"{SVG}script"))) == 1
    attributes = {name for e in root.iter() for name in e.attrib}
    assert not [name for name in attributes if name.startswith("on") or name.endswith("href")]
    assert max(len(e.text or "") for e in root.iter(f"{SVG}text")) <= 300
