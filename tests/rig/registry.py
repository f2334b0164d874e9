"""The example service as a repository of its own, with settings that measure little, and changes to it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from rig.workflows import workflow

#: as little as can be measured
QUICK = {"launches": "3..3", "slices": 2, "warm-up": 60, "max-minutes": 1, "soak": "0s"}
#: enough to be sure of a service that got several times slower
SURE = QUICK | {"launches": "6..6", "max-minutes": 2.5}
CPU = {"cpu": {"profiler": "py-spy", "launches": 1, "slices": 1, "requests": 300}}
MEMORY = {"memory": {"profiler": "memray", "launches": 1, "requests": 20}}

_ENCODE = "def encode_response(content: Any, status: int = 200) -> Response:\n"
_SLOWLY = _ENCODE + "    for _ in range(40):\n        canonicalise(content)\n"
_IMPORT = "from registry import defects, faults\n"


def files(example: Path, *, inputs: str = "") -> dict[str, str | Path]:
    """The files of the first commit; `inputs` are lines of the action's inputs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=example, capture_output=True, text=True, check=True, timeout=30,
    ).stdout.split("\0")  # fmt: skip
    found: dict[str, str | Path] = {name: example / name for name in listed if name}
    return {
        **found,
        "perf.yml": settings(example, QUICK, {}),
        "README.md": "# Registry\n",
        ".github/workflows/perf.yml": workflow(inputs=inputs),
    }


def settings(example: Path, measure: dict[str, Any], stages: dict[str, Any]) -> str:
    """The example's perf.yml, with less to measure."""
    given: dict[str, Any] = yaml.safe_load((example / "perf.yml").read_text(encoding="utf-8"))
    given |= {"measure": measure, "stages": stages, "paths": ["registry/**", "perf.yml"], "budgets": {}}
    del given["service"]["setup"]  # the Python that runs the tests has what the service needs
    given["load"] = {"baseline": given["load"]["baseline"]}
    return yaml.safe_dump(given)


def slower(example: Path) -> dict[str, str | Path]:
    """A change by which `encode_response` calls a function that it had better not."""
    name = "registry/responses.py"
    text = (example / name).read_text(encoding="utf-8")
    assert _ENCODE in text
    assert _IMPORT in text
    return {
        name: text.replace(_ENCODE, _SLOWLY).replace(
            _IMPORT, f"{_IMPORT}from registry.canonical import canonicalise\n"
        )
    }
