"""The names of widely used libraries and of the standard ones, kept as words in `resources/libraries`."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def words(kind: str) -> frozenset[str]:
    """The words of ``resources/libraries/<kind>.txt``; lines that begin with # are comments."""
    folder = resources.files("perf_action").joinpath("resources", "libraries")
    lines = folder.joinpath(f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
