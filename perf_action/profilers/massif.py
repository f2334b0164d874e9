"""massif: how large the heap was over time, and who held it at its peak (https://valgrind.org/docs/manual/ms-manual.html).

Every snapshot names functions, since memory that only grows has no peak that massif would mark; the peak is exact
(``--peak-inaccuracy=0``), and time is in milliseconds. On a service in C neither made a difference that could be measured.
Files are ``massif.out.<pid>``, with the text of ms_print beside them.
"""

from __future__ import annotations

from typing import ClassVar

from perf_action.profilers.plan import Traits
from perf_action.profilers.valgrind import Valgrind


class Massif(Valgrind):
    """Records from the start of the service to its end."""

    name: ClassVar[str] = "massif"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=20.0)
    file: ClassVar[str] = "massif.out"
    file_option: ClassVar[str] = "--massif-out-file"
    options: ClassVar[tuple[str, ...]] = (
        "--time-unit=ms",
        "--detailed-freq=1",
        "--peak-inaccuracy=0.0",
        "--threshold=0.1",
    )
    printer: ClassVar[tuple[str, ...]] = ("ms_print", "{file}")
    suffix: ClassVar[str] = ".ms_print.txt"
