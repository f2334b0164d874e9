"""The flame graph inside the comment: the stacks of the changed functions, root to leaf, as text with bars.

One bar a frame for both sides: what both spend, then what head spends more or less. Frames that only pass on what
their caller costs are left out: a web framework has thirty of them between `main` and the function that matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf_action.model.change import FunctionChange
from perf_action.model.profile import FunctionKey
from perf_action.model.report import FlameGraph
from perf_action.render import escape, numbers, words
from perf_action.render.calls import CallTree, Shapes, call_tree

MAX_BAR = 28
MIN_BAR = 8
MAX_DEPTH = 10
#: a frame is left out if the frame it calls costs at least this share of it
PASSED_ON = 0.9
LEGEND = "█ both  ▓ more on head  ░ less on head   with all calls; · frames left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFlame:
    """One block of text, and what its numbers are."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Costs:
    """A tree with what its nodes cost in `unit`: `scales[side]` is the cost of one unit of the profile."""

    tree: CallTree
    scales: tuple[float, ...]
    unit: str

    @property
    def two(self) -> bool:
        return len(self.scales) == 2

    def of(self, node: int) -> tuple[float, float]:
        """Inclusive cost on base and head; of a lone head, base is nothing."""
        both = [totals[node] * scale for totals, scale in zip(self.tree.totals, self.scales, strict=True)]
        return (both[0] if self.two else 0.0), both[-1]

    def larger(self, node: int) -> float:
        return max(self.of(node))


def text_flame(
    flame: FlameGraph, functions: Sequence[FunctionChange], shapes: Shapes, *, columns: int = 96
) -> TextFlame | None:
    """The stacks of `functions` (all of one kind) in the profiles of a stage; None where neither side has them."""
    kind = functions[0].kind
    head = flame.head.find_kind(kind)
    if head is None:
        return None
    sides = [(flame.head, head)]
    base = flame.base.find_kind(kind) if flame.base is not None else None
    if flame.base is not None and base is not None:
        sides.insert(0, (flame.base, base))
    costs = _costs(call_tree(sides, shapes), functions)
    paths = [path for f in functions if (path := _path(costs, f))]
    if not paths:
        return None
    named = words.kind_words(kind)
    share = costs.unit == "ratio"
    heading = f"Share of {named.noun}" if share else f"{named.heading}{words.per_of(costs.unit)}"
    return TextFlame(heading=heading, text="\n".join(_lines(costs, paths, columns)))


def _costs(tree: CallTree, functions: Sequence[FunctionChange]) -> _Costs:
    """What one unit of each side's profile costs, from a function's cost and share; else shares of the total."""
    totals = [tree.total(side) or 1 for side in range(len(tree.totals))]
    heads = [f for f in functions if f.share_head > 0 and f.head > 0]
    bases = [f for f in functions if f.share_base > 0 and f.base > 0]
    if not heads or (len(totals) == 2 and not bases):
        return _Costs(tree=tree, scales=tuple(1 / total for total in totals), unit="ratio")
    h = max(heads, key=lambda f: f.share_head)
    whole = [h.head / h.share_head]
    if len(totals) == 2:
        b = max(bases, key=lambda f: f.share_base)
        whole.insert(0, b.base / b.share_base)
    return _Costs(tree=tree, scales=tuple(c / t for c, t in zip(whole, totals, strict=True)), unit=h.unit)


def _path(costs: _Costs, f: FunctionChange) -> list[int]:
    """Root to leaf: the call of `f` whose cost changed most."""
    nodes = [i for i, key in enumerate(costs.tree.keys) if (key.name, key.file) == (f.name, f.file)]
    if not nodes:
        return []
    node = max(nodes, key=lambda i: abs(costs.of(i)[1] - costs.of(i)[0]))
    path: list[int] = []
    while node >= 0:
        path.append(node)
        node = costs.tree.parents[node]
    return path[::-1]


def _telling(costs: _Costs, path: Sequence[int]) -> list[int]:
    """The frames of a path to show: its ends, the caller of its leaf, and where a part of the cost goes elsewhere."""
    kept = [
        node
        for i, node in enumerate(path)
        if i in (0, len(path) - 2, len(path) - 1)
        or costs.larger(path[i + 1]) < PASSED_ON * costs.larger(node)
    ]
    return kept if len(kept) <= MAX_DEPTH else [kept[0], *kept[1 - MAX_DEPTH :]]


def _lines(costs: _Costs, paths: Sequence[list[int]], columns: int) -> list[str]:
    shown = {node for path in paths for node in _telling(costs, path)}
    leaves = {path[-1] for path in paths}
    room = columns * 4 // 9
    rows = [(node, _name(costs.tree.keys[node], lead, room)) for node, lead in _in_order(costs, shown)]
    texts = {node: _cost_text(costs, node) for node, _ in rows}
    name_width = max(len(name) for _, name in rows)
    cost_width = max(map(len, texts.values()))
    bar = max(MIN_BAR, min(MAX_BAR, columns - name_width - cost_width - 15))
    largest = max(map(costs.larger, shown)) or 1.0
    out = [LEGEND]
    for node, name in rows:
        base, head = costs.of(node)
        change = numbers.change(head / base - 1) if base else "new" if costs.two else ""
        mark = " ◀" if node in leaves else ""
        drawn = _bar(base, head, largest, bar)
        out.append(f"{name:<{name_width}}  {drawn}  {texts[node]:>{cost_width}}  {change:>7}{mark}".rstrip())
    return out


def _in_order(costs: _Costs, shown: set[int]) -> Iterator[tuple[int, str]]:
    """The shown nodes depth first, the most expensive first, each with what stands before its name."""
    parents = costs.tree.parents
    children: dict[int, list[int]] = {}
    skipped: set[int] = set()
    for node in shown:
        above = parents[node]
        while above >= 0 and above not in shown:
            skipped.add(node)
            above = parents[above]
        children.setdefault(above, []).append(node)
    todo = [(node, 0) for node in sorted(children[-1], key=lambda n: (costs.larger(n), -n))]
    while todo:
        node, level = todo.pop()
        lead = "  " * min(level - 1, MAX_DEPTH) + ("└·" if node in skipped else "└ ") if level else ""
        yield node, lead
        below = sorted(children.get(node, ()), key=lambda n: (costs.larger(n), -n))
        todo.extend((child, level + 1) for child in below)


def _name(key: FunctionKey, lead: str, room: int) -> str:
    """``└ encode (codec.py)``; a long name keeps its end, which tells methods apart, and loses its file."""
    name, place = escape.clean(key.name[-200:]), escape.clean(key.file.rpartition("/")[2][-200:])
    left = room - len(lead)
    if place and len(name) + len(place) + 3 <= left:
        return f"{lead}{name} ({place})"
    return lead + (name if len(name) <= left else "…" + name[len(name) - left + 1 :])


def _cost_text(costs: _Costs, node: int) -> str:
    base, head = costs.of(node)
    unit = costs.unit.partition("/")[0] if words.per_of(costs.unit) else costs.unit
    return numbers.before_after(base, head, unit) if costs.two else numbers.quantity(head, unit)


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
