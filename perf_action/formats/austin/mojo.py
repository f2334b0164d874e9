r"""austin's binary files (MOJO): a stream of events, with strings and frames that are written once and then referred to.

Format: https://github.com/P403n1x87/austin/wiki/The-MOJO-file-format
Sample: ``4d 4f 4a 03 | 01 mode\0 wall\0 | 02 a78901 00 2267\0 | 06 … | 09 8b08``: MOJ, version, metadata, stack, frame, time
What is read is what the same recording is as text (`austin/__init__.py`). Versions 1 to 4; an event that is not in the
specification is refused, since it may change what a stack is.
Lost: columns and where a line ends, besides what the text loses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from perf_action.formats.austin import samples as austin_samples
from perf_action.formats.austin.samples import Metrics, Samples, mode_of
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import UNKNOWN
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "austin-mojo"
_MAGIC, _NEWEST, _LONGEST = b"MOJ", 4, 70
_METADATA, _STACK, _FRAME, _INVALID_EVENT, _FRAME_REF, _KERNEL, _GC_EVENT = 1, 2, 3, 4, 5, 6, 7
_IDLE, _TIME, _MEMORY, _STRING, _STRING_REF = 8, 9, 10, 11, 12
_UNKNOWN = "<unknown>"
_GC, _INVALID = Frame("GC"), Frame(UNKNOWN)
_REMEDY = "convert it with mojo2austin (python -m pip install austin-python)"


def sniff(source: Source) -> bool:
    return source.head.startswith(_MAGIC) and source.is_binary


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    events = _Events(source)
    samples = events.run()
    frames = {stack: [events.frames[index] for index in stack] for stack in samples.stacks()}
    return capture_of(NAME, samples.build(source, events.metadata, frames))


@dataclass(slots=True)
class _Sample:
    """The sample being read: its process, thread, frames (indices into all frames) and metrics."""

    process: int
    thread: str
    stack: list[int] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)


class _Events:
    """Reads events one after the other. Keys of strings and frames are those of a process."""

    def __init__(self, source: Source) -> None:
        self._source, self._data, self._at = source, source.data, len(_MAGIC)
        self._strings: dict[tuple[int, int], str] = {}
        self._keys: dict[tuple[int, int], int] = {}
        self._indices: dict[Frame, int] = {_GC: 0, _INVALID: 1}
        self.metadata: dict[str, str] = {}

    @property
    def frames(self) -> list[Frame]:
        """All frames, in the order of their indices."""
        return list(self._indices)

    def run(self) -> Samples[tuple[int, ...]]:
        try:
            return self._samples()
        except (IndexError, ValueError):
            raise self._source.error(
                "is cut off", place=f"byte {self._at}", remedy="fetch or copy it again"
            ) from None

    def _samples(self) -> Samples[tuple[int, ...]]:
        version = self._integer()
        if not 1 <= version <= _NEWEST:
            raise self._source.error(f"MOJO version {version} is not known", remedy=_REMEDY)
        samples: Samples[tuple[int, ...]] | None = None
        sample: _Sample | None = None
        mode = ""
        while self._at < len(self._data):
            event = self._data[self._at]
            self._at += 1
            if event == _METADATA:
                key = self._string()
                self.metadata[key] = self._string()
            elif event == _STACK:
                if samples is None:
                    mode = mode_of(self._source, self.metadata)
                    samples = Samples(mode)
                if sample is not None:
                    samples.add(sample.thread, tuple(sample.stack), sample.metrics.row(mode))
                sample = self._stack(version)
            elif sample is None:
                raise self._source.error(
                    f"event {event} before the first stack", place=f"byte {self._at - 1}"
                )
            else:
                self._event(event, sample, version)
        if samples is not None and sample is not None:
            samples.add(sample.thread, tuple(sample.stack), sample.metrics.row(mode))
        return samples or Samples(mode_of(self._source, self.metadata))

    def _stack(self, version: int) -> _Sample:
        process = self._integer()
        if version >= 3:
            self._integer()  # the interpreter
        start, thread = self._at, self._string()
        try:
            return _Sample(process, str(int(thread, 16)))
        except ValueError:
            raise self._source.error(f"{thread[:40]!r} is no thread", place=f"byte {start}") from None

    def _event(self, event: int, sample: _Sample, version: int) -> None:
        start = self._at - 1
        if event == _FRAME_REF:
            index = self._keys.get((sample.process, self._integer()))
            if index is None:
                raise self._source.error("refers to a frame that is not there", place=f"byte {start}")
            sample.stack.append(index)
        elif event == _TIME:
            sample.metrics = replace(sample.metrics, time=self._integer())
            if sample.metrics.time < 0:
                raise self._source.error("a time is negative", place=f"byte {start}")
        elif event == _FRAME:
            self._frame(sample.process, version, start)
        elif event == _STRING:
            key = self._integer()
            self._strings[sample.process, key] = self._string()
        elif event == _MEMORY:
            sample.metrics = replace(sample.metrics, memory=self._integer())
        elif event == _IDLE:
            sample.metrics = replace(sample.metrics, idle=True)
        elif event in (_GC_EVENT, _INVALID_EVENT):
            sample.stack.append(0 if event == _GC_EVENT else 1)
        elif event == _KERNEL:
            sample.stack.append(self._index(Frame(self._string(), "", "kernel")))
        elif event == _STRING_REF:
            self._integer()
        else:
            raise self._source.error(f"event {event} is not known", place=f"byte {start}", remedy=_REMEDY)

    def _frame(self, process: int, version: int, start: int) -> None:
        key, file, scope, line = (self._integer() for _ in range(4))
        if version > 1:
            for _ in range(3):
                self._integer()
        names = [_UNKNOWN if text == 1 else self._strings.get((process, text)) for text in (file, scope)]
        if names[0] is None or names[1] is None:
            raise self._source.error("refers to a string that is not there", place=f"byte {start}")
        made = austin_samples.frame(names[0], names[1], max(0, min(line, 2**31 - 1)))
        self._keys[process, key] = self._index(made)

    def _index(self, made: Frame) -> int:
        return self._indices.setdefault(made, len(self._indices))

    def _integer(self) -> int:
        """Six bits and a sign in the first byte, seven in each that follows, least significant first."""
        data, at = self._data, self._at
        byte = data[at]
        at += 1
        value, shift, negative = byte & 0x3F, 6, byte & 0x40
        while byte & 0x80:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > _LONGEST:
                raise self._source.error("a number is too long", place=f"byte {self._at}")
        self._at = at
        return -value if negative else value

    def _string(self) -> str:
        end = self._data.index(b"\0", self._at)
        text = self._data[self._at : end].decode("utf-8", errors="backslashreplace")
        self._at = end + 1
        return text
