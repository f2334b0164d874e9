"""How long the action takes to install itself: on a new runner, and from the cache; each as a workflow in the tests' rig.

python benchmarks/install.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RIG = ROOT / "tests" / "rig"
sys.path.insert(0, str(RIG.parent))

from rig.checkout import export, stand_ins  # noqa: E402
from rig.workflows import workflow  # noqa: E402
from rig.world import World  # noqa: E402

#: a configuration that is refused, so that nothing but the installation takes time
FILES = {
    ".github/workflows/perf.yml": workflow(),
    "perf.yml": "service: {}\nload: {a: {script: locustfile.py}}\n",
}
#: seconds that each may take, and the steps that they consist of
COLD, CACHED = 25, 5
STEPS = ("Cached installation", "Install")


def main() -> int:
    done = subprocess.run([str(RIG / "setup.sh")], capture_output=True, text=True, check=True)
    tools = Path(done.stdout.strip())
    files = [ROOT / "action.yml", *(ROOT / ".github/workflows").glob("*.yml")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "action").mkdir()
        actions = {"org/perf-action@v1": export(ROOT, folder / "action"), **stand_ins(files, tools)}
        python = Path(sys.executable).resolve()
        with World(folder / "world", actions=actions, python=python, files=FILES) as world:
            world.variables["UV_CACHE_DIR"] = str(folder / "uv")
            seconds = [world.run_push().seconds(*STEPS) for _ in range(4)]
    print(f"on a new runner   {seconds[0]:5.1f} s of {COLD}")
    print(f"from the cache    {min(seconds[1:]):5.1f} s of {CACHED} (the best of {len(seconds) - 1})")
    return int(seconds[0] > COLD or min(seconds[1:]) > CACHED)


if __name__ == "__main__":
    sys.exit(main())
