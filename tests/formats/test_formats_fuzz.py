"""Whatever a file holds: an answer that adds up, or one of our errors, in bounded time; never anything else.

Over every sample of every reader: bytes changed, cut out and doubled (inside of gzip, too), values of JSON documents
replaced by what nobody expects there, and lines of text put together from what lines are made of.
"""

from __future__ import annotations

import copy
import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError, ToolMissing
from perf_action.formats.listing import listing
from perf_action.formats.readers import READERS
from perf_action.formats.source import ReadOptions, Source
from perf_action.system import System

SAMPLES = sorted(p for p in (Path(__file__).resolve().parent / "samples").rglob("*") if p.is_file())
GZIP = b"\x1f\x8b"
STARTS = [
    b"",
    b"{",
    b"[",
    b'{"schema":1,',
    b'[{"ph":"B",',
    b"\x0a\x04",
    b"\x1f\x8b\x08\0",
    b"a;b ",
    b"f (x.py:1);",
    b"memray",
    b"MOJ\x03\x02",
    b"P1;T0:1;a:b:1 ",
    b"PERFILE2",
    b"v 10300 3\n",
    b"\x28\xb5\x2f\xfd",
    b"HCAT\x01\0\0\0",
    b"# callgrind format\n",
    b"desc: x\ncmd: x\ntime_unit: i\n",
    b"<?xml version='1.0'?><valgrindoutput>",
    b"heap_v2/524288\n",
]
#: seconds that reading a small file may take, whatever is in it; the machine may be busy
PATIENCE = 20.0
QUICK = settings(max_examples=12, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=1000)
SYSTEM = System()


def survives(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        started = time.monotonic()
        answer = said(Path(file.name))
        assert time.monotonic() - started < PATIENCE
    if isinstance(answer, str):
        assert answer.isprintable()
        assert len(answer) <= 2000
    else:
        for profile in answer["profiles"]:
            assert sum(f["self"] for f in profile["functions"]) == profile["total"]
        json.dumps(answer, allow_nan=False)

    assert not unsniffable(data)


def unsniffable(data: bytes) -> list[str]:
    """Readers that cannot even look at it. (`formats.read` would take what they raise for an error of the file.)"""
    out = []
    try:
        source = Source(Path("x"), ReadOptions(max_bytes=1 << 24), data)
    except InputError:
        return out
    for reader in READERS:
        try:
            reader.sniff(source)
        except InputError:
            continue
        except Exception as error:  # noqa: BLE001
            out.append(f"{reader.NAME}: {error!r}")
    return out


def said(path: Path) -> dict[str, Any] | str:
    """What is in the file, or the error."""
    try:
        return listing(formats.read(path, SYSTEM, ReadOptions(max_bytes=1 << 24)))
    except (InputError, ToolMissing) as error:
        return str(error)


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A sample with some bytes changed, cut out or doubled; of what is packed, mostly the inside."""
    packed = data.startswith(GZIP) and draw(st.integers(0, 4)) > 0
    out = bytearray(gzip.decompress(data) if packed else data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(out) - 1)))
        what = draw(st.sampled_from(["flip", "set", "cut", "drop", "double"]))
        if what == "flip" and out:
            out[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "set" and out:
            out[at] = draw(st.sampled_from(b'\x00\xff0-9{}[]",;:\n <>'))
        elif what == "cut":
            del out[at:]
        elif what == "drop":
            del out[at : at + draw(st.integers(1, 40))]
        else:
            out[at:at] = out[at : at + 30]
    return gzip.compress(bytes(out), 1) if packed else bytes(out)


UNEXPECTED = [
    None, True, -1, 0, 2**31, 2**63, 2**64, 10**400, 1e308, -0.5, 1e-320, "", "x", ";", "\0\n\x1b[31m", "\ud800", "9" * 5000, [], {}, [[]],
    [None], {"": None}, [1] * 50, {"a": [{"b": 1}]},
]  # fmt: skip


@st.composite
def unexpected(draw: st.DrawFn, document: Any) -> bytes:
    """A JSON document with a few of its values replaced, left out or put elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        at = document
        while isinstance(at, (dict, list)) and at:
            keys = list(at) if isinstance(at, dict) else range(len(at))
            key = draw(st.sampled_from(keys))
            if not isinstance(at[key], (dict, list)) or not at[key] or draw(st.integers(0, 4)) == 0:
                if draw(st.integers(0, 3)):
                    at[key] = copy.deepcopy(draw(st.sampled_from(UNEXPECTED)))
                else:
                    del at[key]
                break
            at = at[key]
    return json.dumps(document).encode()


WORDS = st.sampled_from(
    ["main", "a b", ";", ";;", " ", "\t", "\r", "(x.py:3)", "/a.py:f:1", ":", ":GC:", "tid:1", "P1;T0:1", "thread (1): x", 'process 1:"y"',
     "<module>", "[unknown]", "0x7f", "<0000000000001060>", "é", "\x00", "\x1b[31m", "\u202e", "\ud800", "x" * 3000, "#", "# mode: full",
     "1", "-1", "0", "1.5", "1e9", "NaN", "9" * 30, "18446744073709551616", "1,0,-5", "%", "{", "}", '"', ",", "=", "main;main;main"]
)  # fmt: skip
LINES = st.lists(st.lists(WORDS, max_size=8).map("".join), max_size=12).map("\n".join)


def is_json(path: Path) -> bool:
    data = path.read_bytes()
    data = gzip.decompress(data) if data.startswith(GZIP) else data
    try:
        return isinstance(json.loads(data), (dict, list))
    except ValueError:
        return False


DOCUMENTS = [p for p in SAMPLES if is_json(p) and p.stat().st_size < 60_000]


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def document_of(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if data.startswith(GZIP) else data)


@pytest.mark.parametrize("start", STARTS, ids=repr)
@QUICK
@given(data=st.binary(max_size=300))
def test_random_bytes(start: bytes, data: bytes) -> None:
    survives(start + data)


@settings(QUICK, max_examples=150)
@given(text=LINES)
def test_lines_of_everything(text: str) -> None:
    survives(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("path", SAMPLES, ids=name)
@QUICK
@given(data=st.data())
def test_damaged_samples(path: Path, data: st.DataObject) -> None:
    survives(data.draw(damaged(path.read_bytes()[:30_000])))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
@QUICK
@given(data=st.data())
def test_documents_with_something_unexpected(path: Path, data: st.DataObject) -> None:
    survives(data.draw(unexpected(document_of(path))))


@pytest.mark.fuzz
@pytest.mark.parametrize("path", SAMPLES, ids=name)
@LONG
@given(data=st.data())
def test_damaged_samples_for_long(path: Path, data: st.DataObject) -> None:
    survives(data.draw(damaged(path.read_bytes())))


@pytest.mark.fuzz
@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
@LONG
@given(data=st.data())
def test_documents_with_something_unexpected_for_long(path: Path, data: st.DataObject) -> None:
    survives(data.draw(unexpected(document_of(path))))


@pytest.mark.fuzz
@settings(LONG, max_examples=5000)
@given(text=LINES)
def test_lines_of_everything_for_long(text: str) -> None:
    survives(text.encode("utf-8", "surrogatepass"))
