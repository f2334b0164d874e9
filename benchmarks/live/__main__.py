"""Pull requests of known effect, measured live: what the program says of each, against what it should say.

    python -m benchmarks.live                           every edit once, on the Python and the Rust service
    python -m benchmarks.live --only comment --times 10 ten pull requests that only edit a comment

Each is a git repository of two commits, measured by ``perf-action run --base HEAD^`` and judged by ``assess``. A row is
printed as soon as it is known; what was measured stays in `--out`, and `--again` judges it without measuring.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.live.edits import EDITS, Edit
from benchmarks.pull_request import PullRequest

#: settings other than the example's own perf.yml: what the demo measures with, in the Python that runs this
SHORTER = {"python": Path(__file__).parents[2] / "perf_action" / "resources" / "demo" / "demo.yml"}
#: what each is measured with, besides its minutes
SETTINGS = {"baseline.store": "none", "fail-on": "never"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`right` is whether what had to be said was said; `said` what was, in a few words."""

    right: bool
    said: str


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--service", choices=sorted({e.service for e in EDITS}))
    parser.add_argument("--only", choices=sorted({e.name for e in EDITS}))
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=3, help="for each; default 3, so that all takes less than five"
    )
    parser.add_argument("--out", type=Path, default=Path("live-runs"))
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args(argv)
    chosen = [e for e in EDITS if asked.service in (None, e.service) and asked.only in (None, e.name)]
    right = 0
    print(f"{'service':8}{'edit':10}{'n':>3}  {'right':6}{'minutes':>8}  said", flush=True)
    for n in range(asked.times):
        for edit in chosen:
            pull = PullRequest(folder=asked.out / f"{edit.service}-{edit.name}-{n}", service=edit.service)
            started = time.monotonic()
            if not asked.again:
                measure(edit, pull, asked.minutes)
            minutes = (time.monotonic() - started) / 60
            outcome = judge(edit, pull)
            right += outcome.right
            mark = "yes" if outcome.right else "NO"
            print(f"{edit.service:8}{edit.name:10}{n:3}  {mark:6}{minutes:8.1f}  {outcome.said}", flush=True)
    print(f"{right} of {len(chosen) * asked.times} right", flush=True)
    return 0 if right == len(chosen) * asked.times else 1


def measure(edit: Edit, pull: PullRequest, minutes: float) -> None:
    """Leaves the run folder of the pull request."""
    pull.start()
    if edit.service in SHORTER:
        shutil.copy(SHORTER[edit.service], pull.root / "perf.yml")
    pull.commit("A schema registry")
    edit.apply(pull.repository)
    pull.commit(edit.name)
    pull.measure({**SETTINGS, "measure.max-minutes": str(minutes)}.items())


def judge(edit: Edit, pull: PullRequest) -> Outcome:
    """What `assess` says of what was measured."""
    report = json.loads(pull.assess().read_text(encoding="utf-8"))
    comparison = report["comparison"]
    if comparison is None:
        return Outcome(right=not (edit.slower or edit.leaks), said=report["headline"])
    worse = [f for f in comparison["functions"] if f["verdict"] == "regression"]
    metrics = [m["name"] for m in comparison["metrics"] if m["verdict"] == "regression"]
    leaks = [k["name"] for k in comparison["leaks"] if k["verdict"] == "leaking" and k["new"]]
    said = f"{report['headline']}  [{report['verdict']}]"
    if edit.slower:
        return Outcome(right=bool(worse) and edit.slower in worse[0]["name"], said=said)
    if edit.leaks:
        sites = [f for f in worse if edit.leaks in f["name"] and f["kind"] in ("leaked", "in_use")]
        return Outcome(right=bool(leaks or sites) and any(edit.leaks in f["name"] for f in worse), said=said)
    return Outcome(right=not (worse or metrics or leaks), said=said + _alarms(worse, metrics, leaks))


def _alarms(worse: Sequence[dict[str, Any]], metrics: Sequence[str], leaks: Sequence[str]) -> str:
    alarms = [f"{f['name']} {f['kind']} {f['change']}" for f in worse]
    return f"  ALARMS: {', '.join([*alarms, *metrics, *leaks])}" if alarms or metrics or leaks else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
