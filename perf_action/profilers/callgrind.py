"""callgrind: instructions by function, the count that does not shake (https://valgrind.org/docs/manual/cl-manual.html).

The whole launch is counted, and two launches of different length are subtracted, so that start-up cancels. Counting
only while requests are served (``--instr-atstart=no`` and callgrind_control) would lose the callers of whatever runs
when it is switched on. Who called whom is known for pairs only: stacks are put together from them (formats/callgrind/stacks.py).
Files are ``callgrind.out.<pid>``, with the table of callgrind_annotate beside them.
"""

from __future__ import annotations

from typing import ClassVar

from perf_action.profilers.plan import Traits
from perf_action.profilers.valgrind import Valgrind


class Callgrind(Valgrind):
    """Counts from the start of the service to its end."""

    name: ClassVar[str] = "callgrind"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=50.0)
    file: ClassVar[str] = "callgrind.out"
    file_option: ClassVar[str] = "--callgrind-out-file"
    options: ClassVar[tuple[str, ...]] = (
        "--separate-recs=1",
    )  # else a function that calls itself is two, f and f'2
    heap: ClassVar[bool] = False
    printer: ClassVar[tuple[str, ...]] = ("callgrind_annotate", "--auto=no", "{file}")
    suffix: ClassVar[str] = ".callgrind_annotate.txt"
