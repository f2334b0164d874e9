"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from perf_action.config import FailOn
from perf_action.config.inputs import overrides
from perf_action.errors import UsageError

#: overrides of perf.yml; `overrides_of` reads them
SET = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of perf.yml, such as measure.max-minutes=2.",
)


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


def overrides_of(environ: Mapping[str, str], sets: Sequence[str]) -> dict[str, str]:
    """Overrides of perf.yml, from the action's inputs and from --set KEY=VALUE."""
    found = overrides(environ)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: write KEY=VALUE, such as measure.max-minutes=2")
        found[key.strip()] = value
    return found
