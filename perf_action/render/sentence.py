"""A sentence before anybody knows where it will be printed: spans of text, names and emphasis.

Facts are sentences of this kind, so that they are written once and each medium escapes and marks them up in its own
way. Text spans may hold foreign text: no medium may print one unescaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from perf_action.render import escape


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a sentence: running text, a name (printed as code) or what stands out (printed bold)."""

    text: str
    style: Literal["text", "code", "strong"] = "text"


Sentence = tuple[Span, ...]


def say(*parts: str | Span) -> Sentence:
    """Strings and spans, in order, as a sentence."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts if part)


def code(name: str) -> Span:
    return Span(escape.name(name), "code")


def strong(text: str) -> Span:
    return Span(text, "strong")


def joined(sentences: list[Sentence], last: str = ", and ", between: str = ", ") -> Sentence:
    """Clauses put into one sentence: ``a``, ``a, and b``, ``a, b, and c``."""
    out: list[Span] = []
    for i, sentence in enumerate(sentences):
        if i:
            out.append(Span(last if i == len(sentences) - 1 else between))
        out.extend(sentence)
    return tuple(out)


def inside(sentence: Sentence) -> Sentence:
    """A sentence as a clause in the middle of another: no capital letter, except for names and words like CPU."""
    first = sentence[0]
    if first.style != "text" or not first.text[1:2].islower():
        return sentence
    return (Span(first.text[0].lower() + first.text[1:]), *sentence[1:])


def plain(sentence: Sentence) -> str:
    """As text for a title, an annotation or a terminal without colour; cleaned, not escaped for any markup."""
    return "".join(escape.clean(span.text) for span in sentence)


def markdown(sentence: Sentence) -> str:
    return "".join(
        escape.code(s.text)
        if s.style == "code"
        else f"**{escape.markdown(s.text)}**"
        if s.style == "strong"
        else escape.markdown(s.text)
        for s in sentence
    )


_HTML = {
    "text": Markup("{}"),
    "code": Markup("<code>{}</code>"),
    "strong": Markup("<strong>{}</strong>"),
}


def html(sentence: Sentence) -> Markup:
    return Markup("").join(_HTML[s.style].format(escape.html(s.text)) for s in sentence)
