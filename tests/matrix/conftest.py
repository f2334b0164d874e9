"""A copy of the example services, so that what is built lies in no checkout."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))  # the matrix is a package, which importlib mode does not make reachable


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("matrix") / "examples"
    ignored = shutil.ignore_patterns("__pycache__", "*.db*", "target", "build", "schema-registry")
    shutil.copytree(TESTS.parent / "examples", copy, ignore=ignored)
    return copy
