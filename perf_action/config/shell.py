"""What the user wrote for a shell, with our values in it; and the environment variables in a value of perf.yml."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from perf_action.errors import ConfigError

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)\}|([A-Za-z_]\w*))")


def quoted(value: str, quote: str) -> str:
    """`value` as the shell reads it back unchanged inside `quote` (a single or double quote, or empty for none)."""
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r'(["\\$`])', r"\\\1", value)
    return shlex.quote(value)


def filled(line: str, place: re.Pattern[str], value: Callable[[str], str]) -> str:
    """A shell line with what `place` matches replaced by its `value`, so that the shell sees each value as it is,
    whatever quotes stand round it: a path with a space or a quote stays one word.
    """
    out, quote, i = [], "", 0
    while i < len(line):
        match = place.match(line, i)
        if match:
            out.append(quoted(value(match[0]), quote))
            i = match.end()
        elif line[i] == "\\" and quote != "'":
            out.append(line[i : i + 2])
            i += 2
        else:
            if line[i] in "'\"" and quote in ("", line[i]):
                quote = "" if quote else line[i]
            out.append(line[i])
            i += 1
    return "".join(out)


def variables(text: str) -> list[str]:
    """The names of the environment variables in `text`."""
    return [m[2] or m[3] for m in _VARIABLE.finditer(text) if not m[1]]


def expanded(text: str, environ: Mapping[str, str], *, key: str, source: object = "perf.yml") -> str:
    """`text`, the value of `key`, with ``$NAME`` and ``${NAME}`` taken from `environ` (``$$`` is a dollar).
    ConfigError if one is not set.
    """
    missing = next((name for name in variables(text) if name not in environ), None)
    if missing:
        reason = f"the environment variable {missing} is not set"
        raise ConfigError(source, key, reason, "set it; on GitHub, in the env of the step")
    return _VARIABLE.sub(lambda m: "$" if m[1] else environ[m[2] or m[3]], text)
