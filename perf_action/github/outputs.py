"""The outputs of the action, written to ``GITHUB_OUTPUT``.

A value stands between two lines of a delimiter drawn anew each time, so that no value can end itself early and add an
output of its own. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def write_outputs(
    file: Path, outputs: Mapping[str, str], draw: Callable[[], str] = lambda: secrets.token_hex(16)
) -> None:
    """Add `outputs` to those the step has already. ValueError for a name that is not kebab-case."""
    with file.open("a", encoding="utf-8", newline="\n") as out:
        out.write("".join(entry(name, value, draw) for name, value in outputs.items()))


def entry(name: str, value: str, draw: Callable[[], str]) -> str:
    """One output; `draw` gives a random delimiter, and another one should the value contain it."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of an output")
    delimiter = f"perf_action_{draw()}"
    while delimiter in value:
        delimiter = f"perf_action_{draw()}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
