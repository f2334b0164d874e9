"""Files are written whole or not at all, and an error names the file that people know."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

import pytest

from perf_action.system import write_bytes


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_bytes(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    assert path.read_text() == "before"
