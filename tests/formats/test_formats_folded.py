"""Folded stacks, py-spy's frames, and what may not be in either."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats import py_spy_frames
from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.tree import costs
from perf_action.system import System


def read(text: str | bytes, folder: Path, system: System) -> Profile:
    (folder / "x").write_bytes(text.encode() if isinstance(text, str) else text)
    return formats.read(folder / "x", system).captures[0].profile


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b 1\na;b;c\n", "line 2: does not end in a count"),
        ("a;b -3\n", "line 1: .*'-3' is not a whole number"),
        ("a;b 2.5\n", "'2.5'"),
        ("a;b nan\n", "'nan'"),
        ("a;b 1\n42\n", "line 2: a count without a stack"),
        ("a;b 99999999999999999999999\n", "line 1: count 9+ is too large"),
        ("a;b 9223372036854775807\na;c 1\n", "too large"),
        ("a;b ٣\n", "not a whole number"),
    ],
)
def test_a_line_that_is_wrong_is_named(text: str, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(text, tmp_path, system)


def test_equal_lines_are_summed_and_zeros_are_nothing(system: System, tmp_path: Path) -> None:
    profile = read("a;b 1\n" * 1000 + "a;c 0\n", tmp_path, system)
    assert profile.total() == 1000
    assert len(profile.sample_stack) == 1


def test_only_zeros_are_said_to_be_no_samples(system: System, tmp_path: Path) -> None:
    assert "the profile holds no samples: every count is zero" in read("a;b 0\n", tmp_path, system).notes


def test_a_function_counts_once_however_deep_it_recurses(system: System, tmp_path: Path) -> None:
    profile = read(";".join(["rec"] * 100_000) + " 10\n", tmp_path, system)
    assert costs(profile) == {FunctionKey("rec"): (10, 10)}


def test_names_are_kept_as_they_are(system: System, tmp_path: Path) -> None:
    names = [
        "operator new[](unsigned long)",
        "<b>&",
        "__proto__",
        "%s{0}$(id)",
        "\x1b[31mred",
        "\u202eevil",
        "x" * 100_000,
    ]
    profile = read("".join(f"main;{name} 1\n" for name in names), tmp_path, system)
    assert {key.name for key in profile.function_keys} == {"main", *names}


def test_a_sample_without_frames_is_unknown(system: System, tmp_path: Path) -> None:
    profile = read("main (app.py:1);f (app.py:2) 3\n 2\n", tmp_path, system)
    assert costs(profile)[FunctionKey("[unknown]")] == (2, 2)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("encode (app.py:12)", Frame("encode", "app.py", "", 12)),
        ("<module> (<string>:1)", Frame("<module>", "<string>", "", 1)),
        (
            "_load (<frozen importlib._bootstrap>:690)",
            Frame("_load", "<frozen importlib._bootstrap>", "", 690),
        ),
        ("f (app (copy).py:3)", Frame("f", "app (copy).py", "", 3)),
        (
            "ns::(anonymous namespace)::f(int) (lib.so)",
            Frame("ns::(anonymous namespace)::f(int)", "", "lib.so"),
        ),
        ("clock_nanosleep (libc.so.6)", Frame("clock_nanosleep", "", "libc.so.6")),
        ("sleep (/usr/lib/libc-2.31.so)", Frame("sleep", "", "libc-2.31.so")),
        ("encoder_call (_json.c)", Frame("encoder_call", "_json.c")),
        ("dumps (json/__init__.py)", Frame("dumps", "json/__init__.py")),
        ("0x7f66b238c14a (libc.so.6)", Frame("[unknown]", "", "libc.so.6")),
        ("0x7fadf8b5a7a0 (?)", Frame("[unknown]")),
        ("main", Frame("main")),
        ("f ()", Frame("f")),
        (" (x)", Frame(" (x)")),
    ],
)
def test_frames_of_py_spy(text: str, frame: Frame) -> None:
    assert py_spy_frames.frame(text) == frame


@pytest.mark.parametrize(
    ("stack", "thread", "frames"),
    [
        ("thread (22490): MainThread;a (x.py:1)", "MainThread", ["a (x.py:1)"]),
        ("thread (0x7F01);a (x.py:1)", "0x7F01", ["a (x.py:1)"]),
        ("thread (1): Thread-1 (work);a (x.py:1)", "Thread-1 (work)", ["a (x.py:1)"]),
        ('process 12:"python x.py a;b "q" z";thread (12): odd;name;a (x.py:1)', "odd;name", ["a (x.py:1)"]),
        ('process 1:"sh";process 2:"python";a (x.py:1)', None, ["a (x.py:1)"]),
        ("a (x.py:1);b (x.py:2)", None, ["a (x.py:1)", "b (x.py:2)"]),
        ("thread (1): x", "x", []),
    ],
)
def test_process_and_thread_are_no_functions(stack: str, thread: str | None, frames: list[str]) -> None:
    assert py_spy_frames.split(stack) == (thread, frames)


@pytest.mark.parametrize("text", ["encode (app.py:12)", "f (libc.so.6)", "<module> (<string>:1)", "main"])
def test_a_frame_is_written_as_it_is_read(text: str) -> None:
    frame = py_spy_frames.frame(text)
    assert py_spy_frames.text(FunctionKey(frame.name, frame.file, frame.module), frame.line) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("main;work (detached) 3\n", "folded"),
        ("f (x.py:1);g 3\n", "folded"),
        ("f(int) (x) 3\n", "folded"),
        ("f (x.py:1) 3\n", "py-spy-raw"),
        ("main<0000000000001149>;f 2\n", "gperftools-collapsed"),
        ("std::vector<int>;f 2\n", "folded"),
        ("[unknown];f 2\n", "folded"),
        ("{closure};f 2\n", "folded"),
        ("[[kernel]];f 2\n", "folded"),
    ],
)
def test_dialects_are_told_apart(text: str, name: str, system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    assert formats.read(tmp_path / "x", system).format == name
