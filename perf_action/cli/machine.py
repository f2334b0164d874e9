"""`doctor` and `setup`: what works on this machine, and what is missing brought in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from perf_action.config import Config, read_config
from perf_action.errors import CannotMeasure, ToolMissing, UsageError
from perf_action.load import tool
from perf_action.machine.doctor import K6_REMEDY, Check, Patient, examine, service_pythons, worst
from perf_action.pipeline.running import reader
from perf_action.profilers import profiler
from perf_action.profilers.packages import install_memray, memray_folder
from perf_action.system import System

_LOADS = ("locust", "k6")
_TOOLS = ("py-spy", "memray", *_LOADS)
_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings; perf.yml if there is one.",
)
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@_CONFIG
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def doctor(config: Path | None, form: str) -> int:
    """Say what works here: tools and their versions, rights, cores, noisy neighbours, each failure with its remedy.

    The exit code is 3 if something that perf.yml needs does not work.
    """
    patient = _patient(config)
    checks: list[Check] = []
    for check in examine(patient):
        checks.append(check)
        if form == "table":
            _print(check)
    state = worst(tuple(checks))
    if form == "json":
        click.echo(json.dumps({"state": state, "checks": [asdict(c) for c in checks]}, indent=1))
    return CannotMeasure.exit_code if state == "fail" else 0


@click.command()
@click.argument("tools", nargs=-1, metavar="[TOOL]...")
@_CONFIG
def setup(tools: tuple[str, ...], config: Path | None) -> None:
    """Bring in what perf.yml needs, or the named tools: py-spy, memray, locust, k6.

    memray goes into a cache folder, for the Python of the service, in the version that reads its captures here.
    """
    for name in tools:
        if name not in _TOOLS:
            raise UsageError(f"there is no tool {name!r}; there is {', '.join(_TOOLS)}")
    patient = _patient(config)
    if not tools and patient.config is None:
        raise UsageError("there is no perf.yml here; name the tools, or your settings with --config")
    for name in tools or [name for name in _TOOLS if patient.needs(name)]:
        _set_up(name, patient)


def _set_up(name: str, patient: Patient) -> None:
    if name == "memray":
        for python in service_pythons(patient):
            done = "installed" if install_memray(python, patient.system) else "is there already"
            where = python.executable if python.memray else memray_folder(patient.system) / python.tag
            click.echo(f"memray for Python {python.version}: {done} ({where})")
        return
    version = patient.loads[name] if name in _LOADS else profiler(name).version
    try:
        number = version(patient.system)
    except ToolMissing:
        if name != "k6":
            raise
        raise ToolMissing(name, K6_REMEDY) from None
    click.echo(f"{name} {number}: is there already")


def _patient(path: Path | None) -> Patient:
    system = System()
    chosen = path or Path("perf.yml")
    config: Config | None = read_config(chosen) if path or chosen.is_file() else None
    read = reader(system)
    return Patient(
        system=system,
        config=config,
        folder=chosen.resolve().parent,
        loads={name: tool(name, read).version for name in _LOADS},
    )


def _print(check: Check) -> None:
    click.echo(f"{click.style(f'{check.state:<5}', fg=_COLOURS[check.state])} {check.name:<20} {check.value}")
    if check.remedy:
        click.echo(f"{'':<26} → {check.remedy}")
