"""Where text for a terminal goes: in colour and as wide as it is on one, plain text elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO

from rich.console import Console

WIDTH = 80


def console_for(file: IO[str], width: int | None = None) -> Console:
    """A console on `file`; `width` None: that of the terminal, or 80 columns."""
    return Console(
        file=file,
        width=width or (None if file.isatty() else WIDTH),
        highlight=False,
        emoji=False,
        markup=False,
    )


def plain(write: Callable[[IO[str]], None]) -> str:
    """What `write` writes to a file, without the spaces at the ends of lines."""
    out = io.StringIO()
    write(out)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
