"""The action as a workflow gets it: its files without what the working tree has besides, and stand-ins for GitHub's."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_USES = re.compile(r"uses:\s*(actions/[\w-]+)(?:/[\w-]+)*@(\S+)")


def export(repository: Path, target: Path) -> Path:
    """Copies what git knows, or would add, of the checkout: nothing that is ignored, such as a virtual environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    for name in listed.decode().split("\0"):
        source = repository / name
        if name and (source.is_symlink() or source.is_file()):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name, follow_symlinks=False)
    return target


def pins(files: Iterable[Path]) -> set[str]:
    """``actions/NAME@REF`` of every action of GitHub's own that the files use."""
    return {
        f"{name}@{ref}" for file in files for name, ref in _USES.findall(file.read_text(encoding="utf-8"))
    }


def stand_ins(files: Iterable[Path], tools: Path) -> dict[str, Path]:
    """Each pinned action -> the folder of the rig that takes its place."""
    return {pin: tools / "actions" / pin.split("/")[1].split("@")[0] for pin in pins(files)}
