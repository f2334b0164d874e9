"""The example service as a repository of its own, with settings that measure little, and changes to it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from rig.workflows import workflow

#: enough to see a function that got many times slower, in half a minute
MEASURE = {"launches": "3..3", "slices": 2, "warm-up": 60, "max-minutes": 0.7, "soak": "0s"}
STAGES = {"cpu": {"profiler": "py-spy", "launches": 1}, "memory": {"profiler": "memray", "launches": 1}}

_ENCODE = "def encode_response(content: Any, status: int = 200) -> Response:\n"
#: encodes every answer some ten times over
_SLOWLY = _ENCODE + "    for _ in range(200):\n        json.dumps(content, separators=(',', ':'))\n"


def files(example: Path, *, fail_on: str = "") -> dict[str, str | Path]:
    """The files of the first commit; `fail_on` is the action's input."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=example, capture_output=True, text=True, check=True, timeout=30,
    ).stdout.split("\0")  # fmt: skip
    found: dict[str, str | Path] = {name: example / name for name in listed if name}
    settings: dict[str, Any] = yaml.safe_load((example / "perf.yml").read_text(encoding="utf-8"))
    settings |= {"measure": MEASURE, "stages": STAGES, "paths": ["registry/**", "perf.yml"], "budgets": {}}
    settings["load"] = {"baseline": settings["load"]["baseline"]}
    return {
        **found,
        "perf.yml": yaml.safe_dump(settings),
        "README.md": "# Registry\n",
        ".github/workflows/perf.yml": workflow(inputs=f"fail-on: {fail_on}" if fail_on else ""),
    }


def slower(example: Path) -> dict[str, str | Path]:
    """A change that makes `encode_response` many times slower."""
    name = "registry/responses.py"
    text = (example / name).read_text(encoding="utf-8")
    assert _ENCODE in text
    return {name: text.replace(_ENCODE, _SLOWLY)}
