"""Defects of known cause in the example services, measured live: is each found, with its category, function, changed line
and advice? And what is said of the same services when a pull request changes a comment only?

    python -m benchmarks.causes                                 all of them, about a minute and a half each
    python -m benchmarks.causes --service python --only regex   one of them
    python -m benchmarks.causes --rescore                       judge what was measured before once more

What was measured stays in `--out`; a defect that is there already is not measured again, unless `--again` says so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.causes import table
from benchmarks.causes.catalogue import Defect, Service, services
from benchmarks.causes.measuring import assess, changed, measure
from benchmarks.causes.scoring import alarms, score

CLEAN = "clean"
#: the share of defects that have to be right
_WANTED = 0.9
DOCUMENT = Path(__file__).parents[2] / "docs" / "causes.md"
#: where the introduction of the document ends
MARK = "<!-- what follows is printed by `python -m benchmarks.causes --write` -->\n"


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = services()
    faults = {d.fault for s in known for d in s.defects}
    parser.add_argument("--service", choices=[s.name for s in known])
    parser.add_argument("--only", choices=sorted({*faults, CLEAN}), action="append")
    parser.add_argument("--out", type=Path, default=Path("causes-runs"))
    parser.add_argument("--minutes", type=float, default=1.5, help="for each; default %(default)s")
    parser.add_argument("--rescore", action="store_true", help="measure nothing")
    parser.add_argument("--again", action="store_true", help="measure what was measured already, too")
    parser.add_argument("--write", action="store_true", help="write docs/causes.md")
    asked = parser.parse_args(argv)
    bench = Bench(asked.out, minutes=asked.minutes, rescore=asked.rescore, again=asked.again)
    chosen = [s for s in known if asked.service in (None, s.name)]
    print(table.heading(), flush=True)
    rows, clean = [], []
    for service in chosen:
        for defect in service.defects:
            if asked.only is None or defect.fault in asked.only:
                rows.append(bench.defect(service, defect))
                print(table.line(rows[-1]), flush=True)
    for service in chosen:
        if asked.only is None or CLEAN in asked.only:
            clean.append(bench.clean(service))
            print(table.clean_line(clean[-1]), flush=True)
    print(table.summary(rows, clean), flush=True)
    if asked.write:
        head, mark, _ = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
        DOCUMENT.write_text(f"{head}{mark}\n{table.markdown(rows, clean)}", encoding="utf-8")
    right = sum(r.score is not None and r.score.right for r in rows)
    quiet = all(c.alarms is not None and not c.alarms.false for c in clean)
    return 0 if quiet and right >= _WANTED * len(rows) else 1


class Bench:
    """The folder in which runs are kept."""

    def __init__(self, out: Path, *, minutes: float, rescore: bool, again: bool) -> None:
        self.out, self.minutes, self.rescore, self.again = out, minutes, rescore, again

    def defect(self, service: Service, defect: Defect) -> table.Row:
        folder = self.out / f"{service.name}-{defect.fault}"
        why = self._measured(service, defect, defect.stage, folder)
        place = service.defined(defect.function)
        found = None if why else score(assess(service, folder), defect, changed(folder))
        return table.Row(service=service.name, defect=defect, place=place, score=found, why=why)

    def clean(self, service: Service) -> table.Clean:
        """Under every stage that a defect of the service is looked for with and that there was time for."""
        stages = tuple(service.stages)
        folder = self.out / f"{service.name}-{CLEAN}"
        why = self._measured(service, None, stages, folder)
        if why:
            return table.Clean(service=service.name, stages=(), alarms=None, why=why)
        report = assess(service, folder)
        done = tuple(s["name"] for s in report["stages"] if s["name"] in stages and s["state"] == "done")
        return table.Clean(service=service.name, stages=done, alarms=alarms(report), why="")

    def _measured(
        self, service: Service, defect: Defect | None, stages: tuple[str, ...], folder: Path
    ) -> str:
        """Why there is no run in the folder, or empty."""
        done = (folder / "run" / "run.json").exists()
        if self.rescore or (done and not self.again):
            return "" if done else "was not measured"
        try:
            measure(service, defect, stages, folder, self.minutes)
        except subprocess.CalledProcessError as error:
            return f"could not be measured: exit code {error.returncode}, see {folder / 'log'}"
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
