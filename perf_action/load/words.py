"""What the user wrote, with our values in it: commands, arguments and environment of a load tool.

``{port} {url} {out} {requests} {seconds} {seed}`` are replaced. In a shell command each value is quoted for the place
where it stands (bare, in double or in single quotes), so that a path with a space or a quote stays one word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from perf_action.config.shell import quoted
from perf_action.errors import ConfigError, LoadFailed
from perf_action.load.session import Amount, Where

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)\}|([A-Za-z_]\w*))")
_PLACE = re.compile(r"\{(port|url|out|requests|seconds|seed)\}")


def values(where: Where, amount: Amount | None = None, out: str = "") -> dict[str, str]:
    """The values of the placeholders; those that do not apply (requests of a timed slice) are left out."""
    known = {"port": str(where.port), "url": where.url, "out": out or str(where.out)}
    if amount is not None:
        known["seed"] = str(amount.seed)
        if amount.requests is not None:
            known["requests"] = str(amount.requests)
        if amount.seconds is not None:
            known["seconds"] = f"{amount.seconds:g}"
    return known


def fill(text: str, known: Mapping[str, str]) -> str:
    """`text` with its placeholders replaced. LoadFailed if it asks for what this slice has not."""
    return _PLACE.sub(lambda match: _value(match[1], known), text)


def command_line(command: str | Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The argv of a command: a string is for ``sh -c``, a list is taken as it is."""
    if isinstance(command, str):
        return ["sh", "-c", shell_fill(command, known)]
    return [fill(word, known) for word in command]


def shell_fill(command: str, known: Mapping[str, str]) -> str:
    """Like `fill`, each value quoted for where it stands."""
    out, quote, i = [], "", 0
    while i < len(command):
        match = _PLACE.match(command, i)
        if match:
            out.append(quoted(_value(match[1], known), quote))
            i = match.end()
            continue
        char = command[i]
        if char == "\\" and quote != "'":
            out.append(command[i : i + 2])
            i += 2
            continue
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        out.append(char)
        i += 1
    return "".join(out)


def _value(name: str, known: Mapping[str, str]) -> str:
    if name not in known:
        raise LoadFailed(
            f"{{{name}}} has no value in this slice: it is measured in "
            + (
                "seconds; give the load a number of requests"
                if name == "requests"
                else "requests; give the load a duration"
            )
        )
    return known[name]


def environment(own: Mapping[str, str], where: Where, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a load tool: the outer one, then `extra`, then the scenario's `own`."""
    known = values(where)
    return {**where.env, **extra, **{n: fill(expand(n, v, where.env), known) for n, v in own.items()}}


def expand(name: str, value: str, env: Mapping[str, str]) -> str:
    """`value` with ``$NAME`` and ``${NAME}`` taken from `env` (``$$`` is a dollar). ConfigError if one is not set."""

    def value_of(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        variable = match[2] or match[3]
        if variable not in env:
            reason = f"the environment variable {variable} is not set"
            raise ConfigError("perf.yml", f"load.env.{name}", reason, "set it, for GitHub in the step's env")
        return env[variable]

    return _VARIABLE.sub(value_of, value)
