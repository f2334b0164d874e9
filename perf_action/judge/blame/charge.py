"""What somebody is suspected of: a function that costs more, or one that a check found, joined with what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from perf_action.compare.touched import bare_name
from perf_action.judge.blame.dependencies import Pinned
from perf_action.judge.blame.edits import Edit
from perf_action.model.change import FunctionChange
from perf_action.model.finding import Finding
from perf_action.model.profile import FunctionKey
from perf_action.model.suspect import Confidence, Relation, Suspect

_LOWER = {
    Confidence.HIGH: Confidence.MEDIUM,
    Confidence.MEDIUM: Confidence.LOW,
    Confidence.LOW: Confidence.LOW,
}


def is_called(edit: Edit, way: Sequence[FunctionKey]) -> bool:
    """Whether the changed lines call what is on the `way` from the function that is judged up to the changed one: the
    function itself, or what the changed one calls on the way to it.
    """
    return bool(way) and any(bare_name(key.name) in edit.span.calls for key in (way[0], way[-1]))


def lower(confidence: Confidence) -> Confidence:
    """One step less sure."""
    return _LOWER[confidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """`function`, in `file` at `line`, and what it did: a kind of cost that rose by `change`, or the rule of a check."""

    function: str
    file: str
    line: int
    kind: str
    change: float | None = None

    @classmethod
    def of_function(cls, row: FunctionChange) -> Charge:
        return cls(function=row.name, file=row.file, line=row.line, kind=row.kind, change=row.change)

    @classmethod
    def of_check(cls, finding: Finding) -> Charge:
        return cls(function=finding.function, file=finding.file, line=finding.line, kind=finding.rule)

    def of_edit(
        self,
        edit: Edit,
        relation: Relation,
        confidence: Confidence,
        *,
        share: float | None = None,
        path: tuple[str, ...] = (),
    ) -> Suspect:
        """An edited function is suspected; what speaks against it makes it less sure."""
        if edit.doubt:
            confidence = Confidence.LOW
        elif edit.file.generated:
            confidence = lower(confidence)
        return self._suspect(
            relation=relation,
            changed=edit.span.function,
            file=edit.file.head,
            lines=edit.span.lines,
            confidence=confidence,
            share=_part(share),
            path=path,
            doubt=edit.doubt or ("in generated code" if edit.file.generated else ""),
        )

    def of_package(self, pinned: Pinned, confidence: Confidence, *, share: float | None = None) -> Suspect:
        """Another version of a dependency is suspected."""
        line = pinned.change.line
        return self._suspect(
            relation="dependency",
            changed=pinned.name,
            file=pinned.file,
            lines=((line, line),) if line else (),
            confidence=confidence,
            share=_part(share),
        )

    @property
    def _suspect(self) -> partial[Suspect]:
        """A suspect of this, of whom nothing is said yet."""
        return partial(
            Suspect,
            function=self.function,
            kind=self.kind,
            change=self.change,
            function_file=self.file,
            function_line=self.line,
        )


def _part(share: float | None) -> float | None:
    return None if share is None else min(share, 1.0)
