"""The rig's fixtures. `setup.sh` prepares what npm has to give; it is quick when that is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))  # the rig is a package, which importlib mode does not make reachable

from rig.checkout import export, stand_ins  # noqa: E402
from rig.world import World, Worlds  # noqa: E402


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the stand-ins and of node_modules."""
    done = subprocess.run([str(HERE / "setup.sh")], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def actions(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The action of this checkout as org/perf-action@v1, and a stand-in for each action that is pinned anywhere."""
    files = [ROOT / "action.yml", *(ROOT / ".github/workflows").glob("*.yml")]
    ours = export(ROOT, tmp_path_factory.mktemp("action"))
    return {"org/perf-action@v1": ours, **stand_ins(files, tools)}


@pytest.fixture
def make_world(actions: dict[str, Path], tmp_path: Path) -> Iterator[Worlds]:
    """Makes a world whose main holds the files given."""
    with ExitStack() as stack:

        def make(files: Mapping[str, str | Path]) -> World:
            world = World(tmp_path, actions=actions, python=Path(sys.executable).resolve(), files=files)
            return stack.enter_context(world)

        yield make
