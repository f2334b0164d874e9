"""A pull request to an example service, as the live benchmarks make it: a git repository of two commits, measured by
``perf-action run --base HEAD^``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
API_KEY = "the-key-of-the-benchmark"
_NOT_SOURCE = shutil.ignore_patterns("target", "build", "__pycache__", "*.db*", ".git", "schema-registry")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """All of it lies in `folder`: repository, run and log."""

    folder: Path
    service: str

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def root(self) -> Path:
        """The service in the repository."""
        return self.repository / f"schema-registry-{self.service}"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def start(self) -> None:
        """A new repository with one commit. The load and the schemas are those of the Python service."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in {self.service, "python"}:
            copied = f"schema-registry-{name}"
            shutil.copytree(EXAMPLES / copied, self.repository / copied, ignore=_NOT_SOURCE)
        self._git("init", "--quiet", "--initial-branch=main")

    def commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--no-verify", "--message", message)

    def measure(self, settings: Iterable[tuple[str, str]]) -> None:
        """Leaves the run folder. CalledProcessError if it could not be measured; the log says why."""
        sets = [word for key, value in settings for word in ("--set", f"{key}={value}")]
        self._perf_action("run", "--base", "HEAD^", *sets, "--out", str(self.run.resolve()), cwd=self.root)

    def assess(self) -> Path:
        """Judge the run anew, and say where its report is."""
        self._perf_action("assess", "--quiet", str(self.run.resolve()), cwd=self.folder)
        return self.run / "report.json"

    def _git(self, *words: str) -> None:
        who = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")
        subprocess.run(["git", *who, *words], cwd=self.repository, check=True, stdout=subprocess.DEVNULL)

    def _perf_action(self, *words: str, cwd: Path) -> None:
        own = Path(sys.executable).parent
        environ = {**os.environ, "API_KEY": API_KEY, "PATH": f"{own}:{os.environ.get('PATH', os.defpath)}"}
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            subprocess.run(
                [sys.executable, "-m", "perf_action", *words],
                cwd=cwd, env=environ, check=True, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
