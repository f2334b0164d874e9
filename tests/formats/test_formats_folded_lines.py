"""The fast way through folded text says what the plain one says, for any text; and is no worse in odd cases."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_action.errors import InputError
from perf_action.formats.folded import to_folded
from perf_action.formats.folded.lines import FoldedLines, read_folded
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame, add_stacks, count_stacks
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import FunctionKey, Profile, ValueKind
from perf_action.model.tree import costs

KIND = ValueKind("cpu", "samples")


def plainly(source: Source) -> Profile:
    builder = ProfileBuilder([KIND])
    add_stacks(builder, count_stacks(source))
    return builder.build()


def outcome(read, source: Source) -> object:
    try:
        profile = read(source)
    except (InputError, ValueError) as error:
        return str(error)
    profile.check()
    return to_folded(profile), costs(profile)


pieces = st.sampled_from(
    [
        "a",
        "b c",
        ";",
        ";",
        " ",
        "\n",
        "\n",
        "1",
        "20",
        " 7\n",
        " 0\n",
        "\t",
        "\r",
        "é",
        "-",
        "\u3000",
        "\x1f",
        ";;",
        "٣",
    ]
)


@pytest.mark.once
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(text=st.lists(pieces, min_size=1, max_size=25).map("".join))
def test_as_the_plain_way(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(f"{text}\nmain;f 3\n")
    assert outcome(lambda s: read_folded(s, KIND), Source(path, ReadOptions())) == outcome(
        plainly, Source(path, ReadOptions())
    )


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfa;b 1\n", b"a;\xff\xe9 2\n", b"a;b 1", b"a;b 1\r\nc 2\r\n", b"\n\n 4\n\na 1\n"]
)
def test_odd_bytes(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    assert outcome(lambda s: read_folded(s, KIND), Source(path, ReadOptions())) == outcome(
        plainly, Source(path, ReadOptions())
    )


def test_pieces_of_text_do_not_matter() -> None:
    lines = [f"main;f{n % 50};g{n % 7} {n}\n".encode() for n in range(3000)]
    whole, single = FoldedLines(Frame), FoldedLines(Frame)
    whole.feed(b"".join(lines))
    for line in lines:
        single.feed(line)
    assert to_folded(whole.profile(KIND)) == to_folded(single.profile(KIND))


def test_more_line_ends_than_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("".join(f"main;f{n % 3} {n}\n" for n in range(400_000)))
    found = costs(read_folded(Source(path, ReadOptions()), KIND))
    assert {key: cost.self for key, cost in found.items() if cost.self} == {
        FunctionKey(f"f{k}"): sum(range(k, 400_000, 3)) for k in range(3)
    }
