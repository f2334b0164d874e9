"""perf.data, read by perf itself: it alone knows where the symbols are, how to unwind and how to demangle.

Format: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/tools/perf/Documentation/perf.data-file-format.txt
Sample: ``perf record -F 99 -g -p PID``; read with ``perf script --no-inline -F comm,tid,event,ip,sym,dso``

`perf script` with these fields prints half as much as it does by default, needs less time than ``perf report -g folded``
and says more: module and thread of every frame and sample, names of any length, ``;`` and all. Its output is understood
while it comes (perf_samples). Functions that were inlined are part of those that they are in, unless `lines` asks for
source lines. perf takes its buildid directory, symfs and options from PERF_CONFIG and the environment as always.
Because perf reads a part of a file as if it were all, the file is looked through first (perf_file), and each sample in
it must come out.
Lost: addresses, periods, processors; see perf_script.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from perf_action.errors import CannotMeasure, ToolMissing, one_line
from perf_action.formats.perf import file as perf_file
from perf_action.formats.perf.samples import Samples
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "perf-data"
_USUAL_STACK: Final = 127
_PIPE, _PIECE = 1 << 20, 1 << 18
_SILENT_S: Final = 600
_INSTALL: Final = (
    "perf-action setup perf, or sudo apt-get install linux-perf (Ubuntu: linux-tools-$(uname -r))"
)
#: what perf says of symbols that it does not find: worth a note, since their frames have no name
_WITHOUT_SYMBOLS: Final = re.compile(r".*(without symbols|was not found|not found, continuing).*")


def sniff(source: Source) -> bool:
    return source.head[:8] in perf_file.MAGICS


def read(source: Source, options: ReadOptions, system: System) -> Capture:
    with source.local_path() as path, tempfile.NamedTemporaryFile(prefix="perf-action-") as log:
        where = perf_file.layout(source, path)
        samples = Samples(source, timeline=options.timeline)
        process = system.start(_argv(path, where, options, system), log=Path(log.name), pipes=True)
        try:
            contents = perf_file.contents(source, path, where)
            for piece in _output(process.stdout):
                samples.feed(piece)
            code = process.wait(_SILENT_S)
        finally:
            process.close()
        said = Path(log.name).read_text(encoding="utf-8", errors="replace")
    _succeeded(source, code, said)
    count = samples.finish(complete=True)
    _all_there(source, count, contents, said)
    notes = [f"{contents.lost} events were lost while recording"] if contents.lost else []
    notes += [one_line(line, 200) for line in _lines(said) if _WITHOUT_SYMBOLS.fullmatch(line)][:3]
    return capture_of(NAME, samples.profile(duration_ns=where.duration_ns), *notes)


def _argv(path: Path, where: perf_file.Layout, options: ReadOptions, system: System) -> list[str]:
    perf = system.which("perf")
    if perf is None:
        raise ToolMissing("perf, which reads perf.data files,", _INSTALL)
    fields = [
        "comm",
        "tid",
        *["time"] * options.timeline,
        "event",
        "ip",
        "sym",
        "dso",
        *["srcline"] * options.lines,
    ]
    stdbuf = system.which("stdbuf")  # perf prints in pieces of 4 KB, which costs half a second in 300 MB
    buffered = [stdbuf, f"--output={_PIECE}"] if stdbuf else []
    argv = [
        *buffered,
        perf,
        "script",
        "--force",
        "--input",
        str(path.absolute()),
        "--fields",
        ",".join(fields),
    ]
    argv += ["--full-source-path"] if options.lines else ["--no-inline"]
    argv += ["--ns"] if options.timeline else []
    return [*argv, "--max-stack", str(where.max_stack)] if where.max_stack > _USUAL_STACK else argv


def _output(pipe: IO[bytes] | None) -> Iterator[bytes]:
    """What perf prints, in pieces, until it ends. CannotMeasure if it says nothing for minutes."""
    if pipe is None:
        return
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)  # perf need not wait while a batch of samples is worked on
    while True:
        ready, _, _ = select.select([pipe], [], [], _SILENT_S)
        if not ready:
            raise CannotMeasure(f"perf script printed nothing for {_SILENT_S} s")
        piece = os.read(pipe.fileno(), _PIECE)
        if not piece:
            return
        yield piece


def _lines(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.strip()]


def _succeeded(source: Source, code: int | None, said: str) -> None:
    lines = _lines(said)
    if any("perf not found for kernel" in line for line in lines):
        raise ToolMissing("perf for the running kernel", _INSTALL)
    if code is None or code < 0:
        name = "no end" if code is None else signal.Signals(-code).name
        raise source.error(f"perf script crashed on it ({name}): it is damaged", remedy="record it again")
    if code:
        last = one_line(lines[0] if lines else f"exit code {code}", 300)
        raise source.error(f"perf script failed on it: {last}", remedy="it is damaged, or of a newer perf")


def _all_there(source: Source, count: int, contents: perf_file.Contents, said: str) -> None:
    """That all came out: perf gives up in the middle of a file with exit code 0, so the samples are counted."""
    lines = _lines(said)
    why = f": {one_line(lines[0], 300)}" if lines else ""
    if contents.samples is not None and count != contents.samples:
        raise source.error(
            f"perf script printed {count} of its {contents.samples} samples{why}",
            remedy="it is damaged; record it again",
        )
    if count == 0:
        raise source.error(
            f"holds no samples{why}", remedy="record for longer, under load, an event that the kernel counts"
        )
