"""Commands and environments of perf.yml as they are started: placeholders filled, ``$NAME`` expanded, secrets known.

A command without shell syntax is started directly, so that the process that is measured and signalled is the service
itself. With shell syntax it goes through ``sh -c``, as ``exec …`` where it is one simple command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perf_action.config.shell import expanded, filled, variables
from perf_action.errors import ConfigError

_QUOTED = re.compile(r"'[^']*'|\\.|\"((?:\\.|[^\"\\])*)\"", re.DOTALL)
_EXPANDED = re.compile(r"[$`]")
_SYNTAX = re.compile(r"[|&;<>()*?\[\n]|(?:^|\s)[~#]|^\s*\w+=")
_COMPOUND = re.compile(r"[|;\n(){}]|(?<![<>])&(?!>)")
_BUILTIN = re.compile(
    r"\s*(?:cd|export|source|\.|set|ulimit|umask|trap|exec|if|for|while|case|unset|eval|!)\b|\s*\.\s"
)
_ASSIGNED = re.compile(r"\s*\w+=")
_SECRET_NAME = re.compile(r"key|token|secret|passw|pwd|credential|auth|cookie|dsn", re.IGNORECASE)
#: never handed to a service: they belong to the job or to this program; a service that needs one names it in `env`
_WITHHELD = re.compile(
    r"(?:INPUT_|PERF_INPUT_|PERF_ACTION_).*|ACTIONS_(?:RUNTIME|RESULTS|CACHE|ID_TOKEN)_.*|GITHUB_TOKEN|GH_TOKEN"
)
#: shorter values cannot be masked without making the text unreadable
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What {checkout}, {python}, {port} and {work} stand for; None where it is not known yet (set-up and build).
    `needs` are those of what the service needs: ``needs.postgres.port`` and its value.
    """

    checkout: Path
    python: str
    port: int | None = None
    work: Path | None = None
    needs: tuple[tuple[str, str], ...] = ()

    def values(self) -> dict[str, str]:
        """Placeholder to value, for those that are known."""
        known = {"checkout": self.checkout, "python": self.python, "port": self.port, "work": self.work}
        own = {f"{{{name}}}": str(value) for name, value in known.items() if value is not None}
        return own | {f"{{{name}}}": value for name, value in self.needs}

    def fill(self, text: str) -> str:
        """`text` with the known placeholders replaced; other braces stay as they are."""
        for name, value in self.values().items():
            text = text.replace(name, value)
        return text


@dataclass(frozen=True, slots=True)
class Secrets:
    """Values that are printed nowhere."""

    values: tuple[str, ...] = field(default=(), repr=False)

    def mask(self, text: str) -> str:
        """`text` with every secret replaced by ``***``."""
        for value in sorted(self.values, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def __add__(self, other: Secrets) -> Secrets:
        return Secrets(tuple(dict.fromkeys(self.values + other.values)))


def argv_of(
    command: str | Sequence[str], places: Places, *, key: str, source: object = "perf.yml"
) -> tuple[str, ...]:
    """The argv that starts `command`. ConfigError names `key` if there is nothing in it or a quote is not closed."""
    if not isinstance(command, str):
        argv = tuple(places.fill(word) for word in command)
    else:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ConfigError(
                source, key, f"{str(error).lower()} in {command!r}", "close the quote"
            ) from None
        argv = _shell(command, places) if needs_shell(command) else tuple(places.fill(word) for word in words)
    if not argv or not argv[0].strip():
        raise ConfigError(source, key, "an empty command", "name the program to start")
    return argv


def needs_shell(command: str) -> bool:
    """Whether `command` means something else to a shell than its words."""
    double = " ".join(m[1] for m in _QUOTED.finditer(command) if m[1])
    bare = _QUOTED.sub("q", command)
    return bool(_EXPANDED.search(bare + double) or _SYNTAX.search(bare) or _BUILTIN.match(bare))


def _shell(command: str, places: Places) -> tuple[str, ...]:
    bare = _QUOTED.sub("q", re.sub(r"\{[\w.-]+\}", "p", command))
    values = places.values()
    line = filled(command, re.compile("|".join(map(re.escape, values))), values.__getitem__)
    if not (_COMPOUND.search(bare) or _BUILTIN.match(bare)):
        line = ("exec env " if _ASSIGNED.match(bare) else "exec ") + line.strip()
    return ("sh", "-c", line)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without the variables that are the job's or this program's own."""
    return {name: value for name, value in environ.items() if not _WITHHELD.fullmatch(name)}


def expand(
    values: Mapping[str, str], environ: Mapping[str, str], *, key: str, source: object = "perf.yml"
) -> tuple[dict[str, str], Secrets]:
    """`values` with ``$NAME`` and ``${NAME}`` taken from `environ` (``$$`` is a dollar), and what of it is secret.

    Secret are values with something taken from `environ` in them, and those whose name says so; a path that exists
    is none. ConfigError if a variable is not set.
    """
    out, secrets = {}, []
    for name, text in values.items():
        out[name] = expanded(text, environ, key=f"{key}.{name}", source=source)
        taken = variables(text)
        if taken or _SECRET_NAME.search(name):
            secrets += [*(environ[variable] for variable in taken), out[name]]
    hidden = (s for s in secrets if len(s) >= _SHORTEST_SECRET and not _is_path(s))
    return out, Secrets(tuple(dict.fromkeys(hidden)))


def _is_path(text: str) -> bool:
    try:
        return text.startswith("/") and Path(text).exists()
    except (OSError, ValueError):
        return False
