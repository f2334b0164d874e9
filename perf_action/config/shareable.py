"""Settings as they may lie in a run folder, which is uploaded: what is measured and how, without a secret in it.

What perf.yml takes from the environment (``$NAME``) is kept as that; any other value of `env` and `headers` could be a
secret and becomes ``$NAME`` of its own name, unless it is a path in a folder of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from perf_action.config.groups import Config

_MEASURED = {"service", "needs", "load", "stages", "measure"}
_REFERENCE = re.compile(r"(?:(?:Bearer|Basic|Token|token) )?\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_PATH = re.compile(r"\{(?:work|checkout)\}[\w./-]{0,200}")
_LOGIN = re.compile(r"://[^/@\s]+@")
_VALUES = ("env", "headers")


def shareable(config: Config) -> dict[str, Any]:
    """The settings as plain data that `parse` reads, without defaults, secrets, and what is not about measuring."""
    data = config.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=_MEASURED)
    shown: dict[str, Any] = _without_secrets(data)
    return shown


def variables(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the environment that settings made by `shareable` refer to, sorted."""
    return tuple(sorted(set(_referred(data))))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: {n: _hidden(n, str(v)) for n, v in item.items()}
            if key in _VALUES and isinstance(item, dict)
            else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return _LOGIN.sub("://", value) if isinstance(value, str) else value


def _hidden(name: str, value: str) -> str:
    if _REFERENCE.fullmatch(value) or _PATH.fullmatch(value):
        return value
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
    return f"${plain}" if re.match(r"[A-Z_]", plain) else f"$_{plain}"


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _VALUES and isinstance(item, Mapping):
                for text in item.values():
                    if match := _REFERENCE.fullmatch(str(text)):
                        yield match[1] or match[2]
            else:
                yield from _referred(item)
    elif isinstance(value, list):
        for item in value:
            yield from _referred(item)
