"""What a launch left behind: the captures to read, and the reports that the tool's own printer makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from perf_action.errors import CannotMeasure, PerfActionError, one_line
from perf_action.measure.launch import Launch
from perf_action.model.trial import CaptureFile, Trial
from perf_action.profilers import profiler
from perf_action.profilers.plan import Report
from perf_action.system import System, write_text

_REPORT_TIMEOUT = 120.0


def captures(one: Launch, trial: Trial, folder: Path) -> tuple[CaptureFile, ...]:
    """The files that the profiler wrote, each with its slice. CannotMeasure if it wrote none."""
    files = sorted({f for pattern in one.plan.artifacts for f in one.out.glob(pattern) if f.is_file()})
    written = _newest(one.plan.supersedes, [f for f in files if f.stat().st_size > 0])
    if one.plan.artifacts and not written:
        raise CannotMeasure(profiler(trial.stage.profiler).silence(one.out))
    if one.plan.attach or one.plan.text_artifacts:
        for file in written:
            one.service.scrub(file)
    slices = {name: s for s in one.slices for name in _written_in(one, s.index)}
    read = tuple(
        CaptureFile(
            side=one.side,
            launch=trial.pair,
            path=str(f.relative_to(folder)),
            tool=trial.stage.profiler,
            slice=slices[f.name].index if f.name in slices else None,
            requests=slices[f.name].requests if f.name in slices else one.requests,
        )
        for f in written
    )
    return (*read, *_timeline(one, trial, folder))


def _timeline(one: Launch, trial: Trial, folder: Path) -> Iterator[CaptureFile]:
    """The recording of when what ran, if there is one."""
    file = one.out / one.plan.timeline_artifact
    if one.plan.timeline_artifact and file.is_file() and file.stat().st_size:
        one.service.scrub(file)
        yield CaptureFile(
            side=one.side,
            launch=trial.pair,
            path=str(file.relative_to(folder)),
            tool=trial.stage.profiler,
            requests=one.timeline_requests,
            timeline=True,
        )


def _newest(supersedes: str, files: list[Path]) -> list[Path]:
    """The files without those that a newer one replaces, which are removed."""
    last: dict[str, tuple[int, Path]] = {}
    for file in files:
        match = re.fullmatch(supersedes, file.name) if supersedes else None
        group, number = (match[1], int(match[2])) if match else (str(file), 0)
        before = last.get(group)
        if before is None or number > before[0]:
            last[group] = (number, file)
    kept = {file for _, file in last.values()}
    for file in files:
        if file not in kept:
            file.unlink()
    return [file for file in files if file in kept]


def reports(one: Launch, system: System) -> None:
    """Make the plan's reports; what fails becomes a note of the launch."""
    for report in one.plan.reports:
        for file in sorted(one.out.glob(report.pattern)):
            one.notes.extend(_make(report, file, system))


def _make(report: Report, file: Path, system: System) -> Iterator[str]:
    argv = [word.replace("{file}", str(file)) for word in report.argv]
    try:
        done = system.run(argv, timeout=_REPORT_TIMEOUT)
    except PerfActionError as error:
        yield f"no {report.suffix} of {file.name}: {error}"
        return
    if done.code or not done.stdout.strip():
        said = (done.stderr.strip() or "it printed nothing").splitlines()[-1]
        yield f"no {report.suffix} of {file.name}: {argv[0]} ended with {done.code}: {one_line(said, 200)}"
        return
    write_text(file.with_name(file.name + report.suffix), done.stdout)


def _written_in(one: Launch, index: int) -> Iterator[str]:
    """The names of the files that the recorder of a slice writes."""
    for word in one.plan.attach or ():
        if "{slice}" in word:
            yield Path(word).name.replace("{slice}", str(index))
