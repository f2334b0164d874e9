"""What all tests share: a golden-file option and a System with a clean environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perf_action.system import System


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew instead of comparing"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def system() -> System:
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE")
    return System({k: os.environ[k] for k in keep if k in os.environ})


@pytest.fixture
def repository() -> Path:
    """The root of the project's checkout."""
    return Path(__file__).resolve().parent.parent
