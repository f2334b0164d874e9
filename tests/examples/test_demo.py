"""The demo's second commit: it applies, does what it says, is slower in one function and leaks in another; and the
files the demo needs lie in the package.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import pytest

from perf_action.config import read_config

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/schema-registry-python"
DEMO = ROOT / "perf_action/resources/demo"

PRINT_COST = """
import json, sys
from registry.canonical import canonicalise, fingerprint
from registry.references import self_contained
from registry.samples import schema
whole = self_contained(schema("orders", 3))
bytecodes = 0
def count(frame, event, arg):
    global bytecodes
    frame.f_trace_opcodes = True
    bytecodes += event == "opcode"
    return count
sys.settrace(count)
canonical = canonicalise(whole)
sys.settrace(None)
print(json.dumps({"cost": bytecodes, "fingerprint": fingerprint(canonical)}))
"""


def test_the_patch_touches_few_lines_of_the_service_only(copies):
    base, head = copies
    changed = {
        p.relative_to(base)
        for p in base.rglob("*")
        if p.is_file() and p.read_bytes() != (head / p.relative_to(base)).read_bytes()
    }
    assert changed == {Path("registry/audit.py"), Path("registry/canonical.py"), Path("registry/routes.py")}
    assert {p.relative_to(head) for p in head.rglob("*.py")} == {
        p.relative_to(base) for p in base.rglob("*.py")
    }


def test_it_fingerprints_as_before_and_sees_unicode_forms(copies, system):
    base, head = copies
    code = (
        "import json; from registry.canonical import canonicalise; from registry.samples import *\n"
        "print(json.dumps([canonicalise(schema(s, v)) for s in SUBJECTS for v in (1, 2, 3)]))\n"
        "print(canonicalise({'title': 'x', 'const': 'e\\u0301'}) == canonicalise({'const': '\\u00e9'}))"
    )
    said = [
        system.run([sys.executable, "-c", code], cwd=folder).stdout.splitlines() for folder in (base, head)
    ]
    assert said[0][0] == said[1][0]
    assert len(json.loads(said[0][0])) == 36
    assert [lines[1] for lines in said] == ["False", "True"]


def grown_by_records(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> float:
    """Bytes that each of `count` recorded requests leaves behind."""
    for name in [n for n in sys.modules if n.startswith("registry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(folder)
    from registry.audit import RequestLog  # noqa: PLC0415

    assert Path(sys.modules["registry.audit"].__file__).is_relative_to(folder)
    log = RequestLog()
    headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"load"), (b"x-api-key", b"secret-key")]
    scope = {"method": "GET", "path": "/schemas/1", "headers": headers}
    body = b"x" * 4500

    def record(start: int, end: int) -> None:
        for i in range(start, end):
            log.record_request(f"{i:032x}", scope, 200, body, 0.001)

    record(0, 500)
    tracemalloc.start()
    record(500, 500 + count)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "secret-key" not in repr(list(log.recent))
    assert len(list(log.recent)) == 256
    for name in [n for n in sys.modules if n.startswith("registry")]:
        monkeypatch.delitem(sys.modules, name)
    return grown / count


def test_one_function_leaks(copies, monkeypatch):
    base, head = copies
    assert abs(grown_by_records(base, monkeypatch, 2000)) < 100
    assert 2000 < grown_by_records(head, monkeypatch, 2000) < 4500


def test_another_is_slower_by_about_a_half(copies, system):
    said = [
        json.loads(system.run([sys.executable, "-c", PRINT_COST], cwd=folder).stdout) for folder in copies
    ]
    assert said[0]["fingerprint"] == said[1]["fingerprint"]
    assert 1.4 < said[1]["cost"] / said[0]["cost"] < 1.7


@pytest.mark.parametrize("file", [DEMO / "demo.yml", EXAMPLE / "perf.yml"], ids=lambda p: p.name)
def test_the_settings_are_right_and_name_files_that_are_there(file):
    config = read_config(file)
    assert config.load["baseline"].tool == "locust"
    for scenario in config.load.values():
        assert (EXAMPLE / scenario.script).is_file()
    assert {s.profiler for s in config.stages.values()} == {"py-spy", "memray"}


def test_there_is_one_source_of_the_example():
    packaged = DEMO / "schema-registry-python"
    assert packaged.resolve() == EXAMPLE
    assert (packaged / "registry/app.py").is_file()
