"""Annotations, job summary and outputs: what a step tells the runner."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.github.annotations import Annotation, command, in_repository, plain_line, shown, warning
from perf_action.github.outputs import entry, write_outputs
from perf_action.github.summary import MAX_BYTES, append_summary, fitting


def test_a_command_escapes_what_would_end_it() -> None:
    annotation = Annotation(
        level="error", title="a,b:c%", message="50 %\n::error::x\r", file="src/a,b.py", line=7
    )
    assert command(annotation) == (
        "::error title=a%2Cb%3Ac%25,file=src/a%2Cb.py,line=7::50 %25\\x0a::error::x\\x0d"
    )
    assert warning("x") == "::warning title=perf-action::x"


@given(st.text(max_size=200), st.text(max_size=50))
def test_whatever_is_in_it_a_command_is_one_line(message: str, title: str) -> None:
    line = command(Annotation(level="warning", title=title, message=message))
    assert len(line.splitlines()) == 1
    assert line.startswith("::warning ")
    properties = line.removeprefix("::warning ").split("::")[0]
    assert all(part.count("=") >= 1 for part in properties.split(",") if part)


def test_no_place_without_a_file_and_no_more_than_4096_characters() -> None:
    line = command(Annotation(level="notice", title="t", message="x" * 9000, line=3))
    assert line.startswith("::notice title=t::")
    assert len(line.partition("t::")[2]) == 4096


@pytest.mark.parametrize(("given_", "kept", "last"), [(9, 9, "m8"), (10, 10, "m9"), (11, 10, "and 2 more")])
def test_ten_of_each_level_are_shown_and_the_last_says_what_is_missing(given_, kept, last) -> None:
    many = [Annotation(level="warning", title="t", message=f"m{n}") for n in range(given_)]
    others = [Annotation(level="error", title="t", message="e")]
    listed = shown([*many, *others])
    warnings = [a for a in listed if a.level == "warning"]
    assert len(warnings) == kept
    assert last in warnings[-1].message
    assert listed[-1].message == "e"


@pytest.mark.parametrize(
    "text", ["::error::x", "  ::set-output name=a::b", "see ##[error]x", "\x1b[2K::error::x\n::error::y"]
)
def test_a_line_of_the_log_is_never_a_command(text: str) -> None:
    line = plain_line(text)
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
    assert len(line.splitlines()) == 1


def test_places_are_files_of_the_repository(tmp_path: Path) -> None:
    repo, service = tmp_path / "repo", tmp_path / "repo" / "services" / "a"
    service.mkdir(parents=True)
    (service / "app.py").write_text("")
    (repo / "top.py").write_text("")
    (tmp_path / "secret.py").write_text("")
    (repo / "link.py").symlink_to(tmp_path / "secret.py")
    roots = [repo, service]
    assert in_repository("app.py", roots) == "services/a/app.py"
    assert in_repository(str(service / "app.py"), roots) == "services/a/app.py"
    assert in_repository("top.py", roots) == "top.py"
    for elsewhere in (
        "",
        "../secret.py",
        str(tmp_path / "secret.py"),
        "link.py",
        "none.py",
        "services",
        "a\0b",
        "x" * 5000,
    ):
        assert in_repository(elsewhere, roots) == ""
    assert in_repository("app.py", []) == ""


def test_the_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    append_summary(file, "one\n\n")
    append_summary(file, "zwei ü")
    assert file.read_text() == "one\nzwei ü\n"


def test_a_summary_over_the_limit_is_cut_at_a_line(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("x" * 1000)
    append_summary(file, "zeile ü\n" * 200_000)
    text = file.read_bytes().decode()
    assert MAX_BYTES - 20 < file.stat().st_size <= MAX_BYTES
    assert "zeile ü\n\n\n_The rest was cut off" in text
    append_summary(file, "no room\n" * 100)
    assert file.stat().st_size <= MAX_BYTES
    assert fitting("long enough\n" * 50, 10) == b""


def test_no_value_can_end_itself_and_add_an_output(tmp_path: Path) -> None:
    file = tmp_path / "output"
    draws = iter(["a", "b", "c"])
    hostile = "x\nperf_action_a\nevil=1"
    write_outputs(file, {"one": hostile, "two": ""}, lambda: next(draws))
    assert (
        file.read_text()
        == f"one<<perf_action_b\n{hostile}\nperf_action_b\ntwo<<perf_action_c\n\nperf_action_c\n"
    )


def test_delimiters_are_drawn_anew(tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_outputs(tmp_path / name, {"a": "x"})
    assert (tmp_path / "1").read_text() != (tmp_path / "2").read_text()
    with pytest.raises(ValueError, match="not the name of an output"):
        entry("a<<b\n", "x", lambda: "d")
