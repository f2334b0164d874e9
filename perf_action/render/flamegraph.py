"""Flame graphs as one SVG file: opens in any browser, zooms by a click, searches, needs nothing else.

The look is that of https://www.brendangregg.com/flamegraphs.html: root at the bottom, width is cost, colour by name.
The difference graph shows head − base: red costs more on head, blue less; a frame is as wide as the mean of both
sides, so that what head no longer calls is still there to be seen.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from markupsafe import Markup

from perf_action.model.profile import FunctionKey, Profile
from perf_action.render import escape, numbers, words
from perf_action.render.calls import CallTree, Shapes, call_tree
from perf_action.render.flame_layout import Box, Layout, layout

ROW = 17
TOP = 58
BOTTOM = 46
WIDTH = 1200

#: filled with numbers and with texts that are escaped already, thousands of times: Markup's own format takes too long
_FRAME = (
    '<svg class="f" tabindex="0" x="%.5f%%" y="%d" width="%.5f%%" height="%d">'
    '<title>%s</title><rect width="100%%" height="100%%" rx="1" fill="%s"/>'
    '<text x="3" y="12">%s</text></svg>\n'
)
#: bytes of a frame without title and name, at most
_BARE_FRAME = len(_FRAME) + 20
_PICTURE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" class="flame" width="{width}" height="{height}" role="img" aria-label="{title}">'
    '{style}<text class="title" x="8" y="22">{title}</text><text class="small" x="8" y="42">{legend}</text>'
    '<foreignObject x="50%" y="4" width="50%" height="28"><div xmlns="http://www.w3.org/1999/xhtml" class="bar">'
    '<span class="matched"></span><button type="button" hidden="hidden">Reset zoom</button>'
    '<input type="search" placeholder="Search" aria-label="Search functions"/></div></foreignObject>\n{frames}'
    '<text class="details" x="8" y="{details_y}"></text><text class="small" x="8" y="{note_y}">{note}</text>{script}</svg>\n'
)
_STYLE = Markup("<style>{}</style>")
_SCRIPT = Markup("<script><![CDATA[{}]]></script>")


def resource(name: str) -> Markup:
    """A file of `perf_action/resources`, our own and therefore trusted."""
    text = resources.files("perf_action").joinpath("resources", name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A flame graph before it has a title: its frames, how many rows they take, and what it says of itself."""

    heading: str
    legend: str
    frames: Markup
    rows: int
    note: str

    def svg(self, title: str = "", *, embed: bool = True) -> str:
        """The file. `embed` False leaves out style and script, for a page that has them already."""
        height = TOP + (self.rows + 1) * ROW + BOTTOM
        return str(
            _PICTURE.format(
                width=WIDTH,
                height=height,
                title=escape.html(escape.sentence(title or self.heading, 120)),
                legend=escape.html(self.legend),
                frames=self.frames,
                details_y=height - 26,
                note_y=height - 8,
                note=self.note,
                style=_STYLE.format(resource("flamegraph.css")) if embed else "",
                script=_SCRIPT.format(resource("flamegraph.js")) if embed else "",
            )
        )


class Drawings:
    """Flame graphs of one report. What several documents show is drawn once."""

    def __init__(self) -> None:
        self.shapes = Shapes()
        self._drawn: dict[tuple[tuple[Profile, int], ...], Drawing] = {}

    def of(self, profile: Profile, kind: int = 0) -> Drawing:
        """One kind of value of one side; per request where requests were counted."""
        return self._known([(profile, kind)], lambda: _side(profile, kind, self.shapes))

    def difference(
        self, base: Profile, head: Profile, *, kind: int = 0, base_kind: int | None = None
    ) -> Drawing:
        """Head − base, per request where both counted requests, else by share of the total.

        `kind` is the column of head, `base_kind` that of base where it is another one.
        """
        sides = [(base, kind if base_kind is None else base_kind), (head, kind)]
        return self._known(sides, lambda: _difference(sides, self.shapes))

    def _known(self, sides: Sequence[tuple[Profile, int]], draw: Callable[[], Drawing]) -> Drawing:
        key = tuple(sides)
        if key not in self._drawn:
            self._drawn[key] = draw()
        return self._drawn[key]


def _side(profile: Profile, kind: int, shapes: Shapes) -> Drawing:
    tree = call_tree([(profile, kind)], shapes)
    unit, words_of = profile.kinds[kind].unit, words.kind_words(profile.kinds[kind].kind)
    total = tree.total(0) or 1

    @cache  # a chain of calls costs the same from end to end
    def cost(value: int) -> str:
        return f"{_cost(value, unit, profile.requests)}, {numbers.share(value / total)}"

    def describe(node: int) -> str:
        return cost(tree.totals[0][node])

    def colour(node: int) -> str:
        return hot(tree.keys[node].name)

    whole = _cost(tree.total(0), unit, profile.requests)
    look = _Look(
        heading=words_of.heading,
        legend=f"{words_of.heading}: {whole}. Wider costs more; the root is at the bottom.",
        describe=describe,
        colour=colour,
    )
    return _draw(tree, tree.totals[0], look)


def _difference(sides: Sequence[tuple[Profile, int]], shapes: Shapes) -> Drawing:
    (base, _), (head, kind) = sides
    tree = call_tree(sides, shapes)
    work = (
        [base.requests, head.requests] if base.requests and head.requests else [tree.total(0), tree.total(1)]
    )
    costs = [[value / (w or 1) for value in side] for side, w in zip(tree.totals, work, strict=True)]
    weights = [(b + h) / 2 for b, h in zip(*costs, strict=True)]
    largest = max(weights, default=0.0)
    counted = bool(base.requests and head.requests)
    what, unit = words.kind_words(head.kinds[kind].kind), head.kinds[kind].unit

    @cache
    def difference_of(b: float, h: float) -> str:
        values = numbers.before_after(b, h, unit) if counted else f"{numbers.share(b)} → {numbers.share(h)}"
        change = numbers.change(h / b - 1) if b else "new"
        return f"{change} ({values}{' per request' if counted else ''})"

    def describe(node: int) -> str:
        return difference_of(costs[0][node], costs[1][node])

    def colour(node: int) -> str:
        return difference(costs[0][node], costs[1][node], largest)

    width = "per request" if counted else "as a share of each side"
    look = _Look(
        heading=f"{what.heading}, head − base",
        legend=f"head − base, {width}: red costs more on head, blue less; width: mean of both.",
        describe=describe,
        colour=colour,
    )
    return _draw(tree, weights, look)


def _cost(value: int, unit: str, requests: int | None) -> str:
    if unit == "samples" or not requests:
        return numbers.quantity(value, unit)
    return numbers.quantity(value / requests, f"{unit}/request")


def hot(name: str) -> str:
    """The classic warm colour of a function, the same in every graph."""
    seed = zlib.crc32(name.encode("utf-8", "surrogatepass"))
    a, b, c = seed & 0xFF, seed >> 8 & 0xFF, seed >> 16 & 0xFF
    return f"rgb({205 + 50 * a // 255},{60 + 170 * b // 255},{30 + 55 * c // 255})"


def difference(base: float, head: float, largest: float) -> str:
    """Red for more on head, blue for less; paler the smaller the change, both of the frame and of the whole."""
    delta = head - base
    relative = abs(delta) / max(base, head, 1e-300)
    seen = min(1.0, abs(delta) / (0.02 * largest)) if largest else 0.0
    strength = min(1.0, (relative * 1.5) ** 0.6) * seen
    rest = round(232 - 180 * strength)
    if strength < 0.02:
        return "rgb(232,230,226)"
    return f"rgb(240,{rest},{rest})" if delta > 0 else f"rgb({rest},{round(rest * 0.6 + 90)},245)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What a graph says and how its frames are coloured; the functions take a node of the tree."""

    heading: str
    legend: str
    describe: Callable[[int], str]
    colour: Callable[[int], str]


class _Texts:
    """What stands in and over the frame of a node, escaped; made once."""

    def __init__(self, tree: CallTree, look: _Look) -> None:
        self._tree, self._look = tree, look
        self._made: dict[int, tuple[Markup, Markup]] = {}
        self._names: dict[tuple[FunctionKey, int], tuple[Markup, Markup]] = {}

    def of(self, node: int) -> tuple[Markup, Markup]:
        """Title (its place, and on a second line what it costs) and name."""
        made = self._made.get(node)
        if made is None:
            place, name = self._name(self._tree.keys[node], self._tree.lines[node])
            made = self._made[node] = (place + "\n" + escape.html(self._look.describe(node)), name)
        return made

    def _name(self, key: FunctionKey, line: int) -> tuple[Markup, Markup]:
        """``encode (codec.py:41)`` and ``encode``; a function stands in many nodes."""
        made = self._names.get((key, line))
        if made is None:
            file = key.file or key.module
            place = f" ({escape.name(file)}{f':{line}' if line else ''})" if file else ""
            made = escape.html(escape.name(key.name, 160) + place), escape.html(escape.name(key.name, 100))
            self._names[key, line] = made
        return made

    def size_of(self, node: int) -> int:
        """About how many bytes of the picture the frame takes."""
        return _BARE_FRAME + sum(len(text.encode("utf-8", "surrogatepass")) for text in self.of(node))


def _draw(tree: CallTree, weights: Sequence[float], look: _Look) -> Drawing:
    texts = _Texts(tree, look)
    plan = layout(tree, weights, texts.size_of)
    frames = [_root(plan), *(_frame(box, plan, look, texts) for box in plan.boxes)]
    return Drawing(
        heading=look.heading,
        legend=look.legend,
        frames=Markup("".join(frames)),  # noqa: S704 - made of escaped parts
        rows=plan.rows,
        note=plan.note or ("" if plan.boxes else "Nothing was recorded."),
    )


def _y(plan: Layout, row: int) -> int:
    """The top of a row; row 0 is the root, at the bottom."""
    return TOP + (plan.rows - row) * ROW


def _root(plan: Layout) -> str:
    return _FRAME % (0.0, _y(plan, 0), 100.0, ROW - 1, "all", "rgb(214,206,190)", "all")


def _frame(box: Box, plan: Layout, look: _Look, texts: _Texts) -> str:
    title, name = texts.of(box.node)
    y, fill = _y(plan, box.depth + 1), look.colour(box.node)
    return _FRAME % (box.x * 100, y, box.width * 100, ROW - 1, title, fill, name)
