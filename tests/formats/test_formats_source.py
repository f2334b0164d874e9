"""Opening files: what is packed, cut off, too large, no file at all, or leads somewhere else."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.source import ReadOptions, Source
from perf_action.system import System

FOLDED = b"main;encode 3\nmain;send 4\n"


def refused(path: Path, system: System, words: str, options: ReadOptions | None = None) -> None:
    with pytest.raises(InputError, match=words):
        formats.read(path, system, options or ReadOptions())


def total(path: Path, system: System) -> int:
    return formats.read(path, system).captures[0].profile.total()


def test_gzip_is_unpacked_whatever_the_name(system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(FOLDED, mtime=0))
    assert total(tmp_path / "x", system) == 7


def test_zstd_is_unpacked_also_in_several_frames(system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(zstandard.compress(FOLDED) + zstandard.compress(FOLDED))
    assert total(tmp_path / "x", system) == 14


def test_several_gzip_members_are_one_file(system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(FOLDED, mtime=0) + gzip.compress(FOLDED, mtime=0))
    assert total(tmp_path / "x", system) == 14


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(gzip.compress(FOLDED, mtime=0), mtime=0), "packed twice"),
        (gzip.compress(FOLDED, mtime=0)[:-9], "cut off"),
        (gzip.compress(FOLDED, mtime=0)[:-8] + b"\0" * 8, "broken gzip"),
        (gzip.compress(FOLDED, mtime=0) + b"garbage", "broken gzip"),
        (b"\x1f\x8b\x08" + b"\xff" * 30, "broken gzip|cut off"),
        (b"", "is empty"),
        (b" \n\r\n\t", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), r"program or library \(ELF\)"),
        (b"<html><body>404</body></html>", "web page.*--fail"),
        (b"404 page not found\n", "HTTP error"),
        (b"PK\x03\x04" + bytes(60), "zip archive"),
        (zstandard.compress(FOLDED)[:-3], "zstd data is cut off"),
        (zstandard.compress(FOLDED) + b"garbage", "broken zstd"),
        (zstandard.compress(gzip.compress(FOLDED, mtime=0)), "packed twice"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 60, "broken zstd"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"\x89\x01\xff\xfe" * 20, "no known kind; known are: memray, "),
        (b"Dear reader,\nnothing here.\n", "no known kind"),
        (b'{"metrics": {"http_reqs": {"avg":', "not valid JSON.*cut off"),
        (b'{"metrics": {"http_reqs": {"count": NaN}}}', "NaN is not a number"),
        (b"[" * 50_000 + b"1", "nested too deeply|no known kind"),
        (b'{"a":' * 50_000 + b"1", "nested too deeply"),
        (
            b'{"schema": 1, "metrics": [{"name": "a", "unit": "s", "samples": [' + b"9" * 5000 + b"]}]}",
            "not valid JSON|too large",
        ),
    ],
)
def test_what_is_wrong_is_said(system: System, tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(data)
    refused(tmp_path / "x", system, words)


def test_a_file_larger_than_the_limit_is_refused_before_it_is_unpacked(
    system: System, tmp_path: Path
) -> None:
    small = ReadOptions(max_bytes=1 << 20)
    (tmp_path / "packed").write_bytes(gzip.compress(FOLDED * 60_000, mtime=0))
    refused(tmp_path / "packed", system, "limit 1 MiB", small)
    (tmp_path / "plain").write_bytes(FOLDED * 60_000)
    refused(tmp_path / "plain", system, "limit 1 MiB", small)


def test_a_file_made_to_fill_the_memory_is_refused(system: System, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb", "wb") as file:
        for _ in range(140):
            file.write(b"a;b;c 1\n" * (1 << 17))
    refused(tmp_path / "bomb", system, "larger than a capture can be")


def test_no_files_are_refused(system: System, tmp_path: Path) -> None:
    refused(tmp_path, system, "is a directory")
    refused(tmp_path / "none", system, "cannot be opened")
    refused(Path(os.devnull), system, "not a regular file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", system, "not a regular file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", system, "cannot be opened")
    refused(tmp_path / "a\0b", system, "cannot be opened")


def test_links_out_of_an_artifact_are_not_followed_where_asked(system: System, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(FOLDED)
    inside = tmp_path / "artifact"
    inside.mkdir()
    (inside / "in").write_bytes(FOLDED)
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "same").symlink_to(inside / "in")
    options = ReadOptions(inside=inside)
    refused(inside / "out", system, "leads out of", options)
    assert formats.read(inside / "same", system, options).captures
    assert formats.read(inside / "out", system).captures


@pytest.mark.parametrize(
    ("escaped", "read"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"a\ud800b", r"a\ud800b"),
        (r"\uDC80", r"\uDC80"),
        (r"\ud83d\ud83d\ude00", "\\ud83d\U0001f600"),
        (r"\\ud800", r"\ud800"),
        (r"\\\ud800", r"\\ud800"),
        (r"\u0041\ud7ff", "A\ud7ff"),
    ],
)
def test_half_a_character_is_text(escaped: str, read: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(f'{{"a": "{escaped}"}}')
    found = Source(tmp_path / "x", ReadOptions()).document["a"]
    assert found == read
    assert found.encode()
