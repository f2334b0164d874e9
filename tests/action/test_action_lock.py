"""The lock of the action is that of the package: nothing missing, nothing too old, everything with its hash."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def locked(file: Path) -> list[Requirement]:
    """The requirements of a lock, without their hashes."""
    entries = re.split(r"\n(?=\S)", file.read_text(encoding="utf-8").strip())
    assert [e for e in entries if "--hash=sha256:" not in e] == []
    return [Requirement(e.split(" \\\n")[0]) for e in entries]


def test_every_dependency_of_the_package_is_locked_at_a_version_it_takes(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    here = [
        r for r in locked(repository / "action/requirements.txt") if r.marker is None or r.marker.evaluate()
    ]
    versions = {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in here}
    for text in project["dependencies"]:
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate():
            assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)]), text


def test_uv_alone_is_locked_for_where_there_is_none(repository: Path) -> None:
    assert [r.name for r in locked(repository / "action/uv.txt")] == ["uv"]
