"""SARIF 2.1.0, for GitHub's code scanning and for editors: what got worse, on the changed line that leads to it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. GitHub takes 25,000 results and shows 5,000, takes
1,000 locations of a result, and 10 MB compressed
(https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning).
It wants a place for every result: what has none in the source, such as a metric or a budget, is shown at perf.yml.
"""

from __future__ import annotations

import json
from typing import Any, Final

from perf_action import __version__
from perf_action.model.report import Report
from perf_action.render import escape
from perf_action.render.headline import variant
from perf_action.render.sarif_results import REMEDIES, RULES, Result, results_of

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS: Final = 5_000
_MAX_NOTES: Final = 20
_SEVERE: Final = {"error": 0, "warning": 1, "note": 2}


def sarif(report: Report) -> str:
    """The report as one SARIF log with one run; a report without findings has a run without results."""
    found = sorted(results_of(report), key=lambda r: _SEVERE[r.level])[:MAX_RESULTS]
    ids = list(dict.fromkeys(r.rule for r in found))
    run = {
        "tool": {
            "driver": {
                "name": "perf-action",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule, report) for rule in ids],
            }
        },
        "automationDetails": {"id": f"perf-action/{_category(report)}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(r, ids.index(r.rule)) for r in found],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def _category(report: Report) -> str:
    title = "".join(c for c in report.title if c.isascii() and (c.isalnum() or c in "-_."))
    return title[:50] or "default"


def _invocation(report: Report) -> dict[str, Any]:
    said = [*report.notes, *(report.comparison.reasons if report.comparison else ())][:_MAX_NOTES]
    return {
        "executionSuccessful": variant(report) != "failed",
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": plain(note)}} for note in said if note.strip()
        ],
    }


def _rule(rule: str, report: Report) -> dict[str, Any]:
    kind, _, subject = rule.partition(":")
    name, remedy = RULES[kind], REMEDIES[kind]
    helpful = [a for a in report.advice if rule == f"regression/function:{escape.name(a.kind)}"]
    lines = [f"{a.title}: {'; '.join(a.solutions)}" for a in helpful] or [remedy]
    links = list(dict.fromkeys(link for a in helpful for link in a.links if escape.url(link)))
    text = [*map(plain, lines), *links]
    described = f"{name} ({subject})" if subject else name
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in kind.replace("/", " ").split()),
        "shortDescription": {"text": plain(described)},
        "fullDescription": {"text": plain(described)},
        "help": {
            "text": "\n".join(text),
            "markdown": "\n".join(f"- {link if link in links else escape.markdown(link)}" for link in text),
        },
        "defaultConfiguration": {"level": "error" if kind == "budget" else "warning"},
        "properties": {"tags": ["performance"], "precision": "high"},
    }


def _result(r: Result, index: int) -> dict[str, Any]:
    related = [
        {"id": i, **_location(place.file, place.lines), "message": {"text": plain(place.label)}}
        for i, place in enumerate(r.related, 1)
    ]
    return {
        "ruleId": r.rule,
        "ruleIndex": index,
        "level": r.level,
        "kind": "fail",
        "message": {"text": plain(r.message)},
        "locations": [_location(r.place.file, r.place.lines)],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {
            "primaryLocationLineHash": r.fingerprint,
            "perfActionFinding/v1": r.fingerprint,
        },
        "properties": {name: _plain(value) for name, value in r.properties},
    }


def _location(file: str, lines: tuple[int, int] | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": escape.uri(file), "uriBaseId": "%SRCROOT%"}}
    if lines:
        place["region"] = {"startLine": max(1, lines[0]), "endLine": max(1, *lines)}
    return {"physicalLocation": place}


def plain(text: str) -> str:
    """One visible line, in which ``[text](target)`` is no link: SARIF reads it as one."""
    return escape.sentence(text, 2_000).replace("](", "] (") or "-"


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return escape.clean(value[:2_000]) if isinstance(value, str) else value
