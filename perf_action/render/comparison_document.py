"""`comparison.json`: the contract's comparison of one report, also where there was nothing to compare with."""

from __future__ import annotations

import json

from perf_action.model.change import Comparison
from perf_action.model.report import Report
from perf_action.render.comparison_json import comparison_json
from perf_action.render.headline import headline
from perf_action.render.sentence import plain


def comparison_document(report: Report) -> str:
    """The document as text; without a comparison it has the leaks of head alone, and `reasons` says why."""
    alone = Comparison(leaks=report.leaks, reasons=(plain(headline(report)),), not_comparable=True)
    comparison = report.comparison or alone
    document = comparison_json(comparison, report.budgets)
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=2) + "\n"
