"""A folder that is ready to measure a regression again.

``reproduce/`` in the run folder holds the settings cut down to the stages that something got worse in, a script with the
two commits, and what to expect. Nothing of it is a secret: see `config/shareable.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from perf_action.config import Config, parse
from perf_action.config.only import only
from perf_action.config.shareable import shareable, variables
from perf_action.errors import PerfActionError
from perf_action.model.change import Comparison, Verdict
from perf_action.model.report import Report
from perf_action.render import numbers, sentence
from perf_action.render.accused import suspects_of, why
from perf_action.render.again import commits, stages_to_repeat
from perf_action.render.clauses import function_clause, is_new_leak, leak_clause, metric_clause

FOLDER: Final = "reproduce"
_SETTINGS: Final = "perf-reproduce.yml"
_MOST_ROWS: Final = 20


def reproducer(report: Report, settings: Mapping[str, Any] | None) -> dict[str, str]:
    """Path in the run folder -> text. Nothing where nothing got worse, a commit is not known, or the settings are not."""
    stages = stages_to_repeat(report)
    head, base = commits(report)
    if not (stages and head and base and settings):
        return {}
    try:
        config = _cut(parse(settings, "settings of the run"), report, stages)
    except PerfActionError:
        return {}  # of a run that another version measured: the report says how to do it by hand
    if config.service.existing:
        return {}
    data = shareable(config)
    return {
        f"{FOLDER}/perf.yml": yaml.safe_dump(data, sort_keys=False, allow_unicode=True),
        f"{FOLDER}/run.sh": _script(stages, variables(data), head=head, base=base),
        f"{FOLDER}/README.md": _readme(report, stages, variables(data), head=head, base=base),
    }


def _cut(config: Config, report: Report, stages: tuple[str, ...]) -> Config:
    """Only these stages and the loads they use, with the profilers that were chosen."""
    chosen = {s.name: s.profiler for s in report.stages}
    cut = only(config, stages)
    picked = {
        name: stage.model_copy(update={"profiler": chosen.get(name) or stage.profiler})
        for name, stage in cut.stages.items()
    }
    first = next(iter(cut.load))
    used = {cut.load_of(stage) for stage in picked.values()}
    if cut.measure.clean or cut.measure.soak:
        used.add(first)
    loads = {name: load for name, load in cut.load.items() if name in used}
    # a stage without a load of its own takes the first one, which may not be the first any more
    picked = {
        name: stage.model_copy(update={"load": cut.load_of(stage)}) if len(loads) > 1 else stage
        for name, stage in picked.items()
    }
    return cut.model_copy(update={"load": loads, "stages": picked})


def _script(stages: tuple[str, ...], names: tuple[str, ...], *, head: str, base: str) -> str:
    """Everything in it was checked: commits are hex digits, stages and variables plain names."""
    chosen = " ".join(f"--only {stage}" for stage in stages)
    needed = (
        f"""for name in {" ".join(names)}; do
  [[ -n "${{!name-}}" ]] || {{ echo "set $name first, as the run had it" >&2; exit 2; }}
done
"""
        if names
        else ""
    )
    return f"""#!/usr/bin/env bash
# Measures two commits again, side by side, and compares them: bash run.sh [REPOSITORY]
# REPOSITORY is a clone; without it, the one that you are in. Nothing in it is changed.
set -euo pipefail

base={base}
head={head}
here="$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)"
repository="$(git -C "${{1:-.}}" rev-parse --show-toplevel)"
{needed}
for commit in "$head" "$base"; do
  git -C "$repository" cat-file -e "$commit^{{commit}}" 2>/dev/null ||
    git -C "$repository" fetch --quiet --depth=1 origin "$commit"
done
work="$(mktemp -d)"
trap 'git -C "$repository" worktree remove --force "$work/head" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
git -C "$repository" worktree add --quiet --detach "$work/head" "$head"
cp "$here/perf.yml" "$work/head/{_SETTINGS}"
cd "$work/head"
perf-action run --config {_SETTINGS} {chosen} --base "$base" --out "$here/perf-run"
perf-action assess "$here/perf-run"
"""


def _readme(report: Report, stages: tuple[str, ...], names: tuple[str, ...], *, head: str, base: str) -> str:
    seconds = sum(s.seconds for s in report.stages if s.name in stages)
    changed = report.head.label.endswith("+changes")
    listed = " and ".join(f"`{s}`" for s in stages)
    lines = [
        "# What got worse, to be measured again",
        "",
        f"`bash run.sh PATH-TO-A-CLONE` measures {listed} of `{base[:10]}` (base) and `{head[:10]}` (head), which takes",
        f"about {numbers.minutes(seconds)} besides set-up and build, and compares them. `perf.yml` holds the settings.",
    ]
    if changed:
        lines.append("Head had uncommitted changes, which are not in its commit.")
    if names:
        wanted = ", ".join(f"`{n}`" for n in names)
        lines += ["", f"Set before: {wanted}. Values of the environment are not kept."]
    lines += ["", "## What to expect", "", *_expected(report)]
    return "\n".join(lines) + "\n"


def _expected(report: Report) -> list[str]:
    comparison = report.comparison or Comparison()
    out = []
    for row in [f for f in comparison.functions if f.verdict is Verdict.REGRESSION][:_MOST_ROWS]:
        out.append(f"- {sentence.markdown(function_clause(row))}")
        out += [f"  - {sentence.markdown(why(s))}" for s in suspects_of(row, report.suspects)]
    for metric in [m for m in comparison.metrics if m.verdict is Verdict.REGRESSION][:_MOST_ROWS]:
        out.append(f"- {sentence.markdown(metric_clause(metric))}")
    out += [f"- {sentence.markdown(leak_clause(k))}" for k in comparison.leaks if is_new_leak(k)][:_MOST_ROWS]
    return out
