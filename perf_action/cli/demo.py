"""The demo: a git repository with two commits of the example service, measured as a pull request would be."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import click

from perf_action.cli.progress import listener
from perf_action.git import Git
from perf_action.pipeline import assessing, running
from perf_action.pipeline.settings import read_settings
from perf_action.system import System

_SERVICE, _PATCH, _SETTINGS = "schema-registry-python", "slower-and-leaking.patch", "demo.yml"


def run_demo(out: Path, system: System) -> None:
    """Measure the two commits into `out`, and print the comment. The service runs in the Python that runs this."""
    own = Path(sys.executable).parent
    system = System({**system.environ, "PATH": f"{own}:{system.environ.get('PATH', os.defpath)}"})
    with tempfile.TemporaryDirectory(prefix="perf-action-demo-") as name:
        repository = Path(name) / "schema-registry"
        with as_file(files("perf_action.resources") / "demo") as material:
            _two_commits(repository, material, system)
        click.echo(
            "A schema registry in Python, and a pull request to it with one commit: base and head are started side by\n"
            "side, loaded with the same requests, and profiled with py-spy and memray. About three minutes.\n",
            err=True,
        )
        settings = read_settings(repository / "perf.yml", {}, system)
        running.run(settings, system, listener(system.environ), out=out, base="HEAD^")
    assessing.assess(out, system)
    click.echo((out / "comment.md").read_text(encoding="utf-8"))
    click.echo(
        f"This is the comment that the pull request would get. The report with flame graphs: {out / 'report.html'}",
        err=True,
    )


def _two_commits(repository: Path, material: Path, system: System) -> None:
    shutil.copytree(
        material / _SERVICE, repository, ignore=shutil.ignore_patterns("__pycache__", "*.db*", "perf.yml")
    )
    shutil.copy(material / _SETTINGS, repository / "perf.yml")
    git = Git(system, repository)
    git.out("init", "--quiet", "--initial-branch=main")
    _commit(git, "A schema registry")
    git.out("apply", str((material / _PATCH).resolve()))
    _commit(git, "Keep what clients asked for")


def _commit(git: Git, message: str) -> None:
    git.out("add", "--all")
    git.out("commit", "--quiet", "--no-verify", "--message", message)
