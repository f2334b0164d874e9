"""What is said of regressions that somebody accepted, or wanted to."""

from __future__ import annotations

from perf_action.model.accepted import EVERYTHING, Accepted, AcceptedAt, AcceptedState
from perf_action.render import escape
from perf_action.render.sentence import Sentence, code, say

ICON = "🤝"
_WORDS = {
    AcceptedState.HONOURED: "Accepted",
    AcceptedState.NOT_NEEDED: "Accepted in vain",
    AcceptedState.EXPIRED: "No longer accepted",
    AcceptedState.UNKNOWN: "Not accepted",
    AcceptedState.NOT_ALLOWED: "Not accepted",
    AcceptedState.INVALID: "Not accepted",
}


def accepted_line(a: Accepted) -> Sentence:
    """Accepted: `encode`, by alice (label of #7), until 2026-12-31: signatures are checked."""
    who = ", ".join(part for part in (f"by {a.by}" if a.by else "", a.where) if part)
    until = f", until {a.until}" if a.until else ""
    why = a.reason or ("no reason was given" if a.state.counts else "")
    tail = "; ".join(part for part in (why, a.note) if part)
    subject = say("everything that got worse") if a.subject == EVERYTHING else say(code(a.subject or "?"))
    text = escape.sentence(f", {who}{until}" + (f": {tail}" if tail else ""), 500).rstrip(".") + "."
    return say(f"{_WORDS[a.state]}: ", *subject, text)


def accepted_in_history(a: AcceptedAt) -> str:
    """The same where the history is told, plain."""
    subject = "everything" if a.subject == EVERYTHING else escape.name(a.subject)
    until = f" until {a.until}" if a.until else ""
    why = f": {escape.sentence(a.reason, 300)}" if a.reason else ""
    by = f" by {escape.name(a.by)}" if a.by else ""
    return f"what {subject} cost more at {a.commit[:10]} was accepted{by}{until}{why}"
