"""DHAT: every allocation with its stack, what lived at the peak and at the end, what was read and written
(https://valgrind.org/docs/manual/dh-manual.html).

Files are ``dhat.out.<pid>``; the viewer that comes with valgrind opens them (dh_view.html, in /usr/libexec/valgrind).
"""

from __future__ import annotations

from typing import ClassVar

from perf_action.profilers.plan import Traits
from perf_action.profilers.valgrind import Valgrind


class Dhat(Valgrind):
    """Records from the start of the service to its end."""

    name: ClassVar[str] = "dhat"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=40.0)
    file: ClassVar[str] = "dhat.out"
    file_option: ClassVar[str] = "--dhat-out-file"
    options: ClassVar[tuple[str, ...]] = ("--num-callers=40",)
