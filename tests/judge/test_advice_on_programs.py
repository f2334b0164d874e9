"""Small Python programs, each with one defect, under the real py-spy: is the cause named, and the line? And a clean one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from perf_action.judge.advice import advise
from perf_action.model.advice import Advice
from perf_action.pipeline.reading import load_snapshot
from perf_action.profilers.py_spy import program
from perf_action.system import System

pytestmark = pytest.mark.slow

#: name of the defect -> imports, the body of `defect(n)`, the rule, and whether C functions have to be visible
DEFECTS: dict[str, tuple[str, str, str, bool]] = {
    "json": ("json", "json.dumps(DOCUMENT)", "python-json", False),
    "json twice": (
        "json",
        "size = len(json.dumps(DOCUMENT, indent=1))\nreturn size, json.dumps(DOCUMENT, indent=1)",
        "python-json-twice",
        False,
    ),
    "regex": ("re", "re.compile('a(b|c)*%d' % n).match('abcb')", "python-regex-compile", False),
    "deepcopy": ("copy", "copy.deepcopy(DOCUMENT)", "python-deepcopy", False),
    "strptime": ("datetime", "datetime.datetime.strptime('2024-01-05', '%Y-%m-%d')", "python-strptime", False),
    "logging": ("logging", "logging.getLogger('shop').warning('item %d', n)", "python-logging", False),
    "import": (
        "importlib, sys",
        "sys.modules.pop('json.tool', None)\nimportlib.import_module('json.tool')",
        "python-import-in-function",
        False,
    ),
    "tls": ("ssl", "ssl.create_default_context()", "python-tls-context", False),
    "subprocess": ("subprocess", "subprocess.run(['true'], check=True)", "python-subprocess", False),
    "traceback": ("traceback", "try:\n    int('x')\nexcept ValueError:\n    traceback.format_exc()", "python-traceback", False),
    "classes": ("collections", "collections.namedtuple('Item', 'a b')", "python-class-made-anew", False),
    "quadratic": ("", "[i for i in NUMBERS[-40:] if i in NUMBERS]", "python-hot-function", False),
    "connections": ("sqlite3", "c = sqlite3.connect(':memory:')\nc.execute('select 1')\nc.close()", "python-cache-made-anew", False),
    "garbage": ("gc", "gc.collect()", "python-gc", True),
    "sleep in async": (
        "asyncio, time",
        "asyncio.run(serve())",
        "python-sleep-in-async",
        True,
    ),
}  # fmt: skip

#: an event loop, whose callbacks sleep
SERVE = """
async def answer():
    time.sleep(0.005)
    await asyncio.sleep(0)

async def serve():
    while time.time() < END:
        await answer()
"""

#: how long each is sampled. The programs run on until py-spy has its samples and ends them: with C functions it reads
#: symbols first, which takes longer than the program itself on a busy machine.
SECONDS = 2

PROGRAM = """
import sys
{imports}
import time
END = time.time() + 100
DOCUMENT = {{"items": [{{"id": i, "name": "item %d" % i, "tags": ["a", "b"]}} for i in range(40)]}}
NUMBERS = list(range(20000))

{serve}

def defect(n):
{body}

def main():
    n = 0
    while time.time() < END:
        defect(n)
        n += 1

main()
"""

#: fourteen functions of about the same cost, none of which does anything foolish
CLEAN = (
    "import time\nEND = time.time() + 100\n"
    + "".join(f"def step_{i}(n):\n    total = 0\n    for k in range(200):\n        total += k * {i} ^ n\n    return total\n" for i in range(14))
    + "def main():\n    n = 0\n    while time.time() < END:\n        n += 1\n"
    + "".join(f"        step_{i}(n)\n" for i in range(14))
    + "main()\n"
)  # fmt: skip


def profiled(text: str, folder: Path, system: System, *, native: bool) -> tuple[Advice, ...]:
    script, out = folder / "shop.py", folder / "py-spy.raw"
    script.write_text(text)
    options = [
        "--rate",
        "200",
        "--duration",
        str(SECONDS),
        "--full-filenames",
        "--format",
        "raw",
        *["--native"] * native,
        "--output",
        str(out),
    ]
    run = [program(system), "record", *options, "--", sys.executable, str(script)]
    subprocess.run(run, check=True, capture_output=True, timeout=120, cwd=folder)
    return advise(load_snapshot(out, system), None, (), ())


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named_with_its_function(name: str, tmp_path: Path, system: System) -> None:
    imports, body, rule, native = DEFECTS[name]
    text = PROGRAM.format(
        imports=f"import {imports}" if imports else "",
        serve=SERVE if "serve()" in body else "",
        body="".join(f"    {line}\n" for line in body.split("\n")),
    )
    advice = profiled(dedent(text), tmp_path, system, native=native)
    found = {a.rule: a for a in advice}
    assert rule in found, [(a.rule, a.share, a.function) for a in advice]
    mine = found[rule]
    assert advice.index(mine) < 3  # it is shown
    assert mine.function.rpartition(".")[2] in ("defect", "answer", "<listcomp>")
    assert mine.file.endswith("shop.py")
    assert mine.line > 0
    assert mine.evidence


def test_a_clean_program_gives_no_advice(tmp_path: Path, system: System) -> None:
    advice = profiled(CLEAN, tmp_path, system, native=False)
    assert [(a.rule, a.share, a.function) for a in advice] == []
