"""Makes hostile text harmless: function names, reasons and paths may come from a fork.

What a pull request can put into a profile must not be able to mention people, link, load an image, open a tag, close
a code block, reverse the text's direction or move a terminal's cursor. Markdown as GitHub reads it:
https://github.github.com/gfm/ (code spans 6.3, tables 4.10, autolinks 6.9); mentions, references and emoji are looked
for after Markdown, in text but not in code. So names become code, and other text is taken apart with a zero-width space.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import quote, urlsplit

from markupsafe import Markup
from markupsafe import escape as _html

from perf_action.model.profile import RUST_HASH

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: anything but printable ASCII: the only part of a text that has to be looked at
_UNUSUAL = re.compile(r"[^\x20-\x7e]")
_MARKDOWN = re.compile(r"([\\`*~|<>\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_LIVE = (
    (re.compile(r"([@#])(?=\w)"), "\\1\u200b"),
    (re.compile(r"(GH-)(?=\d)", re.IGNORECASE), "\\1\u200b"),
    (re.compile(r":(?=//)"), ":\u200b"),
    (re.compile(r"(www)(?=\.)", re.IGNORECASE), "\\1\u200b"),
    (re.compile(r"(mailto|xmpp)(?=:)", re.IGNORECASE), "\\1\u200b"),
    (re.compile(r":(?=[\w+-]+:)"), ":\u200b"),
)
_ENTITIES = ((re.compile(r"&(?=#?\w+;)"), "&amp;"), (re.compile(r"\$"), "&#36;"))
_SHA = re.compile(r"[0-9a-f]{7,64}")
_URL_TAIL = re.compile(r"[A-Za-z0-9/._~%?=&+:-]*")
_RUST_HASH = re.compile(rf"(?<=[\w>}}])::{RUST_HASH}(?!\w)")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")

NAME_LIMIT = 80
TEXT_LIMIT = 300


def clean(text: str) -> str:
    r"""One line of visible characters: control, format (bidi, zero width), private and unassigned ones as ``\u202e``."""
    return _UNUSUAL.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    c = match.group()
    category = unicodedata.category(c)
    if category == "Zs":
        return " "
    if category not in _HIDDEN:
        return c
    n = ord(c)
    return f"\\x{n:02x}" if n < 0x100 else f"\\u{n:04x}" if n < 0x10000 else f"\\U{n:08x}"


def shorten(text: str, limit: int = NAME_LIMIT) -> str:
    """At most `limit` (>= 16) characters; what is cut out is replaced by a digest, so that different names stay different."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    room = limit - len(digest) - 2
    head = room * 2 // 3
    return f"{text[:head]}…{digest}…{text[len(text) - (room - head) :]}"


def without_hashes(text: str) -> str:
    """Names without the hash that a Rust compiler adds, which is another one with every version."""
    return _RUST_HASH.sub("", text)


def name(text: str, limit: int = NAME_LIMIT) -> str:
    """A name fit to show: visible characters only, at most `limit` of them, still telling names apart (but for the hash
    that a Rust compiler adds, which is another one with every version).
    """
    text = without_hashes(text)
    if len(text) > 4 * limit:
        text = shorten(text, 4 * limit)
    return shorten(clean(text), limit)


def sentence(text: str, limit: int = TEXT_LIMIT) -> str:
    """A reason or message fit to show: one visible line, cut at `limit`."""
    shown = clean(" ".join(without_hashes(text[: 4 * limit]).split()))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def markdown(text: str) -> str:
    """`text` as it stands, for running text and table cells: no markup, mention, reference, link or emoji in it.

    Not for the start of a line, where signs like ``#`` and ``-`` have a meaning of their own.
    """
    text = clean(text)
    for pattern, replacement in (*_LIVE, *_ENTITIES):
        text = pattern.sub(replacement, text)
    return _MARKDOWN.sub(r"\\\1", text)


def block(text: str) -> str:
    """`text` inside of an HTML block of Markdown, such as a ``<summary>``: tags would be tags there and a backslash would
    be shown, but mentions, references and emoji are looked for all the same.
    """
    text = clean(text)
    for pattern, replacement in _LIVE:
        text = pattern.sub(replacement, text)
    return str(_html(text)).replace("$", "&#36;")


def code(text: str) -> str:
    """An inline code span that holds in running text and in table cells alike.

    A pipe would end a cell and a backtick the span: such names become ``<code>`` with every sign as an entity.
    """
    text = clean(text) or " "
    if "`" not in text and "|" not in text and text == text.strip():
        return f"`{text}`"
    return f"<code>{_entities(text)}</code>"


def _entities(text: str) -> str:
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text)


def fence(text: str, language: str = "") -> str:
    """A fenced code block that nothing inside can close. Lines are cleaned one by one."""
    lines = [clean(line) for line in text.split("\n")]
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return "\n".join([ticks + language, *lines, ticks])


def html(text: str) -> Markup:
    """Text for HTML and SVG, elements and quoted attributes."""
    return _html(clean(text))


def url(text: str) -> str:
    """`text` if it is a plain web address, else nothing: no other scheme, no user part, nothing that ends a link."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    tail = text.split("//", 1)[-1].partition("/")[2]
    ok = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc) and _URL_TAIL.fullmatch(tail)
    return text if ok and len(text) < 1000 else ""


def uri(path: str) -> str:
    """A relative path as a relative URI reference (RFC 3986): no byte of it is a scheme, a query or a fragment."""
    return quote(path.encode("utf-8", "surrogatepass"), safe="/-._~!$&'()*+,;=@")


def host(link: str) -> str:
    """The host of an address that `url` let pass: what its link is called."""
    return urlsplit(link).netloc


def commit(text: str) -> str:
    """A commit's name if it is one (7 to 64 hex digits), else nothing: it is put into commands people copy."""
    return text if _SHA.fullmatch(text) else ""
