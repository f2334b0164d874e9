"""memcheck: what was not freed, and errors in the use of memory (https://valgrind.org/docs/manual/mc-manual.html).

Files are ``memcheck.xml.<pid>``; beside each is the log that valgrind would have printed, ``….valgrind-out.txt``: with
``--xml=yes`` its own log is empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from perf_action.profilers.plan import Traits
from perf_action.profilers.valgrind import Valgrind
from perf_action.system import isolated

_LOG = Path(__file__).parents[1] / "formats" / "memcheck" / "log.py"


class Memcheck(Valgrind):
    """Watches from the start of the service to its end."""

    name: ClassVar[str] = "memcheck"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=50.0)
    file: ClassVar[str] = "memcheck.xml"
    file_option: ClassVar[str] = "--xml-file"
    options: ClassVar[tuple[str, ...]] = (
        "--leak-check=full",
        "--show-leak-kinds=all",
        "--track-origins=yes",
        "--num-callers=40",
        "--xml=yes",
    )
    printer: ClassVar[tuple[str, ...]] = isolated(_LOG, "{file}")
    suffix: ClassVar[str] = ".valgrind-out.txt"
