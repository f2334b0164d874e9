"""What our comment consists of, as text in and text out: the marker we find it by, the result, and earlier results.

The earlier results travel in the comment itself, in a hidden line. It is read back as data of a fixed form and shown
as escaped text, so whoever may edit our comment gains nothing by it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from perf_action.render import escape

#: GitHub's limit is 65,536 characters for the whole body
MAX_CHARS: Final = 65_000
HEADLINE_CHARS: Final = 160
#: how many earlier results are kept
MAX_EARLIER: Final = 5

_EARLIER = "<!-- perf-action earlier results -->"
_STATE = re.compile(r"<!-- perf-action state ([A-Za-z0-9_=-]{0,8000}) -->")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CUT = "\n\n_The rest was cut off, since GitHub takes no longer comment; it is in the job summary and in the artifact._"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measured commit of the pull request: `headline` in plain words, `when` as it is to be shown."""

    sha: str
    headline: str
    when: str
    run_id: int
    attempt: int

    @property
    def order(self) -> tuple[int, int]:
        """Later runs have higher numbers."""
        return self.run_id, self.attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentText:
    """`main` is the Markdown about the newest of `results`; the others follow folded. Newest first."""

    main: str
    results: tuple[Result, ...]


def marker(comment_id: str) -> str:
    """The first line of our comment. Each `comment_id` has a comment of its own."""
    return f"<!-- perf-action comment-id={comment_id} -->"


def is_ours(body: Any, comment_id: str) -> bool:
    return isinstance(body, str) and body.startswith(marker(comment_id))


def merge(existing: CommentText | None, main: str, result: Result) -> CommentText:
    """The comment after one more result. A run that was overtaken by a later one does not take its place."""
    known = existing.results if existing else ()
    others = [r for r in known if (r.sha, r.run_id) != (result.sha, result.run_id)]
    results = sorted([result, *others], key=lambda r: r.order, reverse=True)[: MAX_EARLIER + 1]
    newest = existing.main if existing and results[0] is not result else main
    return CommentText(main=newest, results=tuple(results))


def compose(text: CommentText, comment_id: str, repository_url: str, *, limit: int = MAX_CHARS) -> str:
    """The body, at most `limit` characters long: what is too long for that is cut from the end of `main`."""
    head = f"{marker(comment_id)}\n<!-- perf-action state {_encode(text.results)} -->\n"
    tail = f"\n\n{_EARLIER}{_table(text.results[1:], repository_url)}"
    return head + shorten(text.main.strip(), limit - len(head) - len(tail)) + tail


def decompose(body: str) -> CommentText:
    """What `compose` made; results that do not have the right form are left out."""
    body = body.replace("\r\n", "\n")
    state = _STATE.search(body)
    main = body[state.end() if state else body.find("\n") + 1 :].rpartition(_EARLIER)[0]
    return CommentText(main=main.strip(), results=_decode(state[1]) if state else ())


def shorten(markdown: str, limit: int) -> str:
    """At most `limit` characters of Markdown, ending with a whole line and with no fold or code block left open."""
    if len(markdown) <= limit:
        return markdown
    kept = markdown[: max(0, limit - len(_CUT) - 200)].rpartition("\n")[0]
    fences = re.findall(r"^(`{3,}|~{3,})", kept, re.MULTILINE)
    closing = f"\n{fences[-1]}" if len(fences) % 2 else ""
    closing += "\n</details>" * min(10, max(0, kept.count("<details") - kept.count("</details>")))
    return kept + closing + _CUT


def _table(results: Sequence[Result], repository_url: str) -> str:
    if not results:
        return ""
    rows = [
        f"| [`{r.sha[:7]}`]({repository_url}/commit/{r.sha}) | {escape.markdown(r.headline)} "
        f"| [{r.when}]({repository_url}/actions/runs/{r.run_id}/attempts/{r.attempt}) |"
        for r in results
    ]
    title = f"<details><summary>Earlier results of this pull request ({len(rows)})</summary>"
    return "\n".join(
        ["", title, "", "| commit | result | measured |", "|---|---|---|", *rows, "", "</details>"]
    )


def _encode(results: Sequence[Result]) -> str:
    rows = [[r.sha, r.headline, r.when, r.run_id, r.attempt] for r in results]
    return base64.urlsafe_b64encode(json.dumps(rows, ensure_ascii=False).encode()).decode()


def _decode(state: str) -> tuple[Result, ...]:
    try:
        rows = json.loads(base64.urlsafe_b64decode(state))
    except (binascii.Error, ValueError, RecursionError):
        return ()
    if not isinstance(rows, list):
        return ()
    return tuple(r for r in map(_result, rows[: MAX_EARLIER + 1]) if r is not None)


def _result(row: Any) -> Result | None:
    match row:
        case [str(sha), str(headline), str(when), int(run_id), int(attempt)] if _SHA.fullmatch(sha):
            if (
                not re.fullmatch(r"[0-9: -]{1,20}( UTC)?", when)
                or not 0 <= run_id < 10**18
                or not 0 <= attempt < 10**6
            ):
                return None
            return Result(
                sha=sha,
                headline=escape.sentence(headline, HEADLINE_CHARS),
                when=when,
                run_id=run_id,
                attempt=attempt,
            )
        case _:
            return None
