r"""Opens a capture once: unpacks gzip and zstd, caps its size, finds out how it is encoded, and refuses what is not a file.

Readers ask a `Source` for what they need (`head`, `text`, `document`, a path for their own library); each is made at
most once, so that a dozen `sniff`s cost one look at the file. Encoding: UTF-8, a byte order mark is dropped, bytes
that are no UTF-8 become ``\xe9`` (two names that differ keep differing). Lines may end in CRLF.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NoReturn

from perf_action.errors import InputError
from perf_action.formats import packing

HEAD_BYTES = 1 << 16
_CHUNK = 1 << 20
#: text and JSON of profilers shrink 10- to 60-fold; a file that grows this much was made to fill a disk
_BOMB_RATIO, _BOMB_BYTES = 250, 1 << 27
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
#: what begins with a backslash in JSON, as far as it may look like a surrogate; group 1: one without its other half
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_JSON_START = re.compile(rb'\s*(\{\s*["}]|\[\s*(\{\s*["}]|\]|"|-?\d|\[\s*["\d\[\]{-]))')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """`native`: keep C frames of captures that tell them apart; `lines` and `timeline`: source lines, and when each
    sample was taken, where finding them out costs time and memory; `max_bytes`: the most a file may hold unpacked;
    `inside`: a symbolic link may not lead out of this directory (an artifact from somebody else).
    """

    native: bool = False
    lines: bool = False
    timeline: bool = False
    max_bytes: int = 1 << 30
    inside: Path | None = None


class Source:
    """One file, or `content` that was in a file called `path`. Raises InputError at once if it is a directory, a
    device, missing or empty.
    """

    def __init__(self, path: Path, options: ReadOptions, content: bytes | None = None) -> None:
        self.path, self._options, self._content = path, options, content
        if content is None:
            self._check()
        self.head = self._head()
        if not self.head.strip(b" \t\r\n\f\v\xef\xbb\xbf") and len(self.head) < HEAD_BYTES:
            raise self.error(
                "the file is empty", remedy="see the log of the tool that should have written it"
            )

    def error(self, reason: str, *, place: str = "", remedy: str = "") -> InputError:
        return InputError(self.path, reason, place=place, remedy=remedy)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """What the model refuses to hold (ValueError: a sum that is too large …) is an error of this file."""
        try:
            yield
        except ValueError as error:
            raise self.error(f"is no profile: {error}") from None

    @cached_property
    def packed(self) -> str:
        """What the file is packed with, ``gzip`` or ``zstd``; empty if it is not."""
        with self._open() as file:
            return packing.kind(file.read(packing.MAGIC_BYTES))

    @cached_property
    def data(self) -> bytes:
        """The whole content, unpacked."""
        size = self.path.stat().st_size if self._content is None else len(self._content)
        limit = self._options.max_bytes
        if size > limit:
            self._too_large()
        if not self.packed:
            return self._content if self._content is not None else self.path.read_bytes()
        return b"".join(self._capped(min(limit, max(_BOMB_BYTES, _BOMB_RATIO * size))))

    def pieces(self) -> Iterator[bytes]:
        """The whole content, unpacked, piece by piece: for readers that can do without having it in memory."""
        yield from self._capped(self._options.max_bytes)

    @cached_property
    def text(self) -> str:
        return self.data.decode("utf-8-sig", errors="backslashreplace")

    @cached_property
    def head_lines(self) -> list[str]:
        """The first lines that are not blank; the last one may be cut off if the file is longer than the head."""
        lines = self.head.decode("utf-8-sig", errors="backslashreplace").splitlines()
        return [line for line in lines if line.strip()]

    @cached_property
    def is_text(self) -> bool:
        return b"\0" not in self.head

    @cached_property
    def is_binary(self) -> bool:
        """Whether it begins with control characters that no text has."""
        return _BINARY.search(self.head[:4096]) is not None

    @cached_property
    def looks_like_json(self) -> bool:
        return bool(_JSON_START.match(self.head.removeprefix(b"\xef\xbb\xbf")))

    @cached_property
    def document(self) -> Any:
        """The file as one JSON document, or None if it does not begin like one. InputError if it is broken."""
        return self.parse_json(self.text) if self.looks_like_json else None

    def parse_json(self, text: str, *, place: str = "") -> Any:
        r"""JSON without NaN and Infinity. InputError names the line.

        Half of a surrogate pair (``\ud800``), which is no character, becomes its own escape as text.
        """
        if "\\ud" in text or "\\uD" in text:
            text = _ESCAPES.sub(lambda match: f"\\{match[0]}" if match[1] else match[0], text)
        try:
            return json.loads(text, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            where = place or f"line {error.lineno} column {error.colno}"
            raise self.error(
                f"not valid JSON: {error.msg}", place=where, remedy="the file may be cut off"
            ) from None
        except RecursionError:
            raise self.error("nested too deeply for a capture", place=place) from None
        except ValueError as error:
            raise self.error(f"not valid JSON: {error}", place=place) from None

    @contextlib.contextmanager
    def local_path(self) -> Iterator[Path]:
        """A path at which the unpacked content can be read, for libraries that open files themselves."""
        if not self.packed and self._content is None:
            yield self.path
            return
        with tempfile.NamedTemporaryFile(prefix="perf-action-") as file:
            file.write(self.data)
            file.flush()
            yield Path(file.name)

    def _check(self) -> None:
        if self._options.inside is not None:
            inside = self._options.inside.resolve()
            if not self.path.resolve().is_relative_to(inside):
                raise self.error(f"leads out of {inside}", remedy="symbolic links out of it are not followed")
        try:
            mode = self.path.stat().st_mode
        except OSError as error:
            raise self.error(f"cannot be opened: {error.strerror}") from None
        except ValueError as error:
            raise self.error(f"cannot be opened: {error}") from None
        if stat.S_ISDIR(mode):
            raise self.error("is a directory", remedy="name a file in it")
        if not stat.S_ISREG(mode):
            raise self.error("is not a regular file", remedy="save it to a file first")

    def _open(self) -> IO[bytes]:
        if self._content is not None:
            return io.BytesIO(self._content)
        try:
            return self.path.open("rb")
        except OSError as error:
            raise self.error(f"cannot be opened: {error.strerror}") from None

    def _head(self) -> bytes:
        if not self.packed:
            with self._open() as file:
                return file.read(HEAD_BYTES)
        head = b""
        for part in self._unpacked():
            head += part
            if len(head) >= HEAD_BYTES:
                break
        if packing.kind(head):
            raise self.error(f"is packed twice (with {self.packed})", remedy="unpack it once")
        return head[:HEAD_BYTES]

    def _capped(self, limit: int) -> Iterator[bytes]:
        total = 0
        for part in self._unpacked():
            total += len(part)
            if total > limit:
                self._too_large()
            yield part

    def _unpacked(self) -> Iterator[bytes]:
        try:
            with self._open() as file:
                if self.packed:
                    yield from packing.unpack(file, self.packed)
                else:
                    yield from iter(lambda: file.read(_CHUNK), b"")
        except packing.Damaged as damage:
            raise self.error(str(damage), remedy="fetch or copy it again") from None

    def _too_large(self) -> NoReturn:
        mib = self._options.max_bytes >> 20
        raise self.error(
            f"larger than a capture can be (limit {mib} MiB unpacked)", remedy="record for a shorter time"
        )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
