"""Reads perf.yml and its overrides into a `Config`; every error names file, key, reason and, where there is one, the
nearest known key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from perf_action.config.groups import Config
from perf_action.errors import ConfigError, did_you_mean

MAX_BYTES = 1_000_000


def read_config(path: Path, overrides: Mapping[str, str] | None = None) -> Config:
    """`overrides` maps dotted keys of perf.yml (``measure.max-minutes``) to values as YAML text."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(path, "", "larger than 1 MB", "perf.yml holds settings only")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(path, "", "no such file", "write one, or name yours with --config") from None
    except UnicodeDecodeError as error:
        raise ConfigError(path, "", f"not UTF-8 at byte {error.start}") from None
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(path, place, f"not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise ConfigError(path, "", "nested too deeply") from None
    if not isinstance(data, dict):
        raise ConfigError(path, "", "no settings in it", "it needs at least service and load")
    for key, value in (overrides or {}).items():
        _override(data, key, value)
    return parse(data, path)


def parse(data: Mapping[str, Any], source: object) -> Config:
    """Checked settings. ConfigError names the first wrong key."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        typo_first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise _explain(typo_first[0], source) from None
    except RecursionError:
        raise ConfigError(source, "", "nested too deeply") from None


def digest(config: Config) -> str:
    """Twelve hex digits over what is measured and how: the settings that make two measurements comparable.

    Budgets, policy, comment, store and the time allowed do not matter, nor do secrets: values of env and headers
    are left out.
    """
    data = config.model_dump(
        mode="json",
        exclude={
            "budgets",
            "categories",
            "fail_on",
            "accept",
            "comment",
            "check_run",
            "baseline",
            "paths",
            "measure",
        },
    )
    data["service"].pop("env", None)
    data["service"].pop("queries", None)  # who counts changes nothing of what is measured
    data["service"].pop("reuse_build", None)
    for group in data["load"].values():
        group.pop("env", None)
    for group in data["needs"].values():
        group.pop("env", None)
    if not data["needs"]:
        del data["needs"]  # settings without any are what they were before there was such a key
    if data["service"].get("ready"):
        data["service"]["ready"].pop("headers", None)
        if data["service"]["ready"].get("command") is None:
            data["service"]["ready"].pop("command", None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]


def _override(data: dict[str, Any], key: str, value: str) -> None:
    *parents, last = key.split(".")
    for name in parents:
        data = data.setdefault(name, {})
        if not isinstance(data, dict):
            raise ConfigError("override", key, f"{name} is not a group")
    data[last] = yaml.safe_load(value)


def _explain(error: Any, source: object) -> ConfigError:
    place = [str(p) for p in error["loc"] if p not in ("str", "list[str]")]
    key = ".".join(place)
    if error["type"] == "extra_forbidden":
        known = _known_keys(place[:-1])
        remedy = did_you_mean(place[-1], known, f"known here: {', '.join(sorted(known))}")
        return ConfigError(source, key, "unknown key", remedy)
    if error["type"] == "missing":
        return ConfigError(source, key, "missing", "it has no default")
    if error["type"] in ("literal_error", "enum"):
        given = str(error["input"])
        allowed = error["ctx"]["expected"]
        remedy = did_you_mean(given, allowed.replace("'", "").replace(" or ", ", ").split(", "))
        return ConfigError(source, key, f"{given!r} is not one of {allowed}", remedy)
    reason = error["msg"].removeprefix("Value error, ")
    return ConfigError(source, key, reason[:1].lower() + reason[1:])


def _known_keys(place: Iterable[str]) -> list[str]:
    """The keys that may stand in the group at that place."""
    group: Any = Config
    for name in place:
        group = _group_below(group, name)
    if not (isinstance(group, type) and issubclass(group, BaseModel)):
        return []
    return [str(f.alias or n) for n, f in group.model_fields.items()]


def _group_below(group: Any, name: str) -> Any:
    if isinstance(group, type) and issubclass(group, BaseModel):
        field = next((f for n, f in group.model_fields.items() if name in (n, f.alias)), None)
        group = field.annotation if field else None
        if get_origin(group) is not dict:
            models = [a for a in get_args(group) if isinstance(a, type) and issubclass(a, BaseModel)]
            return models[0] if models else group
        return group
    return get_args(group)[-1] if get_origin(group) in (dict, list) else None
