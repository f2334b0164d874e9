from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.render import escape, sentence

UNUSUAL = st.text(st.characters(), max_size=60) | st.text(
    "`|\\@#<>&;[]()!*_~$:/.\nwGH-1a\u202e\x1b", max_size=40
)


def test_control_and_bidi_characters_become_visible() -> None:
    assert escape.clean("a\x1b[31mb\u202ec\n\u200b\ud800\U000e0041") == (
        "a\\x1b[31mb\\u202ec\\x0a\\u200b\\ud800\\U000e0041"
    )
    assert escape.clean("größe→µs 漢字 🔥") == "größe→µs 漢字 🔥"


def test_long_names_are_cut_and_still_differ() -> None:
    one, other = "x" * 700_000 + "a" + "x" * 700_000, "x" * 700_000 + "b" + "x" * 700_000
    assert len(escape.name(one)) == escape.NAME_LIMIT
    assert escape.name(one) != escape.name(other)
    assert escape.name("handle_request") == "handle_request"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("encode", "`encode`"),
        ("std::fire::x", "`std::fire::x`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("`x", "<code>&#96;x</code>"),
        (" padded", "<code> padded</code>"),
        ("", "<code> </code>"),
        ("\u202eevil", "`\\u202eevil`"),
    ],
)
def test_code(text: str, shown: str) -> None:
    assert escape.code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+31 % of snake_case, 12.1 → 15.9 µs", "+31 % of snake_case, 12.1 → 15.9 µs"),
        ("@octocat #12 GH-12", "@\u200boctocat #\u200b12 GH-\u200b12"),
        ("see https://x.example and www.x.example", "see https:\u200b//x.example and www\u200b.x.example"),
        ("a@b.example", "a@\u200bb.example"),
        ("[a](b) ![c](d)", "\\[a\\](b) !\\[c\\](d)"),
        ("<b>&lt;</b>", "\\<b\\>&amp;lt;\\</b\\>"),
        ("**a** _b_ ~~c~~ `d` | e", "\\*\\*a\\*\\* \\_b\\_ \\~\\~c\\~\\~ \\`d\\` \\| e"),
        (":tada: $x$ 12:30", ":\u200btada: &#36;x&#36; 12:30"),
        ("line\nbreak", "line\\\\x0abreak"),
    ],
)
def test_markdown(text: str, shown: str) -> None:
    assert escape.markdown(text) == shown


@given(UNUSUAL)
def test_nothing_hidden_survives_in_any_medium(text: str) -> None:
    for shown in (
        escape.clean(text),
        escape.name(text),
        escape.sentence(text),
        escape.code(text),
        escape.fence("x" + text),
    ):
        assert not [
            c
            for c in shown.replace("\n", "")
            if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        ]
    assert "\n" not in escape.code(text) + escape.markdown(text) + escape.name(text)


@given(UNUSUAL)
def test_code_has_no_pipe_and_no_loose_backtick(text: str) -> None:
    shown = escape.code(text)
    assert "|" not in shown
    assert shown.count("`") in (0, 2)
    if shown.startswith("<code>"):
        assert "<" not in shown[6:-7]


@given(UNUSUAL)
def test_text_has_no_live_sign(text: str) -> None:
    shown = escape.markdown(text)
    assert not re.search(r"@\w|#\w|://|www\.|GH-\d", shown.replace("&#36;", "$"), re.IGNORECASE)
    for sign in "<>[]`|*~":
        assert not re.search(rf"(?<!\\)(\\\\)*{re.escape(sign)}", shown), (sign, shown)


@given(st.text("`~\n a", max_size=80))
def test_a_fence_is_longer_than_anything_in_it(text: str) -> None:
    opening, *body, closing = escape.fence(text).split("\n")
    assert opening == closing
    assert not any(opening in line for line in body)
    assert "\n".join(body) == text


@given(UNUSUAL)
def test_html_is_text(text: str) -> None:
    shown = str(escape.html(text))
    assert not set("<>\"'") & set(shown)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "https://x.example/)[evil](https://y.example",
        "https://user@x.example/",
        "https://x.example/ space",
        'https://x.example/"onload=1',
        "//x.example/",
        "https://[::1",
        "https://x.example/" + "a" * 2000,
        "",
    ],
)
def test_no_strange_link(text: str) -> None:
    assert escape.url(text) == ""


def test_links_of_github_are_kept() -> None:
    for text in ("https://github.com/a/b/actions/runs/1/artifacts/2", "http://ghes.local:8080/a?x=1&y=%20"):
        assert escape.url(text) == text


def test_commits_are_hex() -> None:
    assert escape.commit("3f2a9c1d0") == "3f2a9c1d0"
    assert escape.commit("3f2a9c1; rm -rf /") == ""


def test_sentences_in_each_medium() -> None:
    s = sentence.say(sentence.code("a<b"), " costs ", sentence.strong("+31 %"), " of <all>")
    assert sentence.plain(s) == "a<b costs +31 % of <all>"
    assert sentence.markdown(s) == "`a<b` costs **+31 %** of \\<all\\>"
    assert sentence.html(s) == "<code>a&lt;b</code> costs <strong>+31 %</strong> of &lt;all&gt;"


def test_clauses_in_the_middle_start_small() -> None:
    assert sentence.inside(sentence.say("Process memory leaks")) == sentence.say("process memory leaks")
    assert sentence.inside(sentence.say("CPU time")) == sentence.say("CPU time")
    assert (
        sentence.plain(sentence.joined([sentence.say("a"), sentence.say("b"), sentence.say("c")]))
        == "a, b, and c"
    )
