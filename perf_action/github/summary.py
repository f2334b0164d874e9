"""The job summary: written always, so that a silent comment and a broken job look different.

GitHub takes 1 MiB per step and drops a larger one whole.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1024 * 1024
_CUT: Final = "\n\n_The rest was cut off, since a job summary takes 1 MiB; it is in the artifact._\n"


def append_summary(file: Path, markdown: str) -> None:
    """Add `markdown` to what the step has in its summary already, cut at a line so that all of it is shown."""
    there = file.stat().st_size if file.exists() else 0
    data = fitting(markdown.rstrip() + "\n", MAX_BYTES - there)
    with file.open("ab") as out:
        out.write(data)


def fitting(markdown: str, room: int) -> bytes:
    """UTF-8 of `markdown`, at most `room` bytes; nothing where not even a remark fits."""
    data = markdown.encode()
    if len(data) <= room:
        return data
    note = _CUT.encode()
    if room < len(note):
        return b""
    kept, newline, _ = data[: room - len(note)].rpartition(b"\n")
    return kept + newline + note
