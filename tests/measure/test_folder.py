from __future__ import annotations

from pathlib import Path

import pytest

from perf_action.errors import UsageError
from perf_action.measure.folder import run_folder


def test_the_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    out = tmp_path / "perf run ü"

    def interrupted() -> None:
        with run_folder(out) as folder:
            (folder / "run.json").write_text("{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with run_folder(out) as folder:
        (folder / "run.json").write_text("{}")
    assert [p.name for p in tmp_path.iterdir()] == ["perf run ü"]


def test_an_earlier_run_is_replaced_and_anything_else_is_not(tmp_path: Path) -> None:
    out = tmp_path / "run"
    for text in ("1", "2"):
        with run_folder(out) as folder:
            (folder / "run.json").write_text(text)
    assert (out / "run.json").read_text() == "2"
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1").write_text("x")
    with pytest.raises(UsageError, match="is no run folder"), run_folder(other):
        pass
    assert (other / "chapter1").exists()


def test_two_runs_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with run_folder(out) as folder:
        (folder / "run.json").write_text("{}")
        with pytest.raises(UsageError, match="another run is writing there"), run_folder(out):
            pass
    assert (out / "run.json").exists()
