"""Annotations on the job and on the changed files: workflow commands on stdout.

Sample line: ``::warning title=Regression,file=app.py,line=7::encode costs +31 %25 CPU per request``. GitHub shows ten
of each level per step, with 4,096 characters each.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-a-warning-message
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from perf_action.errors import one_line

MAX_PER_LEVEL: Final = 10
MAX_CHARS: Final = 4096

Level = Literal["notice", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """`file` is relative to the repository, empty where the place is not in it; `line` is 0 where it is not known, and
    `end_line` where there is only one.
    """

    level: Level
    title: str
    message: str
    file: str = ""
    line: int = 0
    end_line: int = 0


def shown(annotations: Iterable[Annotation]) -> tuple[Annotation, ...]:
    """The first ten of each level: GitHub would drop the rest without a word, so the tenth says how many there are."""
    listed = list(annotations)
    total = Counter(a.level for a in listed)
    seen: Counter[Level] = Counter()
    kept = []
    for annotation in listed:
        seen[annotation.level] += 1
        if (
            seen[annotation.level] < MAX_PER_LEVEL
            or total[annotation.level] == seen[annotation.level] == MAX_PER_LEVEL
        ):
            kept.append(annotation)
        elif seen[annotation.level] == MAX_PER_LEVEL:
            rest = total[annotation.level] - MAX_PER_LEVEL + 1
            kept.append(
                Annotation(
                    level=annotation.level, title="More", message=f"and {rest} more; see the job summary"
                )
            )
    return tuple(kept)


def command(annotation: Annotation) -> str:
    """One line that the runner takes as a command, whatever is in the texts."""
    end = annotation.end_line if annotation.end_line > annotation.line > 0 else 0
    lines = [("line", annotation.line), ("endLine", end)]
    place = [("file", annotation.file), *lines] if annotation.file else []
    properties = [(k, v) for k, v in [("title", one_line(annotation.title, 200)), *place] if v]
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties)
    return f"::{annotation.level} {listed}::{_data(one_line(annotation.message, MAX_CHARS))}"


def warning(message: str) -> str:
    """A warning about the job itself, as a command."""
    return command(Annotation(level="warning", title="perf-action", message=message))


def plain_line(text: str) -> str:
    """One line of log that the runner does not take as a command: it looks for ``::`` first and ``##[`` anywhere."""
    line = one_line(text, 1000).replace("##[", "# #[")
    return re.sub(r"^\s*::", ": :", line)


def in_repository(file: str, roots: Sequence[Path]) -> str:
    """`file`, as a profiler named it, relative to the first of `roots` (the repository); empty if it is not in there.

    A relative name may start at any of `roots`, since a service seldom runs where its repository starts.
    """
    top = roots[0].resolve() if roots else Path()
    for root in roots:
        try:
            path = (root / file).resolve()
            if file and path.is_file():
                return str(PurePosixPath(path.relative_to(top)))
        except (OSError, ValueError):
            continue  # not there, or not in the repository
    return ""


def _data(text: str) -> str:
    """As @actions/core escapes it: what is left of these three would end the line or be decoded."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
