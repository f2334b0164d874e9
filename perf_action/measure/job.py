"""From prepared sides to a recorded run: calibrate, measure, and turn the records into a snapshot of each side."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from perf_action.config import Config, digest
from perf_action.config.categories import category_rules
from perf_action.load import tool
from perf_action.machine.doctor import service_checks
from perf_action.machine.doctor.machine import machine_checks
from perf_action.machine.environment import environment
from perf_action.machine.needs import Needed, needed
from perf_action.machine.prepare import Prepared, artefact
from perf_action.machine.sysctl import Kernel
from perf_action.machine.toolchain import lock_files, toolchain
from perf_action.machine.tools_needed import prepared_target, profilers_of
from perf_action.measure.answers import other_answers
from perf_action.measure.campaign import Campaign, Execute, SideFailed, calibrate, carry_out
from perf_action.measure.captured import Read
from perf_action.measure.conditions import conditions
from perf_action.measure.confirm import First, measure_again
from perf_action.measure.execute import execute
from perf_action.measure.launch import Bench
from perf_action.measure.listener import Listener
from perf_action.measure.loads import Loads
from perf_action.measure.reading import Captures
from perf_action.measure.schedule import Schedule, expected_seconds, schedule
from perf_action.measure.sides import Sides
from perf_action.measure.snapshot import snapshot
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side, Stage
from perf_action.profilers import profiler
from perf_action.profilers.auto import resolve
from perf_action.recording import Run
from perf_action.system import System

#: how long the machine is watched for what else runs, before anything is measured
_WATCHED = 0.5


def plan(config: Config, sides: tuple[Side, ...], system: System) -> tuple[tuple[Stage, float], ...]:
    """The stages that would run, and about how many seconds each takes."""
    return expected_seconds(schedule(config, sides, system.cores()))


def tools(config: Config, system: System, read: Read) -> tuple[tuple[str, str], ...]:
    """(name, version) of every profiler and load tool the settings need; ToolMissing for the first that is not there."""
    loads = [config.load[name].tool for name in config.loads_used if config.load[name].tool != "command"]
    profilers = [s.profiler for s in config.stages.values() if s.profiler != "none"]
    found = {str(name): tool(name, read).version(system) for name in loads}
    found.update({str(name): profiler(name).version(system) for name in profilers})
    return tuple(sorted(found.items()))


def measure(
    config: Config, sides: Sides, system: System, listener: Listener, *, folder: Path, read: Read
) -> Run:
    """Measure all sides, or say why not; a base that fails is left out, and head is measured alone.

    Settings of the kernel that are in a profiler's way are changed meanwhile, where that is allowed.
    """
    kernel = Kernel(system=system, say=listener.say)
    target = partial(prepared_target, sides.prepared[Side.HEAD], system)
    chosen, choices = resolve(config, target, system, kernel.expected_events)
    with kernel.relaxed(profilers_of(chosen)) as changes:
        notes = (*choices, *map(str, changes))
        for note in notes:
            listener.say(note)
        needs = {} if sides.identical else chosen.needs
        with needed(needs, sides.prepared, system, logs=folder / "logs", say=listener.say) as around:
            run = _measure(chosen, sides, system, listener, folder=folder, read=read, around=around)
    return replace(run, config_digest=digest(config), notes=(*notes, *run.notes))


def _measure(
    config: Config,
    sides: Sides,
    system: System,
    listener: Listener,
    *,
    folder: Path,
    read: Read,
    around: Needed,
) -> Run:
    built = sides.prepared[Side.HEAD]
    taken_on = environment(
        system, tools=(*tools(config, system, read), *toolchain(built, system)), extra=lock_files(built)
    )
    run = _begun(config, sides, taken_on, created=system.now())
    if sides.identical:
        return run
    target = prepared_target(built, system)
    before = (*service_checks(config, target, system), *machine_checks(system, folder, _WATCHED))
    loads = Loads(config, built.directory, system, read)
    bench = Bench(
        config=config, system=system, run=folder, prepared=sides.prepared, loads=loads, needed=around
    )
    captures = Captures(read, folder, system)
    trials = partial(captures.execute, perform=partial(execute, bench=bench))
    perform = partial(loads.execute, perform=trials)
    order = schedule(config, tuple(sides.prepared), system.cores())
    try:
        order, campaign = _campaign(order, perform, listener)
    except SideFailed as error:
        if error.side is not Side.BASE:
            raise
        listener.say(f"{error}; measuring head alone")
        shutil.rmtree(folder / "trials", ignore_errors=True)
        captures.forget()
        run = replace(run, failed=(*run.failed, (Side.BASE, error.reason)))
        order, campaign = _campaign(schedule(config, (Side.HEAD,), system.cores()), perform, listener)

    def snapshots(campaign: Campaign) -> dict[Side, Snapshot]:
        return {s: _side(s, campaign, bench, taken_on, captures.read) for s in order.sides}

    measured = snapshots(campaign)
    first = First(order=order, campaign=campaign, sides=measured, touched=sides.touched)
    again = measure_again(first, perform, listener, snapshots)
    records = (*campaign.records, *again.records)
    return replace(
        run,
        sides=measured,
        confirmation=again.confirmation,
        stages=(*campaign.stages, *again.stages),
        checks=(*before, *conditions(records, cores=len(system.cores()))),
        notes=(
            *run.notes,
            *loads.notes,
            *(f"not measured for want of time: {line}" for line in campaign.dropped),
        ),
    )


def _begun(config: Config, sides: Sides, taken_on: Environment, *, created: float) -> Run:
    """The run before anything is measured."""
    return Run(
        config_digest=digest(config),
        created=created,
        environment=taken_on,
        sides={},
        failed=sides.failed,
        notes=sides.notes,
        identical=sides.identical,
        touched=sides.touched,
        budgets=config.limits,
        categories=category_rules(config.categories),
        fail_on=tuple(word.value for word in config.fail_on),
    )


def _campaign(order: Schedule, perform: Execute, listener: Listener) -> tuple[Schedule, Campaign]:
    calibrated = calibrate(order, perform, listener)
    return calibrated, carry_out(calibrated, perform, listener)


def _side(side: Side, campaign: Campaign, bench: Bench, taken_on: Environment, read: Read) -> Snapshot:
    checkout = bench.prepared[side].checkout
    worst = max(s.max_error_rate for s in bench.config.load.values())
    measured = snapshot(
        campaign.records,
        side,
        folder=bench.run,
        checkout=checkout.path,
        read=read,
        label=checkout.commit[:10] + ("+changes" if checkout.changed else "") or side.value,
        commit=checkout.commit,
        environment=taken_on,
        max_error_rate=worst,
    )
    otherwise = other_answers(campaign.records, worst) if side is Side.BASE else ""
    # said of base: what is kept of head, and its budgets, are as good as ever
    return replace(
        measured,
        metrics=(*measured.metrics, *_size(bench.prepared[side])),
        not_comparable=otherwise or measured.not_comparable,
    )


def _size(built: Prepared) -> tuple[Metric, ...]:
    program = artefact(built)
    if program is None:
        return ()
    size = program.stat().st_size
    return (Metric(name="artefact.size", unit="bytes", better="lower", samples=(size,), exact=True),)
