"""A folder that is put on the PYTHONPATH of profiled launches, for the ``sitecustomize`` in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent


def python_path(env: Mapping[str, str]) -> str:
    """The PYTHONPATH of `env` with this folder first."""
    return ":".join([str(FOLDER), *filter(None, [env.get("PYTHONPATH")])])
