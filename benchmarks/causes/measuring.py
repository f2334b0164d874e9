"""The pull request of a defect: a git repository of two commits, measured by ``perf-action run --base HEAD^``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.causes.catalogue import EXAMPLES, Defect, Place, Service

API_KEY = "the-key-of-the-benchmark"
#: for each pull request; a clean time needs three launches, and a change of it then 10 %
SETTINGS: dict[str, Any] = {
    "measure.launches": "3..4",
    "measure.slices": 2,
    "baseline.store": "none",
    "fail-on": "never",
}
_CHANGED = "changed.json"
_NOT_SOURCE = shutil.ignore_patterns("target", "build", "__pycache__", "*.db*", ".git", "schema-registry")


def measure(
    service: Service, defect: Defect | None, stages: tuple[str, ...], folder: Path, minutes: float
) -> None:
    """Leaves the run folder as `folder`/run. CalledProcessError if it could not be measured; see `folder`/log."""
    shutil.rmtree(folder, ignore_errors=True)
    repository = folder / "repository"
    for name in {service.name, "python"}:
        copied = f"schema-registry-{name}"
        shutil.copytree(EXAMPLES / copied, repository / copied, ignore=_NOT_SOURCE)
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _commit(repository, "A schema registry")
    inside = repository / service.folder.name
    if defect is None:
        comment(service, inside)
    else:
        place = switch_on(service, defect, inside)
        (folder / _CHANGED).write_text(json.dumps(asdict(place)), encoding="utf-8")
    _commit(repository, "Better")
    settings = {
        **SETTINGS,
        "measure.max-minutes": minutes,
        **service.settings,
        "measure.soak": defect.soak if defect is not None else 0,
        "stages": {name: service.stages[name] for name in stages},
    }
    words = [w for key, value in settings.items() for w in ("--set", f"{key}={json.dumps(value)}")]
    _perf_action(
        "run",
        "--base",
        "HEAD^",
        *words,
        "--out",
        str((folder / "run").resolve()),
        cwd=inside,
        log=folder / "log",
    )


def assess(folder: Path) -> dict[str, Any]:
    """The report of a run folder, judged anew."""
    _perf_action("assess", "--quiet", str((folder / "run").resolve()), cwd=folder, log=folder / "log")
    report: dict[str, Any] = json.loads((folder / "run" / "report.json").read_text(encoding="utf-8"))
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


def _commit(repository: Path, message: str) -> None:
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--no-verify", "--message", message)


def _git(repository: Path, *words: str) -> None:
    who = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")
    subprocess.run(["git", *who, *words], cwd=repository, check=True, stdout=subprocess.DEVNULL)


def _perf_action(*words: str, cwd: Path, log: Path) -> None:
    """Its output goes into `log`; CalledProcessError where it could not do it."""
    own = Path(sys.executable).parent
    environ = {**os.environ, "API_KEY": API_KEY, "PATH": f"{own}:{os.environ.get('PATH', os.defpath)}"}
    with log.open("a", encoding="utf-8") as file:
        subprocess.run(
            [sys.executable, "-m", "perf_action", *words],
            cwd=cwd, env=environ, check=True, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
