"""What the user wrote, with our values in it: commands, arguments and environment of a load tool.

``{port} {url} {out} {requests} {seconds} {seed}`` are replaced. In a shell command each value is quoted for the place
where it stands (bare, in double or in single quotes), so that a path with a space or a quote stays one word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from perf_action.config.shell import expanded, filled
from perf_action.errors import LoadFailed
from perf_action.load.session import Amount, Where

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
        return ["sh", "-c", filled(command, _PLACE, lambda place: _value(place[1:-1], known))]
    return [fill(word, known) for word in command]


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
    return {
        **where.env,
        **extra,
        **{n: fill(expanded(v, where.env, key=f"load.env.{n}"), known) for n, v in own.items()},
    }
