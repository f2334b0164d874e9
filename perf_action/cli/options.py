"""Options that several commands share."""

from __future__ import annotations

from perf_action.config import FailOn
from perf_action.errors import UsageError


def policy_words(text: str | None) -> list[FailOn] | None:
    """``regression,budget`` as words of the policy; None stays None."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [word.value for word in FailOn]
    for word in words:
        if word not in known:
            raise UsageError(f"--fail-on: {word!r} is not one of {', '.join(known)}")
    return [FailOn(word) for word in words]
