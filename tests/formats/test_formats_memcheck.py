"""memcheck's XML: leaks as its own summary has them, errors, protocols, and its log rendered again."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.memcheck.log import main as print_log
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples" / "memcheck"
LOSS = (
    "<error><unique>0x1</unique><tid>1</tid><kind>Leak_DefinitelyLost</kind><xwhat><text>"
    "40 (16 direct, 24 indirect) bytes in 2 blocks are definitely lost in loss record 1 of 1</text>"
    "<leakedbytes>40</leakedbytes><leakedblocks>2</leakedblocks></xwhat><stack>"
    "<frame><ip>0x9</ip><obj>/x/vgpreload_memcheck-amd64-linux.so</obj><fn>malloc</fn></frame>"
    "<frame><ip>0x1</ip><obj>/bin/a</obj><fn>f</fn><dir>/src</dir><file>a.c</file><line>3</line></frame>"
    "</stack></error>"
)
FINISHED = "<status><state>FINISHED</state></status>"
SUMMARY = (
    "<heap_summary><memory_in_use_at_exit><bytes>72</bytes><blocks>3</blocks></memory_in_use_at_exit><total_heap_usage>"
    "<allocs>5</allocs><frees>2</frees><bytes_allocated>720</bytes_allocated></total_heap_usage></heap_summary>"
    "<leak_summary><definitely_lost><bytes>16</bytes><in_blocks>2</in_blocks></definitely_lost>"
    "<indirectly_lost><bytes>24</bytes></indirectly_lost><possibly_lost><bytes>0</bytes></possibly_lost>"
    "<still_reachable><bytes>32</bytes></still_reachable><suppressed><bytes>8</bytes></suppressed></leak_summary>"
    "<error_summary><errors>1</errors><error_contexts>1</error_contexts><suppressed>0</suppressed>"
    "<suppressed_contexts>0</suppressed_contexts></error_summary>"
)


def xml(body: str, *, protocol: str = "4", options: str = "", tool: str = "memcheck") -> str:
    words = "".join(f"<arg>{option}</arg>" for option in options.split())
    return (
        f'<?xml version="1.0"?>\n\n<valgrindoutput>\n<protocolversion>{protocol}</protocolversion>\n'
        f"<protocoltool>{tool}</protocoltool><pid>7</pid><args><vargv><exe>v</exe>{words}</vargv></args>"
        f"{body}</valgrindoutput>\n"
    )


@pytest.fixture
def read(system: System, tmp_path: Path):
    def reading(text: str) -> Capture:
        (tmp_path / "m").write_text(text)
        return formats.read(tmp_path / "m", system)

    return reading


def metrics(capture: Capture) -> dict[str, float]:
    return {m.name.removeprefix("memory."): m.samples[0] for m in capture.metrics}


def own(capture: Capture, kind: str) -> dict[str, int]:
    profile = capture.captures[0].profile
    column = profile.find_kind(kind)
    return {} if column is None else {k.name: c.self for k, c in costs(profile, column).items() if c.self}


def test_leaks_are_those_of_the_summary_with_direct_bytes_only(system):
    capture = formats.read(SAMPLES / "leaks.xml", system)
    assert metrics(capture) == {
        "leak.definite": 1224, "leak.indirect": 168, "leak.possible": 120, "leak.reachable": 2560, "errors": 0,
    }  # fmt: skip
    lost = {"prune": 1200, "chain": 192, "hedge": 120}
    assert (own(capture, "lost"), own(capture, "leaked")) == (lost, {**lost, "store": 2560})
    assert capture.captures[0].profile.tool_version
    assert capture.captures[0].profile.fidelity == "exact"


@pytest.mark.parametrize("sample", ["lost.xml", "summary.xml"])
def test_what_was_not_asked_for_is_not_zero(system, sample):
    """Without --show-leak-kinds=all reachable memory is not in the file, and what is lost indirectly only in a text."""
    capture = formats.read(SAMPLES / sample, system)
    assert metrics(capture) == {
        "leak.definite": 1224,
        "leak.possible": 120,
        "leak.indirect": 168,
        "errors": 0,
    }
    assert own(capture, "lost") == {"prune": 1200, "chain": 192, "hedge": 120}
    assert "still reachable was not reported" in capture.notes[0]


def test_leak_checks_of_a_running_program_are_not_added_up(system):
    capture = formats.read(SAMPLES / "checks.xml", system)
    assert metrics(capture)["leak.definite"] == 1224 + 3 * 100
    assert capture.notes == ("2 loss records of leak checks while the program ran are left out",)


def test_errors_are_counted_once_each_and_named(system):
    capture = formats.read(SAMPLES / "errors.xml", system)
    assert metrics(capture)["errors"] == 3
    assert own(capture, "errors") == {"overrun": 1, "stale": 1, "twice": 1}
    assert "Invalid read of size 1 in stale, 3 times" in capture.notes


def test_frames_have_their_file_and_program(read):
    profile = read(xml(FINISHED + LOSS)).captures[0].profile
    assert [tuple(key) for key in profile.function_keys] == [("f", "/src/a.c", "/bin/a")]
    assert profile.frame_line.tolist() == [3]


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ("--show-leak-kinds=all", {"definite", "indirect", "possible", "reachable"}),
        ("--leak-check=no --show-reachable=yes", {"definite", "indirect", "possible", "reachable"}),
        ("--show-leak-kinds=all --show-reachable=no", {"definite", "indirect", "possible"}),
        ("--show-leak-kinds=reachable", {"reachable"}),
        ("--show-leak-kinds=none", set()),
        ("--show-possibly-lost=no", {"definite", "indirect"}),
        ("--show-leak-kinds=none --show-possibly-lost=yes", {"possible"}),
        ("--show-leak-kinds=all --xtree-leak=yes", set()),
        ("", {"definite", "indirect", "possible", "reachable"}),
    ],
)
def test_which_kinds_a_report_tells(read, options, known):
    capture = read(xml(FINISHED, options=options))
    assert {name.partition(".")[2] for name in metrics(capture) if name.startswith("leak.")} == known


def test_protocol_6_has_the_summary_itself(read):
    capture = read(xml(FINISHED + LOSS + SUMMARY, protocol="6"))
    assert metrics(capture) == {
        "leak.definite": 16, "leak.indirect": 24, "leak.possible": 0, "leak.reachable": 32, "errors": 0,
        "allocations": 5, "allocated": 720,
    }  # fmt: skip


@pytest.mark.parametrize("protocol", ["1", "2", "3"])
def test_older_protocols_have_the_sizes_in_the_error(read, protocol):
    old = LOSS.replace("<xwhat><text>", "<what>").replace("</text>", "</what>").replace("</xwhat>", "")
    text = xml(FINISHED + old, protocol=protocol).replace("<protocoltool>memcheck</protocoltool>", "")
    assert metrics(read(text))["leak.definite"] == 16


def test_the_users_own_comment_is_not_taken_for_an_error(read):
    assert metrics(read(xml(f"<usercomment>{LOSS}</usercomment>{FINISHED}")))["leak.definite"] == 0


def test_a_program_that_a_signal_ended(read):
    fatal = "<fatal_signal><tid>1</tid><signo>11</signo><signame>SIGSEGV</signame></fatal_signal>"
    assert "the program was ended by SIGSEGV" in read(xml(fatal + FINISHED)).notes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (xml(FINISHED)[:-20], "not valid XML: .*valgrind was killed before it had written the end"),
        (xml(FINISHED) * 2, "several processes wrote to one file; name it with %p"),
        (xml(FINISHED, protocol="7"), "protocol version '7' is not known; known are 1 to 6"),
        (xml(FINISHED, protocol=""), "protocol version '' is not known"),
        (xml(FINISHED, tool="helgrind"), "is a report of helgrind, not of memcheck"),
        (xml(FINISHED + LOSS.replace(">40<", ">41<")), r"error 0x1: leakedbytes 41 are not 16 \+ 24"),
        (xml(FINISHED + LOSS.replace(">40<", "><")), "error 0x1: a number is missing"),
        (xml(FINISHED + LOSS.replace(">40<", ">-40<")), "'-40' where a number should be"),
        (xml(FINISHED + LOSS.replace("Leak_DefinitelyLost", "Leak_Odd")), "unknown kind of leak 'Leak_Odd'"),
        (xml(FINISHED + LOSS.replace(">40<", f">{9 * 10**18}<").replace("16 direct", "8999999999999999976 direct") * 3),
         "too large for a profile"),
        (xml("<a>&x;</a>"), "not valid XML: undefined entity"),
        (xml(FINISHED).replace("<valgrindoutput>", '<!DOCTYPE a [<!ENTITY x "y">]><valgrindoutput>'), "XML file"),
        (xml(FINISHED).replace('<?xml version="1.0"?>\n', "").replace(
            "<pid>", "<!-- c --><pid>") + "<!DOCTYPE a>", "junk after|not valid XML"),
    ],
)  # fmt: skip
def test_a_damaged_report_is_an_error(read, text, reason):
    with pytest.raises(InputError, match=reason):
        read(text)


def test_no_entity_is_expanded_behind_a_comment(read):
    bomb = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    text = f'<!-- a --><valgrindoutput/><!DOCTYPE v [<!ENTITY e0 "x">{bomb}]>'
    with pytest.raises(InputError):
        read(text)


def test_control_characters_of_an_argument_are_no_harm(read):
    assert metrics(read(xml(FINISHED).replace("<exe>v<", "<exe>\x01\x1bv<")))["errors"] == 0


def test_a_document_nested_deeply_is_no_harm(read):
    n = 100_000
    assert metrics(read(xml(FINISHED + "<a>" * n + "</a>" * n)))["errors"] == 0


# --- the log ---------------------------------------------------------------------------------------------------------


def printed(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert print_log(str(path)) == 0
    return capsys.readouterr().out


def test_the_log_is_what_valgrind_prints_without_xml(capsys):
    text = printed(SAMPLES / "leaks.xml", capsys)
    lines = [line.partition("== ")[2] for line in text.splitlines()]
    assert (
        "192 (24 direct, 168 indirect) bytes in 1 blocks are definitely lost in loss record 3 of 5" in lines
    )
    assert "   definitely lost: 1,224 bytes in 13 blocks" in lines
    assert "   still reachable: 2,560 bytes in 5 blocks" in lines
    assert lines[-1] == "ERROR SUMMARY: 3 errors from 3 contexts (suppressed: 0)"
    assert len({line.partition(" ")[0] for line in text.splitlines()}) == 1


def test_the_log_has_where_a_block_came_from(capsys):
    text = printed(SAMPLES / "errors.xml", capsys)
    assert " Address 0x" in text
    assert "free'd" in text
    assert "ERROR SUMMARY: 5 errors from 3 contexts" in text


def test_the_log_of_protocol_6_has_its_summaries(tmp_path, capsys):
    (tmp_path / "m").write_text(xml(FINISHED + LOSS + SUMMARY, protocol="6"))
    text = printed(tmp_path / "m", capsys)
    assert "==7==   total heap usage: 5 allocs, 2 frees, 720 bytes allocated\n" in text
    assert "==7==      possibly lost: 0 bytes" in text


def test_the_log_of_a_broken_report_is_an_error(tmp_path, capsys):
    (tmp_path / "m").write_text(xml(FINISHED)[:-9])
    assert print_log(str(tmp_path / "m")) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'm'}: line")
