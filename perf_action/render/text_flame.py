"""The flame graph inside the comment: the stacks of the changed functions, root to leaf, as text with bars.

One bar a frame for both sides: what both spend, then what head spends more or less. Made for a code block of a
given width; long stacks lose their middle, and it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perf_action.model.change import FunctionChange
from perf_action.model.profile import FunctionKey
from perf_action.model.report import FlameGraph
from perf_action.render import escape, numbers, words
from perf_action.render.calls import CallTree, call_tree

MAX_BAR = 28
MIN_BAR = 8
MAX_DEPTH = 11
LEGEND = "█ both   ▓ more on head   ░ less on head   each frame with its calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFlame:
    """One block of text, and what its numbers are."""

    heading: str
    text: str


def text_flame(
    flame: FlameGraph, functions: Sequence[FunctionChange], *, columns: int = 96
) -> TextFlame | None:
    """The stacks of `functions` (all of one kind) in the profiles of a stage; None where neither side has them."""
    kind = functions[0].kind
    head = flame.head.find_kind(kind)
    base = flame.base.find_kind(kind) if flame.base is not None else None
    if head is None:
        return None
    sides = (
        [(flame.head, head)]
        if flame.base is None or base is None
        else [(flame.base, base), (flame.head, head)]
    )
    tree = call_tree(sides)
    scales, unit = _scales(tree, functions)
    paths = [path for f in functions if (path := _path(tree, f, scales))]
    if not paths:
        return None
    per = words.per_of(unit)
    heading = (
        f"{words.kind_words(kind).heading}{per}"
        if unit != "ratio"
        else f"Share of {words.kind_words(kind).noun}"
    )
    rows = _rows(tree, paths, scales, unit.partition("/")[0] if per else unit, columns)
    return TextFlame(heading=heading, text="\n".join(rows))


def _scales(tree: CallTree, functions: Sequence[FunctionChange]) -> tuple[list[float], str]:
    """What one unit of each side's tree costs per request, from a function's cost and share; else shares of the total."""
    totals = [tree.total(side) or 1 for side in range(len(tree.totals))]
    heads = [f for f in functions if f.share_head > 0 and f.head > 0]
    bases = [f for f in functions if f.share_base > 0 and f.base > 0]
    if not heads or (len(totals) == 2 and not bases):
        return [1 / t for t in totals], "ratio"
    h = max(heads, key=lambda f: f.share_head)
    costs = [h.head / h.share_head]
    if len(totals) == 2:
        b = max(bases, key=lambda f: f.share_base)
        costs.insert(0, b.base / b.share_base)
    return [cost / total for cost, total in zip(costs, totals, strict=True)], h.unit


def _path(tree: CallTree, f: FunctionChange, scales: Sequence[float]) -> list[int]:
    """Root to leaf: the call of `f` whose cost changed most."""
    wanted = (f.name, f.file)
    nodes = [i for i, key in enumerate(tree.keys) if (key.name, key.file) == wanted]
    if not nodes:
        return []
    node = max(nodes, key=lambda i: abs(_cost(tree, i, scales, -1) - _cost(tree, i, scales, 0)))
    path: list[int] = []
    while node >= 0:
        path.append(node)
        node = tree.parents[node]
    return path[::-1]


def _cost(tree: CallTree, node: int, scales: Sequence[float], side: int) -> float:
    """The inclusive cost of a node; of a lone head, base is nothing."""
    if side == 0 and len(scales) == 1:
        return 0.0
    return tree.totals[side][node] * scales[side]


def _rows(
    tree: CallTree, paths: Sequence[list[int]], scales: Sequence[float], unit: str, columns: int
) -> list[str]:
    leaves = {path[-1] for path in paths}
    names = _names(tree, paths, columns * 4 // 9)
    costs = {n: (_cost(tree, n, scales, 0), _cost(tree, n, scales, -1)) for _, n in names if n is not None}
    texts = {n: _cost_text(base, head, unit, two=len(scales) == 2) for n, (base, head) in costs.items()}
    name_width = max(len(name) for name, _ in names)
    cost_width = max(len(text) for text in texts.values())
    bar = max(MIN_BAR, min(MAX_BAR, columns - name_width - cost_width - 15))
    largest = max(max(pair) for pair in costs.values()) or 1.0
    out = [LEGEND]
    for name, node in names:
        if node is None:
            out.append(name)
            continue
        base, head = costs[node]
        change = numbers.change(head / base - 1) if base else "new" if len(scales) == 2 else ""
        mark = " ◀" if node in leaves else ""
        drawn = _bar(base, head, largest, bar)
        out.append(f"{name:<{name_width}}  {drawn}  {texts[node]:>{cost_width}}  {change:>7}{mark}".rstrip())
    return out


def _names(tree: CallTree, paths: Sequence[list[int]], width: int) -> list[tuple[str, int | None]]:
    """One line a frame, shared beginnings of stacks once; None stands for frames that are left out."""
    names: list[tuple[str, int | None]] = []
    seen: set[int] = set()
    for path in sorted(paths):
        fresh = [node for node in path if node not in seen]
        seen.update(fresh)
        names.extend(_shown(tree, fresh, len(path) - len(fresh), width))
    return names


def _cost_text(base: float, head: float, unit: str, *, two: bool) -> str:
    return numbers.before_after(base, head, unit) if two else numbers.quantity(head, unit)


def _shown(tree: CallTree, nodes: Sequence[int], start: int, width: int) -> list[tuple[str, int | None]]:
    """The lines of a path below depth `start`, without its middle where it is long."""

    def line(depth: int, node: int) -> tuple[str, int | None]:
        return _name(tree.keys[node], depth, width), node

    if len(nodes) <= MAX_DEPTH:
        return [line(start + i, node) for i, node in enumerate(nodes)]
    first, last = nodes[:3], nodes[4 - MAX_DEPTH :]
    gap = f"⋮ {numbers.plural(len(nodes) - len(first) - len(last), 'frame')} in between"
    return [
        *(line(start + i, node) for i, node in enumerate(first)),
        (_indent(start + 3).replace("└", " ") + gap, None),
        *(line(start + 4 + i, node) for i, node in enumerate(last)),
    ]


def _indent(depth: int) -> str:
    return "  " * min(depth - 1, 9) + "└ " if depth else ""


def _name(key: FunctionKey, depth: int, width: int) -> str:
    indent = _indent(depth)
    place = f" ({escape.name(key.file.rpartition('/')[2], 20)})" if key.file else ""
    name = escape.name(key.name, max(16, width - len(indent) - len(place)))
    return (indent + name + place)[:width]


def _bar(base: float, head: float, largest: float, width: int) -> str:
    """`width` characters for `largest`; any change of a fiftieth or more shows at least one of them."""
    both = round(min(base, head) / largest * width)
    whole = round(max(base, head) / largest * width)
    if whole == both and abs(head - base) > 0.02 * max(base, head):
        whole += 1
        if whole > width:
            whole, both = width, width - 1
    sign = "▓" if head > base else "░"
    return f"{'█' * both + sign * (whole - both):<{width}}"
