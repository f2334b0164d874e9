"""Presets of budgets, kept as data in `resources/budgets`, one YAML file each: rule and limit, as in perf.yml."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml

from perf_action.errors import did_you_mean

_FOLDER = resources.files("perf_action") / "resources" / "budgets"


@functools.cache
def names() -> tuple[str, ...]:
    """The presets there are."""
    return tuple(sorted(f.name[:-4] for f in _FOLDER.iterdir() if f.name.endswith(".yml")))


def preset(name: str) -> dict[str, Any]:
    """The budgets of a preset, as written. ValueError names the nearest one."""
    if name not in names():
        hint = did_you_mean(name, names(), f"there is {', '.join(names())}")
        raise ValueError(f"there is no preset {name!r}; {hint}")
    found: dict[str, Any] = yaml.safe_load((_FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return found
