"""Our values in a shell line of the user's: quoted for where they stand."""

from __future__ import annotations

import re
import shlex


def quoted(value: str, quote: str) -> str:
    """`value` as the shell reads it back unchanged inside `quote` (a single or double quote, or empty for none)."""
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r'(["\\$`])', r"\\\1", value)
    return shlex.quote(value)
