"""Text of perf script: every way in which it is printed, cut into any pieces; and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.folded import to_folded
from perf_action.formats.perf import frames as perf_frames
from perf_action.formats.perf.frames import Head
from perf_action.formats.perf.samples import Samples
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import FunctionKey, Profile, ValueKind
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples" / "perf-script"
MS = 10**6


@pytest.mark.parametrize(
    ("line", "head"),
    [
        ("java 25607 4794564.109216: cycles:", Head("java", "cycles", 4794564109216000)),
        ("java 12688 [002] 6544038.708352: cpu-clock: ", Head("java", "cpu-clock", 6544038708352000)),
        ("V8 WorkerThread 24636/25607 [000] 94564.109216: cycles:u: ", Head("V8 WorkerThread", "cycles:u", 94564109216000)),
        ("vote   913    72.176760:     257597 cycles:uppp:", Head("vote", "cycles:uppp", 72176760000)),
        ("count 12/34 x  2587 13980.397056:   20408163 cpu-clock: ", Head("count 12/34 x", "cpu-clock", 13980397056000)),
        ("a: b 7 3.5: 9/10 13.000000001: 1 cycles: ", Head("a: b 7 3.5:", "cycles", 13000000001)),
        (" 55 1.000000: cycles: ", Head("", "cycles", 1000 * MS)),
        ("swapper     0 [001] d..1.  1.5: sched:sched_switch: prev_comm=x prev_pid=0", Head("swapper", "sched:sched_switch", 1500 * MS)),
        ("x 1 1.000000: cpu_core/cycles/u: ", Head("x", "cpu_core/cycles/u", 1000 * MS)),
        ("x 1 1.000000: my event: ", Head("x", "my event", 1000 * MS)),
        ("cpu_svc 12184 cpu-clock: ", Head("cpu_svc", "cpu-clock")),
        ("worker 12 345 cycles: ", Head("worker 12", "cycles")),
        ("cpu_svc 12184 ", Head("cpu_svc")),
        ("x 1/2  1.5: ", Head("x", "", 1500 * MS)),
        (
            "         cpu_svc 12224 521.400679:    2004008 cpu-clock:      563e0f20b172 hash_block+0x29 (/srv/bin/cpu_svc)",
            Head("cpu_svc", "cpu-clock", 521400679000, "563e0f20b172 hash_block+0x29 (/srv/bin/cpu_svc)"),
        ),
        ("              dd 12224 cycles:      563e0f20b172 f (/x)", Head("dd", "cycles", None, "563e0f20b172 f (/x)")),
        ("\t           15f31 f+0x31 (/srv/bin/x)", None),
        ("", None),
        ("x" * 9000 + " 1 1.5: cycles: ", None),
    ],
)  # fmt: skip
def test_who_was_sampled(line: str, head: Head | None) -> None:
    assert perf_frames.head(line) == head


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("15f31 cpu_rs::tokenize+0x31 (/srv/bin/cpu_rs)", Frame("cpu_rs::tokenize", "", "cpu_rs")),
        ("15f31 cpu_rs::tokenize", Frame("cpu_rs::tokenize")),
        ("1 <a::B as c::D<(u8, &str)>>::run+0xc (/x)", Frame("<a::B as c::D<(u8, &str)>>::run", "", "x")),
        ("1 operator()+0x40 (inlined)", Frame("operator()")),
        ("1 f(int (*)(char)) (/x/lib y (1).so)", Frame("f(int (*)(char))", "", "lib y (1).so")),
        ("1 f (/x/bin (deleted))", Frame("f", "", "bin")),
        ("1 f (/x/a)b)", Frame("f", "", "a)b")),
        ("1 a;b c (/x)", Frame("a;b c", "", "x")),
        ("1 f+0x12 (/x/libc.so.6+0x2724a)", Frame("f", "", "libc.so.6")),
        ("7f53389994d0 [unknown] ([unknown])", Frame("[unknown]")),
        ("7f53389994d0 [unknown] (/usr/lib/libstdc++.so.6.0.30)", Frame("[unknown]", "", "libstdc++.so.6.0.30")),
        ("7f1e2215d058  (/lib/libc-2.15.so)", Frame("[unknown]", "", "libc-2.15.so")),
        ("0", Frame("[unknown]")),
        ("ffffffff8103ce3b native_safe_halt ([kernel.kallsyms])", Frame("native_safe_halt", "", "[kernel]")),
        ("ffffffff81aebbfe start_kernel ([kernel.kallsyms].init.text)", Frame("start_kernel", "", "[kernel]")),
        ("8c3453 tcp_sendmsg (/lib/modules/4.3.0/build/vmlinux)", Frame("tcp_sendmsg", "", "[kernel]")),
        ("8c3453 f (/usr/lib/debug/boot/vmlinux-6.1.0-amd64)", Frame("f", "", "[kernel]")),
        ("1 f ([guest.kernel.kallsyms.12])", Frame("f", "", "[guest.kernel]")),
        ("7d8 conntrack+0x7f8f80b8 ([nf_conntrack])", Frame("conntrack", "", "[nf_conntrack]")),
        ("7d8 f (/lib/modules/6.1.0/kernel/net/nf_conntrack.ko.xz)", Frame("f", "", "[nf_conntrack]")),
        ("1 clock_gettime ([vdso])", Frame("clock_gettime", "", "[vdso]")),
        ("7f Ljava/io/PrintStream;::print (/tmp/perf-19982.map)", Frame("Ljava/io/PrintStream;::print", "", "[jit]")),
        ("7f f (/root/.debug/jit/x/jitted-12-3.so)", Frame("f", "", "[jit]")),
        ("7f py::f.<locals>.g:/srv/app.py (/tmp/perf-1.map)", Frame("py::f.<locals>.g", "/srv/app.py", "[jit]")),
        ("xyz f (/x)", None),
    ],
)  # fmt: skip
def test_frames(text: str, frame: Frame | None) -> None:
    assert perf_frames.frame(f"\t {text}") == frame


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("  app.c:12", ("app.c", 12)),
        ("  a:b.c:3 (inlined)", ("a:b.c", 3)),
        ("  ??:0", ("", 0)),
        ("  libx.so[1a2b]", ("", 0)),
    ],
)
def test_source_lines(text: str, place: tuple[str, int]) -> None:
    assert perf_frames.source_line(text) == place


def read(text: str | bytes, system: System, folder: Path, options: ReadOptions | None = None) -> Profile:
    (folder / "x").write_bytes(text.encode() if isinstance(text, str) else text)
    capture = formats.read(folder / "x", system, options or ReadOptions())
    assert capture.format == "perf-script"
    profile = capture.captures[0].profile
    profile.check()
    return profile


def sample(*frames: str, head: str = "app 1 1.5: 9 cycles: ") -> str:
    return head + "\n" + "".join(f"\t            1f {frame}\n" for frame in frames) + "\n"


ONE = sample("f (/x)", "main (/x)")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.txt")), ids=lambda p: p.name)
@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_pieces_do_not_matter(path: Path, size: int) -> None:
    source = Source(path, ReadOptions())
    data = path.read_bytes()[:6000] if size < 7 else path.read_bytes()
    whole, pieces = Samples(source), Samples(source)
    whole.feed(data)
    for start in range(0, len(data), size):
        pieces.feed(data[start : start + size])
    assert whole.finish(complete=True) == pieces.finish(complete=True)
    assert to_folded(whole.profile()) == to_folded(pieces.profile())


def test_many_batches_are_as_one(system: System, tmp_path: Path) -> None:
    """More lines than are worked on at once, in stacks that straddle the edges."""
    text = "".join(sample(f"f{n % 7} (/x)", *["g (/x)"] * (n % 5), "main (/x)") for n in range(130_000))
    found = costs(read(text, system, tmp_path))
    assert {key.name: cost.self for key, cost in found.items() if cost.self} == {
        f"f{n}": len(range(n, 130_000, 7)) for n in range(7)
    }
    assert found[FunctionKey("main", "", "x")].total == 130_000


def test_windows_line_ends_and_spaces_for_tabs(system: System, tmp_path: Path) -> None:
    expected = to_folded(read(ONE, system, tmp_path))
    assert to_folded(read(ONE.replace("\n", "\r\n"), system, tmp_path)) == expected
    assert to_folded(read(ONE.expandtabs(8), system, tmp_path)) == expected


def test_what_is_no_sample_is_left_out(system: System, tmp_path: Path) -> None:
    text = (
        "# ========\n# captured on: today\n#\nWarning:\n"
        "app 1 0.1: PERF_RECORD_COMM exec: app:1/1\n"
        "app 1 [000] 1.1: PERF_RECORD_LOST lost 3\n" + ONE + "[ perf record: Woken up 1 times ]\n" + ONE
    )
    assert to_folded(read(text, system, tmp_path)) == "main;f 2\n"


def test_a_sample_without_frames_is_unknown(system: System, tmp_path: Path) -> None:
    text = ONE + "app 1 1.5: 9 cycles: \n\n" + "app 1 1.6: 9 cycles: \n\n" + ONE
    assert to_folded(read(text, system, tmp_path)) == "[unknown] 2\nmain;f 2\n"


def test_frames_without_heads(system: System, tmp_path: Path) -> None:
    text = "\n\t 1f f (/x)\n\t 2f main (/x)\n\n\n\t 3f g (/x)\n\n"
    profile = read(text, system, tmp_path)
    assert to_folded(profile) == "g 1\nmain;f 1\n"
    assert profile.sample_thread is None


def test_times_are_kept_if_asked_for(system: System, tmp_path: Path) -> None:
    text = sample("f (/x)", head="a 1 1.5: 9 cycles: ") + sample("f (/x)", head="a 1 1.75: 9 cycles: ")
    assert read(text, system, tmp_path).sample_time_ns is None
    timed = read(text, system, tmp_path, ReadOptions(timeline=True))
    assert timed.sample_time_ns.tolist() == [0, 250 * MS]


def test_a_function_is_in_one_file(system: System, tmp_path: Path) -> None:
    """Lines of what was inlined into it are in other files; the function stays one."""
    head = "a 1 1.5: 9 cycles: \n"
    lines = [("f", "app.c:1"), ("f", "app.c:2"), ("f", "vector.h:99"), ("f", "??:0")]
    text = "".join(
        f"{head}\t 1f {name} (/x)\n  {place}\n\t 2f main (/x)\n  app.c:50\n\n" for name, place in lines
    )
    profile = read(text, system, tmp_path)
    assert costs(profile) == {
        FunctionKey("f", "app.c", "x"): (4, 4),
        FunctionKey("main", "app.c", "x"): (0, 4),
    }
    assert sorted(profile.frame_line.tolist()) == [0, 1, 2, 50]


def test_kinds_are_events_without_modifiers(system: System, tmp_path: Path) -> None:
    events = [
        "cycles:u",
        "page-faults:HG",
        "sched:sched_switch",
        "cpu_core/cycles/",
        "L1-dcache-load-misses:ppp",
    ]
    text = "".join(sample("f (/x)", head=f"a 1 1.5: 9 {event}: ") for event in events)
    assert read(text, system, tmp_path).kinds == (
        ValueKind("cpu", "samples", "cycles:u"),
        ValueKind("cpu", "samples", "cpu_core/cycles/"),
        ValueKind("page-faults", "samples"),
        ValueKind("sched:sched_switch", "samples"),
        ValueKind("L1-dcache-load-misses", "samples"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ONE[:-1], "last stack is not followed by an empty line: it is cut off"),
        (ONE * 3 + "what is this\n" + ONE, "line 13: 'what is this' is no line of perf script"),
        (ONE + "\t 1f f (/x)\n\n", "line 5: a frame that belongs to no sample"),
        (ONE + "app 1 1.5: PERF_RECORD_COMM exec: a:1/1\n", ""),
        ("app 1 1.5: PERF_RECORD_COMM exec: a:1/1\n" * 3, "known"),
    ],
)
def test_text_that_is_wrong(text: str, words: str, system: System, tmp_path: Path) -> None:
    if not words:
        assert read(text, system, tmp_path).total() == 1
        return
    with pytest.raises(InputError, match=words):
        read(text, system, tmp_path)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(size=st.integers(1, 4000))
def test_half_a_text_is_no_smaller_one(size: int, system: System, tmp_path: Path) -> None:
    """A text cut within a stack is an error; between two stacks nobody can tell."""
    text = (SAMPLES / "default.txt").read_text()[:size]
    (tmp_path / "x").write_text(text)
    try:
        capture = formats.read(tmp_path / "x", system)
    except InputError:
        return
    if capture.format != "perf-script":  # the first words of a line may be anything
        return
    assert text.endswith(("\n\n", ")", "cpu-clock:", "cpu-clock: ", "cpu-clock: \n"))
    assert capture.captures[0].profile.total() == text.count("cpu-clock:")


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(
    name=st.text(
        st.characters(
            blacklist_categories=["Cs"], blacklist_characters="\0\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_name_is_kept(name: str, system: System, tmp_path: Path) -> None:
    text = sample(f"{name} (/x)", "main (/x)") + ONE
    names = {key.name for key in costs(read(text, system, tmp_path))}
    assert perf_frames.frame(f"\t 1f {name} (/x)").name in names
    plain = name.strip()
    if (
        plain
        and not plain.startswith(("0x", "py::"))
        and "+0x" not in plain
        and "(" not in plain
        and ")" not in plain
    ):
        assert plain in names


def test_a_hundred_thousand_frames_and_a_name_of_a_megabyte(system: System, tmp_path: Path) -> None:
    deep = sample(*["rec (/x)"] * 100_000) + sample("y" * 1_500_000 + " (/x)")
    found = costs(read(deep, system, tmp_path))
    assert found[FunctionKey("rec", "", "x")] == (1, 1)
    assert found[FunctionKey("y" * 1_500_000, "", "x")] == (1, 1)


def test_lines_made_to_be_slow_are_not(system: System, tmp_path: Path) -> None:
    for line in (
        " " * 500_000 + "x",
        "1 " * 250_000,
        "a " * 4000 + ":",
        ("1 " * 4000) + "1.5: ",
        "(" * 100_000 + ")",
    ):
        with pytest.raises(InputError):
            read(ONE + line + "\n", system, tmp_path)
        assert read(sample(line.strip() + " (/x)") + ONE, system, tmp_path).total() == 2
