"""Whatever a file holds: an answer, or one of our errors; never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.listing import listing
from perf_action.system import System

SAMPLES = sorted(p for p in (Path(__file__).resolve().parent / "samples").rglob("*") if p.is_file())
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
]
QUICK = settings(
    max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
LONG = settings(QUICK, max_examples=400, derandomize=False)


def survives(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            capture = formats.read(Path(file.name), System({}))
        except InputError:
            return
        for profile in listing(capture)["profiles"]:
            assert sum(f["self"] for f in profile["functions"]) == profile["total"]


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A sample with some bytes changed, cut out or doubled."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(out) - 1)))
        what = draw(st.sampled_from(["flip", "set", "cut", "drop", "double"]))
        if what == "flip" and out:
            out[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "set" and out:
            out[at] = draw(st.sampled_from(b'\x00\xff0-9{}[]",;\n'))
        elif what == "cut":
            del out[at:]
        elif what == "drop":
            del out[at : at + draw(st.integers(1, 40))]
        else:
            out[at:at] = out[at : at + 30]
    return bytes(out)


@pytest.mark.parametrize("start", STARTS, ids=repr)
@QUICK
@given(data=st.binary(max_size=300))
def test_random_bytes(start: bytes, data: bytes) -> None:
    survives(start + data)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: f"{p.parent.name}/{p.name}")
@QUICK
@given(data=st.data())
def test_damaged_samples(path: Path, data: st.DataObject) -> None:
    survives(data.draw(damaged(path.read_bytes()[:30_000])))


@pytest.mark.slow
@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: f"{p.parent.name}/{p.name}")
@LONG
@given(data=st.data())
def test_damaged_samples_for_long(path: Path, data: st.DataObject) -> None:
    survives(data.draw(damaged(path.read_bytes())))
