from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.github.comment_text import (
    MAX_CHARS,
    MAX_EARLIER,
    CommentText,
    Result,
    compose,
    decompose,
    merge,
    shorten,
)

URL = "https://github.example/o/r"
RESULT = Result(sha="a" * 40, headline="🔴 Regression", when="2026-11-25 14:03 UTC", run_id=1, attempt=1)


def body(text: CommentText) -> str:
    return compose(text, "default", URL)


def test_earlier_results_are_folded_newest_first_and_only_some() -> None:
    text = None
    for n in range(1, 10):
        text = merge(text, f"result {n}", replace(RESULT, sha=f"{n:040x}", run_id=n))
        text = decompose(body(text))
    shown = body(text)
    assert [r.run_id for r in text.results] == [9, 8, 7, 6, 5, 4]
    assert text.main == "result 9"
    assert f"Earlier results of this pull request ({MAX_EARLIER})" in shown
    assert shown.index(f"{8:040x}") < shown.index(f"{4:040x}")
    assert f"{URL}/actions/runs/8/attempts/1" in shown
    assert "result 8" not in shown


def test_another_attempt_of_a_run_takes_the_place_of_the_first() -> None:
    text = merge(merge(None, "first", RESULT), "second", replace(RESULT, attempt=2))
    assert [(r.run_id, r.attempt) for r in text.results] == [(1, 2)]
    assert text.main == "second"


def test_hostile_headlines_stay_text() -> None:
    headline = "x | @everyone <img src=x> [a](http://evil.example) `code` --> ![](y)\n\n# big"
    text = merge(
        merge(None, "old", replace(RESULT, headline=headline)), "new", replace(RESULT, run_id=2, sha="b" * 40)
    )
    row = next(
        line
        for line in body(decompose(body(text))).splitlines()
        if "aaaaaaa" in line and line.startswith("|")
    )
    assert row.count("|") - row.count("\\|") == 4
    assert "@everyone" not in row
    assert "<img" not in row.replace("\\<img", "")
    assert "http://" not in row
    assert body(text).count("-->") == 3


@pytest.mark.parametrize(
    "state",
    [
        "",
        "AAAA",
        base64.urlsafe_b64encode(b"[[1,2],null,{}]").decode(),
        base64.urlsafe_b64encode(b'{"a":1}').decode(),
        base64.urlsafe_b64encode(json.dumps([["a" * 40, "x", "[link](evil)", 1, 1]]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps([["../../evil", "x", "2026", 1, 1]]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps([["a" * 40, "x", "2026", -1, 1]]).encode()).decode(),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
    ],
)
def test_a_state_somebody_wrote_into_our_comment_is_data_or_nothing(state: str) -> None:
    text = decompose(f"<!-- perf-action comment-id=default -->\n<!-- perf-action state {state} -->\nmain")
    assert text.results == ()


def test_an_edited_comment_is_taken_for_what_is_left() -> None:
    assert decompose("") == CommentText(main="", results=())
    assert decompose("<!-- perf-action comment-id=default -->\r\nsomebody typed here").results == ()
    original = body(merge(None, "main\ntext", RESULT))
    assert decompose(original.replace("\n", "\r\n")).results == (RESULT,)


@given(st.text(max_size=300), st.text(max_size=200))
def test_what_was_composed_is_read_back(main: str, headline: str) -> None:
    text = merge(None, main, replace(RESULT, headline=headline))
    again = decompose(body(text))
    assert again.main == main.replace("\r\n", "\n").strip()
    assert body(decompose(body(again))) == body(again)


@given(
    st.lists(st.sampled_from(["text", "```", "<details>", "</details>", "", "| a | b |"]), max_size=60),
    st.integers(400, 700),
)
def test_a_cut_leaves_nothing_open_and_keeps_to_the_limit(lines: list[str], limit: int) -> None:
    markdown = "\n".join(lines)
    cut = shorten(markdown, limit)
    assert len(cut) <= max(limit, 0)
    assert cut == markdown or "cut off" in cut
    if cut != markdown:
        assert cut.count("```") % 2 == 0


def test_a_long_comment_keeps_marker_state_and_earlier_results() -> None:
    long = merge(merge(None, "old", RESULT), "line\n" * 30_000, replace(RESULT, run_id=2, sha="b" * 40))
    shown = body(long)
    assert len(shown) <= MAX_CHARS
    assert decompose(shown).results == long.results
    assert shown.endswith("</details>")
