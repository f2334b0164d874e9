"""docs/profilers.md is complete, and true: a pair of each service is measured again (each profiler by itself is tested
in tests/profilers). With ``--update-golden`` (`make profilers`) it is measured anew: all of it or, with -k, what is
selected.
"""

from __future__ import annotations

from itertools import product

import pytest

from matrix import document
from matrix.cells import LEAKING, NAMELESS, NAMES, SERVICES, SLOW, TIME, Cell, is_called, machine, measure
from perf_action.errors import ToolMissing
from perf_action.machine.environment import environment
from perf_action.profilers import profiler
from perf_action.system import System

PAIRS = tuple(product(NAMES, SERVICES))
#: what is measured again: for each service another kind of profiler; those of the Python service run in tests/e2e
AGAIN = (("perf", "rust"), ("pprof", "go"), ("heaptrack", "c"))
#: those that see Python functions
PYTHONS = frozenset({"py-spy", "bytecodes", "memray"})
LOST = "memory.leak.definite"


def version(name: str, system: System) -> str | None:
    """None if it is not on this machine."""
    try:
        return profiler(name).version(system)
    except ToolMissing:
        return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All pairs when the document is written anew, else one of each service, if its profiler is here."""
    if "pair" not in metafunc.fixturenames:
        return
    pairs = list(PAIRS)
    if not metafunc.config.getoption("--update-golden"):
        pairs = [pair for pair in AGAIN if version(pair[0], machine({})) is not None]
    metafunc.parametrize("pair", pairs, ids="-".join)


def fits(cell: Cell) -> bool:
    """Whether it finds anything of what is wrong."""
    return is_called(cell.top, SLOW) or is_called(cell.leak, LEAKING) or cell.leak == LOST


def known() -> dict[tuple[str, str], Cell]:
    return {(cell.profiler, cell.service): cell for cell in document.read()}


@pytest.mark.slow
def test_a_profiler_on_a_service(pair, examples, tmp_path, update_golden):
    found = measure(*pair, examples, tmp_path / "run")
    if update_golden:
        cells = known() | {pair: found}
        document.PATH.write_text(document.text(cells.values(), described(machine({}))), encoding="utf-8")
        return
    before = known()[pair]
    assert not found.reason
    assert is_called(found.top, SLOW) == is_called(before.top, SLOW), (found, before)
    assert is_called(found.leak, LEAKING) == is_called(before.leak, LEAKING), (found, before)


def described(system: System) -> str:
    """On what it was measured."""
    here = environment(system)
    tools = [(name, version(name, system)) for name in NAMES]
    listed = ", ".join(f"{name} {found}".strip() for name, found in tools if found is not None)
    missing = [name for name, found in tools if found is None]
    without = f" Not there: {', '.join(missing)}." if missing else ""
    return f"Measured on {here.os}, kernel {here.kernel}, {here.arch}, {here.cores} cores, with {listed}.{without}"


def test_every_pair_is_in_the_document():
    assert set(known()) == set(PAIRS), "run `make profilers`"
    assert document.PATH.read_text(encoding="utf-8").count("\n| `") == len(PAIRS)


def test_what_is_found_is_what_is_wrong():
    """Whoever measures time finds the slow function, whoever measures memory the leaking one; only that of Python code
    a profiler of native code sees the interpreter.
    """
    for cell in known().values():
        assert cell.ran == (not cell.reason)
        if cell.profiler in NAMELESS:
            assert not cell.top
            assert not cell.leak
        elif cell.ran and (cell.service != "python" or cell.profiler in PYTHONS):
            found = is_called(cell.top, SLOW) if cell.profiler in TIME else fits(cell)
            assert found, cell


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_profiler_of_time_and_one_of_memory(service):
    ran = [cell for cell in known().values() if cell.ran and cell.service == service]
    assert any(cell.profiler in TIME for cell in ran)
    assert any(is_called(cell.leak, LEAKING) for cell in ran)


def test_the_document_can_be_read_back():
    cells = [
        Cell(profiler=NAMES[0], service="c", top="a<b|c>::d", leak="main.(*log).record"),
        Cell(profiler=NAMES[0], service="go", reason="it said: [x] <y> | `z` & *w*, \\no_o"),
    ]
    rows = document.text(cells, "here")
    assert document.parse(rows) == cells[::-1]
