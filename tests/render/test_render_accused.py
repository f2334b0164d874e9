"""How a suspect is told."""

from __future__ import annotations

from dataclasses import replace

import factories
import pytest

from perf_action.model.suspect import Confidence, Suspect
from perf_action.render.accused import accusation, why
from perf_action.render.sentence import markdown, plain

CALLER = Suspect(
    function="encode", kind="cpu", change=0.31, relation="calls it", changed="serialize_all", file="shop/views.py",
    lines=((40, 47),), confidence=Confidence.HIGH, path=("serialize_all", "encode"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("suspect", "text"),
    [
        (CALLER, "called from serialize_all, changed in this pull request, lines 40–47 of shop/views.py (sure)"),
        (
            replace(CALLER, path=("serialize_all", "dumps", "encode"), lines=((7, 7),), confidence=Confidence.MEDIUM),
            "called from serialize_all through dumps, changed in this pull request, line 7 of shop/views.py (likely)",
        ),
        (
            replace(CALLER, path=("serialize_all", "walk", "walk", "encode", "walk", "encode", "encode")),
            "called from serialize_all through walk, changed in this pull request, lines 40–47 of shop/views.py (sure)",
        ),
        (
            replace(CALLER, path=("serialize_all", *"abcdef", "encode"), lines=()),
            "called from serialize_all through a › b › … › f, changed in this pull request (sure)",
        ),
        (
            replace(CALLER, relation="itself", lines=((1, 2), (4, 4), (6, 9), (11, 12), (14, 15))),
            "changed in this pull request, lines 1–2, 4, 6–9, 11–12, … of shop/views.py (sure)",
        ),
        (
            replace(CALLER, relation="called by it", confidence=Confidence.LOW, doubt="known by its name alone"),
            ("it calls serialize_all, changed in this pull request, lines 40–47 of shop/views.py"
            " (possible; known by its name alone)"),
        ),
        (
            replace(CALLER, relation="dependency", changed="PyYAML 6.0.0 → 6.1.0", share=None),
            "this pull request changes PyYAML 6.0.0 → 6.1.0, which it belongs to (sure)",
        ),
        (
            replace(CALLER, relation="dependency", changed="PyYAML 6.0.0 → 6.1.0", share=0.4),
            "this pull request changes PyYAML 6.0.0 → 6.1.0, which it works for (sure)",
        ),
    ],
    ids=lambda value: value.relation if isinstance(value, Suspect) else "",
)  # fmt: skip
def test_each_relation_has_its_words(suspect: Suspect, text: str) -> None:
    assert plain(why(suspect)) == text


def test_beside_what_got_worse() -> None:
    row = factories.regression().comparison.functions[0]
    assert plain(accusation(row, CALLER)) == (
        "encode costs +31 % CPU per request (14.5 → 19.1 µs); called from serialize_all, changed in this pull request,"
        " lines 40–47 of shop/views.py (sure)"
    )


def test_names_of_the_pull_request_are_no_markup() -> None:
    hostile = replace(CALLER, changed="a`|<img src=x>", file="x](http://evil).py", doubt="<b>")
    text = markdown(why(hostile))
    assert "<img" not in text
    assert "<b>" not in text
    assert "](http" not in text.replace("\\", "").replace("`x](http://evil).py`", "")
