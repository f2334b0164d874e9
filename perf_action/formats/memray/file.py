"""Whether a memray file is whole: memray's reader takes what it gets, and a file cut in half is a smaller profile to it.

An LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) says itself where it ends. Behind that, the
header of the capture counts its records; it is filled in when the program ends, so it is 0 after a SIGKILL.
"""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import IO, Final

_MAGIC: Final = b"memray\0"
_LZ4: Final = b"\x04\x22\x4d\x18"
#: after the magic: version, Python version, native?, format, number of records, of frames, start and end in ms
_HEADER: Final = struct.Struct("<iIBBQQqq")
_BLOCK: Final = 1 << 20
_WORTH_A_COPY: Final = 1 << 10


class Damaged(Exception):
    """The file holds less than it says."""


def is_memray(head: bytes) -> bool:
    return head.startswith(_MAGIC) or (head.startswith(_LZ4) and _MAGIC in head[:64])


def is_whole(path: Path) -> bool:
    """False if the file is an LZ4 frame that has no end."""
    with path.open("rb") as file:
        return file.read(4) != _LZ4 or _has_end(file)


def _has_end(file: IO[bytes]) -> bool:
    """Whether the blocks of an LZ4 frame, whose magic was read, lead to its end mark."""
    flags = file.read(2)
    if len(flags) < 2:
        return False
    file.seek((8 if flags[0] & 0x08 else 0) + (4 if flags[0] & 0x01 else 0) + 1, 1)
    trailer = 4 if flags[0] & 0x10 else 0
    while len(word := file.read(4)) == 4:
        size = int.from_bytes(word, "little") & 0x7FFFFFFF
        if size == 0:
            return not flags[0] & 0x04 or len(file.read(4)) == 4
        file.seek(size + trailer, 1)
    return False


def without_padding(path: Path, folder: Path) -> Path:
    """The file, or a copy in `folder` without the zeros at its end.

    memray makes room in larger and larger steps, and does not give back what it did not need. Its reader looks for the
    end in front of that byte by byte, with two system calls for each, in every pass
    (https://github.com/bloomberg/memray/blob/main/src/memray/_memray/source.cpp, findReadableSize): a third of the time
    that a service's capture took.
    """
    with path.open("rb") as file:
        if file.read(4) == _LZ4:
            return path
        size = file.seek(0, os.SEEK_END)
        end = _end_of_data(file, size)
        if size - end < _WORTH_A_COPY:
            return path
        copy = folder / "capture"
        file.seek(0)
        with copy.open("wb") as out:
            shutil.copyfileobj(file, out, _BLOCK)
            out.truncate(end)
    return copy


def _end_of_data(file: IO[bytes], size: int) -> int:
    """Where nothing but zeros follows."""
    while size:
        start = max(size - _BLOCK, 0)
        file.seek(start)
        if data := file.read(size - start).rstrip(b"\0"):
            return start + len(data)
        size = start
    return 0


def check_complete(path: Path, started: float, read: int) -> tuple[str, ...]:
    """Notes on a file that was never finished. Damaged if fewer records could be `read` than its header says.

    `started` is the start (seconds since the epoch) that memray reads from the header: if it is not found here, the layout is another one.
    """
    with path.open("rb") as file:
        head = _first_bytes(file.read(1 << 12))
    try:
        _, _, _, aggregated, records, _, start_ms, _ = _HEADER.unpack_from(head, len(_MAGIC))
    except struct.error:
        return ()
    if aggregated or start_ms != round(started * 1000):
        return ()  # nothing is counted there; or it is another layout than the one known here
    if records == 0:
        return ("memray could not finish this file (the process was killed?): its end is missing",)
    if read < records:
        raise Damaged(f"is damaged: {read} of {records} records can be read")
    return ()


def _first_bytes(head: bytes) -> bytes:
    """The start of the capture, taken out of the first LZ4 block if it is packed."""
    if not head.startswith(_LZ4):
        return head
    at = 4 + 3 + (8 if head[4] & 0x08 else 0) + (4 if head[4] & 0x01 else 0)
    size = int.from_bytes(head[at : at + 4], "little")
    block = head[at + 4 :]
    return block if size & 0x80000000 else unpack_lz4(block, _HEADER.size + len(_MAGIC))


def unpack_lz4(block: bytes, enough: int) -> bytes:
    """The first `enough` bytes (or a few more) of an LZ4 block; fewer if the block ends or is broken before.

    https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
    """
    out = bytearray()
    at = 0
    while at < len(block) and len(out) < enough:
        token = block[at]
        literals, at = _length(block, at + 1, token >> 4)
        out += block[at : at + literals]
        at += literals
        offset = int.from_bytes(block[at : at + 2], "little")
        if len(out) >= enough or not 0 < offset <= len(out):
            break
        matched, at = _length(block, at + 2, token & 15)
        for _ in range(min(matched + 4, enough)):
            out.append(out[-offset])
    return bytes(out)


def _length(block: bytes, at: int, base: int) -> tuple[int, int]:
    if base < 15:
        return base, at
    while at < len(block):
        base += block[at]
        at += 1
        if block[at - 1] != 255:
            break
    return base, at
