"""Steps of the action that failed before this one, as the action notes them: what kept us from measuring.

Sample line: ``run<TAB>3<TAB>the service did not become ready within 60 s``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perf_action.errors import UsageError
from perf_action.render import escape

_MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`step` is the command that failed, `reason` what it said."""

    step: str
    reason: str


def read_failures(path: Path | None) -> tuple[Failure, ...]:
    """The failures noted in a file; none if there is no file. UsageError if it cannot be read."""
    if path is None:
        return ()
    try:
        with path.open("rb") as file:
            lines = file.read(_MAX_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    parts = [line.split("\t", 2) for line in lines]
    return tuple(Failure(step=p[0], reason=p[2]) for p in parts if len(p) == 3)


def document(failures: tuple[Failure, ...]) -> str:
    """The comment and summary where there is nothing else to show."""
    return "\n".join(["## ⚠️ perf-action could not measure", "", *_listed(failures)]) + "\n"


def note(failures: tuple[Failure, ...]) -> str:
    """What is added below results that a later step could not complete; empty without failures."""
    return (
        "\n".join(["", "", "> [!WARNING]", *(f"> {line}" for line in _listed(failures))]) if failures else ""
    )


def _listed(failures: tuple[Failure, ...]) -> list[str]:
    return [
        f"- `perf-action {_word(f.step)}`: {escape.markdown(escape.sentence(f.reason, 600))}"
        for f in failures
    ]


def _word(text: str) -> str:
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c == "-"))[:30]
