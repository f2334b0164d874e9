"""A checkout made ready to be measured: set-up and build run once, its own Python where two sides must not share one."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_action.config import Service
from perf_action.errors import CannotMeasure, ConfigError
from perf_action.machine.commands import Places, Secrets, argv_of, expand, inherited
from perf_action.machine.logs import run_logged
from perf_action.machine.worktree import Checkout
from perf_action.system import System

_TIMEOUT = 3600.0
#: what is not known before there is a launch
_OF_A_LAUNCH = re.compile(r"\{(?:port|work|needs\.[^{}]*)\}")
_USES_PIP = re.compile(r"\b(?:pip3?|uv|poetry|pdm|hatch|flit|setup\.py)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A side, ready to be launched. `env` is the whole environment of its commands but `service.env`, whose values
    may differ from launch to launch; `directory` is where they run; `python` what {python} stands for.
    """

    checkout: Checkout
    service: Service
    env: Mapping[str, str]
    directory: Path
    python: str
    notes: tuple[str, ...] = ()


def prepare(
    checkout: Checkout,
    service: Service,
    system: System,
    *,
    log: Path,
    scratch: Path,
    two_sides: bool = False,
    built: bool = False,
) -> Prepared:
    """Run `setup` and `build` in the checkout, with output in `log`.

    `scratch` is an empty folder outside the checkout that lives as long as what is returned: a virtual environment
    goes there. `built`: both are as an earlier run left them, and nothing is run. CannotMeasure with the last line of
    the output if something fails.
    """
    directory = _directory(checkout.path, service.directory)
    env = inherited(system.environ)
    own = wants_virtualenv(service, two_sides=two_sides)
    if own:
        if not built:
            _make_virtualenv(scratch / "venv", env, system)
        env = _within(scratch / "venv", env)
    python = python_of(env)
    places = Places(checkout=checkout.path, python=python)
    values, secrets = _known_values(service.env, places, system)
    for key, command in (("service.setup", service.setup), ("service.build", service.build)):
        if command is not None and not built:
            run_logged(
                argv_of(command, places, key=key),
                what=key,
                cwd=directory,
                env={**env, **values},
                log=log,
                secrets=secrets,
                system=system,
                timeout=_TIMEOUT,
            )
    notes = list(checkout.notes)
    if own:
        notes.append("set up in a Python virtual environment of its own")
    if built:
        notes.append(f"{checkout.commit[:10]} was set up and built by an earlier run")
    return Prepared(
        checkout=checkout,
        service=service,
        env=env,
        directory=directory,
        python=python,
        notes=tuple(notes),
    )


def _directory(checkout: Path, relative: str) -> Path:
    directory = (checkout / relative).resolve()
    if not directory.is_relative_to(checkout.resolve()):
        raise ConfigError("perf.yml", "service.directory", f"{relative!r} is outside the checkout")
    if not directory.is_dir():
        raise CannotMeasure(f"service.directory: there is no folder {relative!r} in the checkout")
    return directory


def _known_values(
    values: Mapping[str, str], places: Places, system: System
) -> tuple[dict[str, str], Secrets]:
    """Those values of `service.env` that make sense before there is a launch."""
    plain = {k: v for k, v in values.items() if not _OF_A_LAUNCH.search(v)}
    expanded, secrets = expand(plain, system.environ, key="service.env")
    return {k: places.fill(v) for k, v in expanded.items()}, secrets


def wants_virtualenv(service: Service, *, two_sides: bool) -> bool:
    """Whether a side gets a virtual environment: two sides that install into one Python would measure the same code."""
    if service.virtualenv == "auto":
        return two_sides and bool(_USES_PIP.search(f"{service.setup or ''} {service.build or ''}"))
    return service.virtualenv == "always"


def python_of(env: Mapping[str, str]) -> str:
    """The Python that is found first with that environment."""
    system = System(env)
    return system.which("python") or system.which("python3") or "python3"


def _make_virtualenv(folder: Path, env: Mapping[str, str], system: System) -> None:
    """It sees what the Python it is made of has installed."""
    made = system.run(
        [python_of(env), "-m", "venv", "--system-site-packages", str(folder)], env=env, timeout=300
    )
    if made.code != 0:
        said = (made.stderr or made.stdout).strip().splitlines() or ["no output"]
        raise CannotMeasure(
            f"a virtual environment could not be made: {said[-1]}; install python3-venv, or set service.virtualenv: never"
        )


def _within(virtualenv: Path, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with a virtual environment first on its PATH."""
    out = {name: value for name, value in env.items() if name != "PYTHONHOME"}
    return out | {"VIRTUAL_ENV": str(virtualenv), "PATH": f"{virtualenv / 'bin'}:{env.get('PATH', '')}"}


def identical(base: Prepared, head: Prepared) -> str | None:
    """Why the two sides run the same program, or None: the same tree, or an artefact of the build equal to the byte."""
    if base.checkout.tree == head.checkout.tree:
        return f"both sides have the same files (tree {head.checkout.tree[:12]})"
    ours, theirs = (artefact(side) for side in (base, head))
    if ours and theirs and filecmp.cmp(ours, theirs, shallow=False):
        return f"{theirs.name} is the same on both sides, byte for byte"
    return None


def artefact(side: Prepared) -> Path | None:
    """The built program that the command starts: a binary inside the checkout."""
    if side.service.build is None:
        return None
    places = Places(checkout=side.checkout.path, python=side.python)
    program = side.directory / argv_of(side.service.command, places, key="service.command")[0]
    inside = program.resolve().is_relative_to(side.checkout.path.resolve())
    return program if inside and program.is_file() and _is_binary(program) else None


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
