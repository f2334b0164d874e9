"""Draws call trees of 100,000 nodes as flame graphs, of one profile and of the difference of two; prints time and size.

Aim: within 1 s and under 2 MB, whatever the shape of the tree and the length of the names; what is too narrow to be
seen, or too much, is left out and counted in the picture.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable

from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import Profile, ValueKind
from perf_action.render.flamegraph import Drawings

NODES = 100_000


def functions(builder: ProfileBuilder, count: int, padding: str) -> list[int]:
    return [
        builder.frame(
            builder.function(f"module_{i % 97}.function_{i}{padding}", file=f"/srv/{i % 97}{padding}.py")
        )
        for i in range(count)
    ]


def deep(padding: str = "") -> Profile:
    """A tree that grows where it is: long chains of calls with branches, as services have."""
    draw, builder = random.Random(7), ProfileBuilder([ValueKind("cpu", "samples")])
    frames = functions(builder, 3000, padding)
    stacks = [builder.stack(-1, frames[0])]
    while len(stacks) < NODES:
        parent = stacks[-1] if draw.random() > 0.3 else stacks[int(len(stacks) * draw.random() ** 0.5)]
        stack = builder.stack(parent, frames[int(len(frames) * draw.random() ** 2)])
        if stack == len(stacks):
            stacks.append(stack)
    for stack in stacks:
        builder.sample(stack, (draw.randrange(1, 50),))
    return builder.build()


def wide(padding: str = "") -> Profile:
    """Hundreds of stacks side by side, each wide enough to be seen in every row."""
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    frames = functions(builder, 1000, padding)
    root = builder.stack(-1, frames[0])
    for i in range(900):
        stack = builder.stack(root, frames[i])
        for depth in range(NODES // 900 - 1):
            stack = builder.stack(stack, frames[(i * 7 + depth) % 1000])
        builder.sample(stack, (100,))
    return builder.build()


def seconds(draw: Callable[[], str]) -> tuple[float, str]:
    started = time.perf_counter()
    text = draw()
    return time.perf_counter() - started, text


def main() -> None:
    long = "<&>" * 50
    shapes = {"deep": deep(), "deep, long names": deep(long), "wide": wide(), "wide, long names": wide(long)}
    print("shape              picture       seconds     MB  frames drawn of")
    for name, profile in shapes.items():
        for picture, draw in (
            ("one", lambda p=profile: Drawings().of(p).svg()),
            ("difference", lambda p=profile: Drawings().difference(p, p).svg()),
        ):
            runs = [seconds(draw) for _ in range(5)]
            text = runs[0][1]
            median, size = statistics.median(s for s, _ in runs), len(text.encode()) / 1e6
            drawn = len(re.findall('class="f"', text)) - 1
            print(
                f"{name:18} {picture:10} {median:10.2f} {size:6.2f} {drawn:13,} {len(profile.stack_parent):,}"
            )


main()
