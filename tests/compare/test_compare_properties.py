"""What no profile may ever do to the verdicts on functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compare_cases import OPTIONS, captured, profile, sliced
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action.compare.kinds import function_changes
from perf_action.compare.options import CompareOptions
from perf_action.model.change import FunctionChange, Verdict
from perf_action.model.snapshot import Snapshot

pytestmark = pytest.mark.once

ALL = replace(OPTIONS, most_functions=1000)
MIRRORED = {
    Verdict.REGRESSION: Verdict.IMPROVEMENT,
    Verdict.IMPROVEMENT: Verdict.REGRESSION,
    Verdict.UNCHANGED: Verdict.UNCHANGED,
    Verdict.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}
NAMES = ("main", "serve", "route", "parse", "score", "render", "store")
stacks = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).map(";".join)
trees = st.dictionaries(stacks, st.integers(1, 50_000), min_size=1, max_size=12)
kinds = st.sampled_from(
    [("cpu", "samples", "sampled"), ("allocations", "count", "exact"), ("peak", "bytes", "exact")]
)


def rows(
    base: Snapshot, head: Snapshot, options: CompareOptions = ALL
) -> dict[tuple[str, str], FunctionChange]:
    return {(r.name, r.value): r for r in function_changes(base, head, options).rows}


@st.composite
def captures(draw: st.DrawFn) -> tuple[Snapshot, Snapshot]:
    kind, unit, fidelity = draw(kinds)
    requests = draw(st.sampled_from([(None, None), (100, 100), (100, 200)]))
    sides = []
    for n in requests:
        tree = draw(trees)
        sides.append(captured(profile(tree, kind=kind, unit=unit, fidelity=fidelity, requests=n)))
    return sides[0], sides[1]


@given(captures())
def test_swapped_captures_give_the_mirrored_verdicts(pair):
    there, back = rows(*pair), rows(*reversed(pair))
    assert there.keys() == back.keys()
    for key, row in there.items():
        assert back[key].verdict is MIRRORED[row.verdict], (key, row, back[key])
        assert (back[key].base, back[key].head) == (row.head, row.base)


@given(captures())
def test_a_capture_does_not_differ_from_itself(pair):
    for side in pair:
        found = rows(side, side).values()
        assert all(r.verdict in (Verdict.UNCHANGED, Verdict.INCONCLUSIVE) for r in found)
        assert all(r.change in (0.0, None) for r in found)


@given(captures())
def test_rows_are_finite_and_their_shares_add_up(pair):
    found = rows(*pair).values()
    for r in found:
        numbers = [
            r.base,
            r.head,
            r.share_base,
            r.share_head,
            *(r.interval or ()),
            r.change or 0.0,
            r.p or 0.0,
        ]
        assert np.isfinite(numbers).all()
        assert 0 <= r.share_base <= 1 + 1e-9
        assert r.stack[-1] == r.name
    own = [r for r in found if r.value == "self"]
    assert sum(r.share_head for r in own) <= 1 + 1e-9


@given(st.integers(0, 2**31), st.sampled_from([1.0, 1.3, 2.0]), st.integers(0, 4))
@settings(max_examples=25)
def test_swapped_slices_give_the_mirrored_verdicts(seed, factor, which):
    costs = {f"main;serve;{name}": 10e3 + 4e3 * i for i, name in enumerate("abcde")}
    changed = {k: v * factor if i == which else v for i, (k, v) in enumerate(costs.items())}
    base, head = sliced(costs, seed=seed), sliced(changed, seed=seed + 1)
    there, back = rows(base, head), rows(head, base)
    assert {k: MIRRORED[r.verdict] for k, r in there.items()} == {k: r.verdict for k, r in back.items()}
