"""Where each frame of a flame graph goes. Frames too narrow or too deep to see are left out, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from perf_action.render import numbers
from perf_action.render.calls import CallTree

MIN_SHARE = 0.001
MAX_DEPTH = 200
MAX_BOXES = 4000
MAX_BYTES = 1_950_000


@dataclass(frozen=True, slots=True)
class Box:
    """Node `node` of the tree, from `x` on (0..1), `width` wide (0..1), in row `depth` from the root."""

    node: int
    x: float
    width: float
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All boxes, parents first; `note` says what was left out, or is empty."""

    boxes: tuple[Box, ...]
    rows: int
    note: str


def layout(tree: CallTree, weights: Sequence[float], size_of: Callable[[int], int] = lambda _: 0) -> Layout:
    """Boxes as wide as their share of the roots' `weights` (inclusive, one a node), siblings in order of their names.

    `size_of` says how many bytes a node takes; it is asked for the heaviest nodes only, until `MAX_BYTES` are used up.
    """
    total = sum(w for w, parent in zip(weights, tree.parents, strict=True) if parent < 0)
    if total <= 0:
        return Layout(boxes=(), rows=0, note="")
    wide = [node for node, w in enumerate(weights) if w >= MIN_SHARE * total]
    shown = [node for node in wide if tree.depths[node] < MAX_DEPTH]
    # parents weigh at least as much as their children, so that the heaviest nodes are a whole tree
    heaviest = sorted(shown, key=lambda node: (-weights[node], tree.depths[node]))[:MAX_BOXES]
    shown = heaviest[: _fitting(map(size_of, heaviest))]
    shown.sort(key=lambda node: (tree.depths[node], tree.keys[node]))
    boxes: list[Box] = []
    next_x: dict[int, float] = {}
    for node in shown:
        x = next_x.get(tree.parents[node], 0.0)
        width = weights[node] / total
        next_x[node] = x
        next_x[tree.parents[node]] = x + width
        boxes.append(Box(node, x, width, tree.depths[node]))
    rows = 1 + max((box.depth for box in boxes), default=-1)
    used = sum(1 for w in weights if w > 0)
    return Layout(boxes=tuple(boxes), rows=rows, note=_note(used, len(wide), len(boxes)))


def _fitting(sizes: Iterable[int]) -> int:
    """How many of `sizes`, from the first on, are `MAX_BYTES` at most together."""
    used = count = 0
    for size in sizes:
        used += size
        if used > MAX_BYTES:
            break
        count += 1
    return count


def _note(used: int, wide: int, shown: int) -> str:
    parts = []
    if used > wide:
        parts.append(f"{numbers.plural(used - wide, 'frame')} narrower than {numbers.share(MIN_SHARE)}")
    if wide > shown:
        parts.append(
            f"{numbers.plural(wide - shown, 'frame')} beyond {MAX_DEPTH} levels, {MAX_BOXES:,} frames or 2 MB"
        )
    return f"Not drawn: {' and '.join(parts)}." if parts else ""
