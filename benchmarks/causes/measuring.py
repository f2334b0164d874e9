"""The pull request of a defect: a git repository of two commits, measured by ``perf-action run --base HEAD^``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.causes.catalogue import Defect, Place, Service
from benchmarks.pull_request import PullRequest

#: for each pull request; a clean time needs three launches, and a change of it then 10 %
SETTINGS: dict[str, Any] = {
    "measure.launches": "3..4",
    "measure.slices": 2,
    "baseline.store": "none",
    "fail-on": "never",
}
_CHANGED = "changed.json"


def measure(
    service: Service, defect: Defect | None, stages: tuple[str, ...], folder: Path, minutes: float
) -> None:
    """Leaves the run folder as `folder`/run. CalledProcessError if it could not be measured; see `folder`/log."""
    pull = PullRequest(folder=folder, service=service.name)
    pull.start()
    pull.commit("A schema registry")
    if defect is None:
        comment(service, pull.root)
    else:
        place = switch_on(service, defect, pull.root)
        (folder / _CHANGED).write_text(json.dumps(asdict(place)), encoding="utf-8")
    pull.commit("Better")
    settings = {
        **SETTINGS,
        "measure.max-minutes": minutes,
        **service.settings,
        "measure.soak": defect.soak if defect is not None else 0,
        "stages": {name: service.stages[name] for name in stages},
    }
    pull.measure((key, json.dumps(value)) for key, value in settings.items())


def assess(service: Service, folder: Path) -> dict[str, Any]:
    """The report of a run folder, judged anew."""
    path = PullRequest(folder=folder, service=service.name).assess()
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def changed(folder: Path) -> Place:
    """The line that the pull request of a run folder changed."""
    return Place(**json.loads((folder / _CHANGED).read_text(encoding="utf-8")))


def switch_on(service: Service, defect: Defect, root: Path) -> Place:
    """Make the fault unconditional in the copy of the service at `root`: the one line that is changed."""
    place = service.switched(defect.fault)
    _edit(
        root / place.file,
        place.line,
        lambda old: old.replace(service.switch(defect.fault), service.language.true),
    )
    return place


def comment(service: Service, root: Path) -> None:
    """Put a comment before the first function in a file of the copy."""
    file = root / service.comment
    pattern = re.compile(service.language.definition.replace("NAME", r"\w+"))
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(n for n, text in enumerate(lines) if pattern.search(text))
    lines.insert(first, f"{service.language.comment} what is asked for most\n")
    file.write_text("".join(lines), encoding="utf-8")


def _edit(file: Path, line: int, change: Callable[[str], str]) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[line - 1] = change(lines[line - 1])
    file.write_text("".join(lines), encoding="utf-8")
