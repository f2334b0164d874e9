"""Unpacks and packs gzip and zstd piece by piece, and finds out whether the end is missing.

gzip: https://www.rfc-editor.org/rfc/rfc1952; zstd: https://www.rfc-editor.org/rfc/rfc8878. Both may be several packed
parts one after another.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

import zstandard

MAGIC_BYTES: Final = 4
_MAGIC: Final = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_PIECE = 1 << 20
#: four bytes of zstd may stand for 128 KiB, so that this much becomes at most 64 MiB in one go
_ZSTD_PIECE = 1 << 11


class Damaged(Exception):
    """The packed data is broken or cut off."""


def kind(head: bytes) -> str:
    """``gzip`` or ``zstd`` if the file begins so, else nothing."""
    return next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "")


def unpack(file: IO[bytes], how: str) -> Iterator[bytes]:
    """The content of a packed file in pieces of any size. Damaged if it is broken or cut off."""
    return _gzip(file) if how == "gzip" else _zstd(file)


def pack(pieces: Iterable[bytes], how: str, out: IO[bytes]) -> None:
    """Write `pieces` to `out`, packed."""
    packed: Any = (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0)
        if how == "gzip"
        else zstandard.ZstdCompressor().stream_writer(out, closefd=False)
    )
    with packed as sink:
        for piece in pieces:
            sink.write(piece)


def _gzip(file: IO[bytes]) -> Iterator[bytes]:
    try:
        with gzip.open(file) as unpacked:
            while piece := unpacked.read(_PIECE):
                yield piece
    except EOFError:
        raise Damaged("the gzip data is cut off") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Damaged(f"broken gzip data: {error}") from None


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    frame = None
    parts: list[bytes] = []
    held = 0
    try:
        while data := file.read(_ZSTD_PIECE):
            while data:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                part = frame.decompress(data)
                data = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
                parts.append(part)
                held += len(part)
            if held >= _PIECE:
                yield b"".join(parts)
                parts, held = [], 0
    except zstandard.ZstdError as error:
        raise Damaged(f"broken zstd data: {error}") from None
    if frame is not None:
        raise Damaged("the zstd data is cut off")
    if held:
        yield b"".join(parts)
