"""memray for a Python that does not have it: in a folder of ours, so that the service's own environment stays as it is."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

from perf_action.errors import CannotMeasure, one_line
from perf_action.profilers.interpreters import Interpreter
from perf_action.system import System

#: what `import memray` needs to record, each in the version that reads the captures here
_NEEDED = ("memray", "rich", "markdown-it-py", "mdurl", "pygments", "typing-extensions")


def cache_folder(system: System) -> Path:
    """Where what is installed for services is kept."""
    return system.cache


def memray_folder(system: System) -> Path:
    """The parent of one folder for each version of Python; keyed by the version of memray."""
    return cache_folder(system) / f"memray-{version('memray')}"


def is_ready(python: Interpreter, system: System) -> bool:
    """Whether that Python can record what is read here: with its own memray, or with one of ours."""
    return python.memray == version("memray") or (memray_folder(system) / python.tag).is_dir()


def install_memray(python: Interpreter, system: System) -> bool:
    """Install memray for that Python if it is not there; whether there was something to do. Two at once do no harm."""
    if is_ready(python, system):
        return False
    home = memray_folder(system)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{python.tag}.", dir=home) as temporary:
            fresh = Path(temporary) / python.tag
            _install(python, fresh, system)
            fresh.rename(home / python.tag)
    except OSError as error:
        # somebody else may have been faster
        if not (home / python.tag).is_dir():
            reason = f"{home} could not be written: {error.strerror}"
            raise CannotMeasure(f"{reason}; set XDG_CACHE_HOME") from None
    return True


def _install(python: Interpreter, folder: Path, system: System) -> None:
    pins = [f"{name}=={version(name)}" for name in _NEEDED]
    env = {k: v for k, v in system.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "PIP_USER")}
    pip = [python.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet"]
    done = system.run(
        [*pip, "--no-deps", "--only-binary=memray", "--target", str(folder), *pins], env=env, timeout=600
    )
    if done.code != 0 and "No module named pip" in done.stderr and (uv := system.which("uv")):
        options = ["--quiet", "--no-deps", "--only-binary", "memray", "--python", python.executable]
        done = system.run(
            [uv, "pip", "install", *options, "--target", str(folder), *pins], env=env, timeout=600
        )
    if done.code != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no output"]
        raise CannotMeasure(
            f"memray {version('memray')} could not be installed for Python {python.version} ({python.executable}): "
            f"{one_line(said[-1], 300)}; install it there with `{python.executable} -m pip install memray=={version('memray')}`"
        )
