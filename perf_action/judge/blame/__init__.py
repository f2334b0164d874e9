"""What in the pull request made a function worse: the changed lines that lead to it, and how sure that is.

Three kinds of evidence are joined: which functions the changed lines are in (the source), through which callers the added
cost flows (the profiles of both sides), and what the changed lines call (the source again). Something that everything
runs through, such as a changed main loop, is the caller of whatever got worse, and no evidence. Where nothing leads to a
function, nobody is suspected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf_action.compare.calls import Shapes
from perf_action.compare.touched import bare_name, seen_lines
from perf_action.judge.blame.charge import Charge, is_called, lower
from perf_action.judge.blame.checks import blame_checks
from perf_action.judge.blame.dependencies import Dependencies
from perf_action.judge.blame.edits import Edit, Edits
from perf_action.judge.blame.flow import Flow, Stack, flow_of
from perf_action.judge.code.own import is_own
from perf_action.model.change import Comparison, FunctionChange, Verdict
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence, Suspect
from perf_action.model.touched import TouchedFile

__all__ = ["blame", "blame_checks", "foreign_files"]

#: so much of the added cost must flow through a caller that it is suspected, and that it is likely
_LEAST_FLOW, _MOST_FLOW = 0.2, 0.5
#: what nearly all that head costs runs through says nothing about where more of it came from
_EVERYTHING = 0.9
#: other callers cost more, too, if this one's part of the increase is hardly more than its part of the cost before
_OTHERS_TOO = 1.2
#: functions of the repository between a likely caller and what got worse
_FARTHEST = 3
#: frames between a function and the dependency that it works for
_FARTHEST_PACKAGE = 4
_MOST_FOR_ONE, _MOST = 3, 30
_RANK = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}


def blame(
    comparison: Comparison | None, head: Snapshot, base: Snapshot | None, touched: Sequence[TouchedFile]
) -> tuple[Suspect, ...]:
    """For every function that got worse what leads to it, best first; in the order of the comparison's rows."""
    worse = [f for f in comparison.functions if f.verdict is Verdict.REGRESSION] if comparison else []
    if not worse or not touched:
        return ()
    court = _Court(head, base, touched)
    found = [suspect for row in worse for suspect in court.suspects(row)]
    return tuple(found[:_MOST])


def foreign_files(comparison: Comparison | None) -> tuple[str, ...]:
    """The files of the functions that got worse and are not the service's own."""
    worse = [f for f in comparison.functions if f.verdict is Verdict.REGRESSION] if comparison else []
    return tuple(
        dict.fromkeys(f.file for f in worse if f.file and not is_own(FunctionKey(f.name, f.file, f.module)))
    )


@dataclass(slots=True)
class _Through:
    """One changed function above the one that got worse: what flows through it, and the heaviest stack that does."""

    added: float = 0.0
    base: float = 0.0
    way: tuple[int, ...] = ()
    heaviest: float = 0.0

    def add(self, stack: Stack, way: tuple[int, ...]) -> None:
        self.added += stack.added
        self.base += stack.base
        if stack.added > self.heaviest or not self.way:
            self.way, self.heaviest = way, stack.added


class _Court:
    def __init__(self, head: Snapshot, base: Snapshot | None, touched: Sequence[TouchedFile]) -> None:
        self._head, self._base = head, base
        seen = seen_lines(head)
        self._seen = frozenset(bare_name(key.name) for key in seen)
        self._edits = Edits(touched, seen)
        self._dependencies = Dependencies(touched)
        self._shapes = Shapes()
        self._flows: dict[str, tuple[Flow, dict[int, Edit]] | None] = {}

    def suspects(self, row: FunctionChange) -> list[Suspect]:
        """The best few, the surest first. What is only possible is left out beside what is sure."""
        charge = Charge.of_function(row)
        found = [
            *self._itself(row, charge),
            *self._callers(row, charge),
            *self._called(row, charge),
            *self._packages(row, charge),
        ]
        found.sort(key=lambda s: _RANK[s.confidence])
        if found and found[0].confidence is Confidence.HIGH:
            found = [s for s in found if s.confidence is not Confidence.LOW]
        return found[:_MOST_FOR_ONE]

    def _itself(self, row: FunctionChange, charge: Charge) -> Iterator[Suspect]:
        edit = self._edits.of(FunctionKey(row.name, row.file, row.module))
        if edit is not None:
            yield charge.of_edit(edit, "itself", Confidence.HIGH)

    def _callers(self, row: FunctionChange, charge: Charge) -> Iterator[Suspect]:
        known = self._flow(row.kind)
        if known is None:
            return
        flow, edited = known
        function = flow.number(row)
        through: defaultdict[int, _Through] = defaultdict(_Through)
        for stack in flow.above(row) if edited else ():
            way = [] if function is None else [function]
            for caller in stack.callers:
                if caller in edited and caller not in way:
                    through[caller].add(stack, tuple(way))
                way.append(caller)
        nearest = self._edits.of(FunctionKey(row.name, row.file, row.module)) is not None
        for caller, t in sorted(through.items(), key=lambda item: len(item[1].way)):
            if t.added < _LEAST_FLOW:
                continue
            calls_it = is_called(edited[caller], [flow.functions[f] for f in t.way])
            if nearest and not calls_it:
                continue  # one nearer explains it
            confidence = self._of_caller(flow, caller, t, calls_it=calls_it)
            if nearest:
                confidence = lower(confidence)
            nearest = nearest or t.added >= _MOST_FLOW
            path = tuple(flow.functions[f].name for f in (caller, *reversed(t.way)))
            yield charge.of_edit(edited[caller], "calls it", confidence, share=t.added, path=path)

    @staticmethod
    def _of_caller(flow: Flow, caller: int, t: _Through, *, calls_it: bool) -> Confidence:
        between = [flow.functions[f] for f in t.way[1:]]
        distance = sum(is_own(key) for key in between)
        others_too = t.base < _EVERYTHING and t.added < t.base * _OTHERS_TOO
        if t.added < _MOST_FLOW:
            confidence = Confidence.MEDIUM if calls_it and not others_too else Confidence.LOW
        elif calls_it or distance == 0:
            confidence = Confidence.MEDIUM if others_too else Confidence.HIGH
        else:
            confidence = Confidence.MEDIUM if distance < _FARTHEST and not others_too else Confidence.LOW
        if flow.share(caller) > _EVERYTHING and not calls_it:
            return lower(confidence)
        return confidence

    def _called(self, row: FunctionChange, charge: Charge) -> Iterator[Suspect]:
        """A changed function beneath one whose total rose; or one that a compiler may have put into it."""
        known = self._flow(row.kind)
        if known is not None and row.value == "total":
            flow, edited = known
            for callee, share in flow.below(row, edited.keys()).items():
                if share >= _MOST_FLOW:
                    path = (row.name, flow.functions[callee].name)
                    yield charge.of_edit(
                        edited[callee], "called by it", Confidence.MEDIUM, share=share, path=path
                    )
        key = FunctionKey(row.name, row.file, row.module)
        for edit in self._edits.inlined_into(key) if _is_compiled(row.file) else ():
            if bare_name(edit.span.function) not in self._seen:
                yield charge.of_edit(edit, "called by it", Confidence.MEDIUM)

    def _packages(self, row: FunctionChange, charge: Charge) -> Iterator[Suspect]:
        """Another version of the package that the function belongs to, or that is nearest above it."""
        if not self._dependencies:
            return
        key = FunctionKey(row.name, row.file, row.module)
        mine = self._dependencies.of(key)
        if mine is not None:
            yield charge.of_package(mine, Confidence.HIGH)
            return
        known = self._flow(row.kind)
        if known is None or is_own(key):
            return
        flow, _ = known
        through: defaultdict[str, float] = defaultdict(float)
        packages = {}
        for stack in flow.above(row):
            for caller in stack.callers[:_FARTHEST_PACKAGE]:
                pinned = self._dependencies.of(flow.functions[caller])
                if pinned is not None:
                    through[pinned.name] += stack.added
                    packages[pinned.name] = pinned
                if pinned is not None or is_own(flow.functions[caller]):
                    break
        for name, share in through.items():
            if share >= _MOST_FLOW:
                yield charge.of_package(packages[name], Confidence.MEDIUM, share=share)

    def _flow(self, kind: str) -> tuple[Flow, dict[int, Edit]] | None:
        """The calls of a kind, and which of its functions are edited; found once."""
        if kind not in self._flows:
            flow = flow_of(kind, self._base, self._head, self._shapes) if self._base is not None else None
            self._flows[kind] = None if flow is None else (flow, self._edits.among(flow.functions))
        return self._flows[kind]


def _is_compiled(file: str) -> bool:
    return file.endswith((".rs", ".go", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".ipp"))
