"""What a report says, held against what has to be said: of a defect, and of a pull request that changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from benchmarks.causes.catalogue import Defect, Place
from perf_action.model.profile import RUST_HASH

Report = Mapping[str, Any]
_OTHER = "other"
_LEAKED = ("leaked", "in_use")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Each is True or False, or None where the catalogue asks for nothing. `said` is what was said, in a few words."""

    found: bool
    category: bool | None
    function: bool
    line: bool
    advice: bool | None
    check: bool | None
    said: str

    @property
    def right(self) -> bool:
        return False not in (self.found, self.category, self.function, self.line, self.advice, self.check)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """False findings in identical code, and what a clean service may well be told: the limits it does not keep."""

    false: tuple[str, ...]
    limits: tuple[str, ...]
    advice: tuple[str, ...]


def score(report: Report, defect: Defect, changed: Place) -> Score:
    """`changed` is the line that the pull request changed."""
    regressions = _regressions(report)
    failed = _failed(report)
    rises = _rises(report, defect.kind)
    given = [a["rule"] for a in report["advice"]]
    checked = defect.check in failed if defect.check else None
    return Score(
        found=bool(checked) if defect.waits else bool(regressions) or bool(_new_leaks(report)),
        category=bool(rises) and rises[0][0] in defect.category if defect.category else None,
        function=_is_named(report, defect),
        line=any(_covers(s, changed) for s in report["suspects"]),
        advice=any(rule in defect.advice for rule in given) if defect.advice else None,
        check=checked,
        said="; ".join(
            filter(
                None,
                (
                    _listed([f"{f['name']} ({f['kind']})" for f in regressions]),
                    _listed([f"{name} {rise:+.0%}" for name, rise in rises[:1]]),
                    _listed([f"{s['changed']} {s['file']}:{_lines(s)}" for s in report["suspects"]]),
                    _listed(given),
                    _listed(failed),
                ),
            )
        ),
    )


def alarms(report: Report) -> Alarms:
    """Everything that blames a pull request which changed a comment only."""
    suspects = [f"{s['changed']} is suspected of {s['function']}" for s in report["suspects"]]
    worse = [f"{r['name']} {r['kind']}" for r in _regressions(report)]
    return Alarms(
        false=(*worse, *_new_leaks(report), *suspects),
        limits=tuple(_failed(report)),
        advice=tuple(a["rule"] for a in report["advice"]),
    )


def _failed(report: Report) -> list[str]:
    """The rules of the checklist that fail, without those about how and on what it was measured."""
    failed = [c["rule"] for c in report["checklist"] if c["state"] == "fail"]
    return [rule for rule in failed if not rule.startswith(("before.", "during.", "after."))]


def _regressions(report: Report) -> list[dict[str, Any]]:
    """Functions first, as metrics are less telling."""
    comparison = report["comparison"] or {"functions": [], "metrics": []}
    functions = [f for f in comparison["functions"] if f["verdict"] == "regression"]
    metrics = [{**m, "kind": "metric"} for m in comparison["metrics"] if m["verdict"] == "regression"]
    return functions + metrics


def _new_leaks(report: Report) -> list[str]:
    leaks = (report["comparison"] or {"leaks": []})["leaks"]
    return [f"{k['name']} leaks" for k in leaks if k["verdict"] == "leaking" and k["new"]]


def _rises(report: Report, kind: str) -> list[tuple[str, float]]:
    """Categories and by how much of the whole each rose, the most first; what is of no category is `other`."""
    rows = [c for c in report["categories"] if c["kind"] == kind]
    rises: dict[str, float] = {}
    for row in rows:
        rise = row["share"] - (row["base_share"] or 0.0)
        rises[row["category"]] = max(rise, rises.get(row["category"], rise))
    if rows and _OTHER not in rises:
        rises[_OTHER] = -sum(rises.values())
    return sorted(rises.items(), key=lambda item: -item[1])


def _is_named(report: Report, defect: Defect) -> bool:
    """Whether the function is among what got worse or on the way to it, or advice or a failed check begins with it."""
    names = {defect.function, *defect.also}
    places = [f["name"] for f in _regressions(report)]
    places += [name for s in report["suspects"] for name in (s["function"], *s["path"])]
    places += [a["function"] for a in report["advice"]]
    evidence = [
        e for c in report["checklist"] if c["rule"] == defect.check for e in (c["message"], *c["evidence"])
    ]
    return any(_bare(p) in names for p in places) or any(defect.function in text for text in evidence)


def _bare(name: str) -> str:
    """The last part of a name: without modules, types, generics, arguments and what Rust adds to it."""
    short = re.sub(rf"\([^()]*\)$|<[^<>]*>$|::{RUST_HASH}$", "", name)
    return re.split(r"::|\.", short)[-1]


def _covers(suspect: Mapping[str, Any], changed: Place) -> bool:
    wanted, given = PurePosixPath(changed.file).parts, PurePosixPath(suspect["file"]).parts
    is_file = given[-len(wanted) :] == wanted
    return is_file and any(first <= changed.line <= last for first, last in suspect["lines"])


def _lines(suspect: Mapping[str, Any]) -> str:
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in suspect["lines"])


def _listed(words: Iterable[str], most: int = 3) -> str:
    distinct: Sequence[str] = list(dict.fromkeys(words))
    return ", ".join(distinct[:most]) + (f" and {len(distinct) - most} more" if len(distinct) > most else "")
