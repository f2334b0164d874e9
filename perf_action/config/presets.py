"""Presets of budgets, kept as data in `resources/budgets`, one YAML file each: rule and limit, as in perf.yml."""

from __future__ import annotations

import difflib
import functools
from importlib import resources
from typing import Any

import yaml

_FOLDER = resources.files("perf_action") / "resources" / "budgets"


@functools.cache
def names() -> tuple[str, ...]:
    """The presets there are."""
    return tuple(sorted(f.name[:-4] for f in _FOLDER.iterdir() if f.name.endswith(".yml")))


def preset(name: str) -> dict[str, Any]:
    """The budgets of a preset, as written. ValueError names the nearest one."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(names())}"
        raise ValueError(f"there is no preset {name!r}; {hint}")
    found: dict[str, Any] = yaml.safe_load((_FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return found
