from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action.config import Service
from perf_action.errors import CannotMeasure
from perf_action.machine import builds
from perf_action.machine.builds import is_fixed, kept, key_of
from perf_action.measure.sides import Sides, prepared_sides
from perf_action.model.trial import Side
from perf_action.system import System

#: every build is counted, and leaves something that says when it was
BUILD = "printf x >> $COUNT && date +%s%N > built && mkdir -p target && printf lib > target/lib"


class Workplace:
    """A repository whose sides are prepared again and again."""

    def __init__(self, repo, system: System, folder: Path) -> None:
        self.repo, self.folder = repo, folder
        self.count = folder / "count"
        self.system = System(
            {**system.environ, "XDG_CACHE_HOME": str(folder / "cache"), "COUNT": str(self.count)}
        )
        (folder / "logs").mkdir()
        self.said: list[str] = []

    def sides(
        self, base: str, use: Callable[[Sides], None] = lambda sides: None, **options: object
    ) -> list[str]:
        """What the build left in base and head."""
        service = Service.model_validate({"command": "app", "build": BUILD, **options})
        with prepared_sides(
            service,
            self.repo.path,
            base,
            self.system,
            logs=self.folder / "logs",
            access=None,
            say=self.said.append,
        ) as sides:
            use(sides)
            return [(sides.prepared[side].directory / "built").read_text() for side in (Side.BASE, Side.HEAD)]

    @property
    def built(self) -> int:
        return len(self.count.read_text())


@pytest.fixture
def place(repo, system, tmp_path) -> Workplace:
    return Workplace(repo, system, tmp_path)


def test_a_commit_is_built_once_whichever_side_it_is(place):
    first, second = place.repo.commit(app__py="1"), place.repo.commit(app__py="2")
    base, head = place.sides(first)
    assert place.sides(first) == [base, head]
    assert place.built == 2
    assert place.said[-2:] == [
        f"base: taking an earlier build of {first[:10]}",
        f"head: taking an earlier build of {second[:10]}",
    ]
    place.repo.commit(app__py="3")
    found: list[Sides] = []
    assert place.sides(second, found.append)[0] == head
    assert place.built == 3
    assert f"{second[:10]} was set up and built by an earlier run" in found[0].notes
    assert place.repo.git("worktree", "list").count("\n") == 0
    assert place.repo.git("status", "--porcelain") == ""


def test_what_is_taken_again_is_a_worktree_of_that_commit_at_a_path_as_long_as_the_other(place):
    first, second = place.repo.commit(app__py="1"), place.repo.commit(app__py="2")
    seen = []

    def look(sides: Sides) -> None:
        paths = [sides.prepared[side].checkout.path for side in (Side.BASE, Side.HEAD)]
        seen.append(paths)
        assert len({len(str(path)) for path in paths}) == 1
        assert [(path / "app.py").read_text() for path in paths] == ["1", "2"]
        for path, commit in zip(paths, (first, second), strict=True):
            git = ["-C", str(path)]
            assert place.repo.git(*git, "rev-parse", "HEAD") == commit
            assert place.repo.git(*git, "status", "--porcelain", "--untracked-files=no") == ""

    place.sides(first, look)
    place.sides(first, look)
    assert seen[0] == seen[1]
    assert not any(path.exists() for path in seen[0])


@pytest.mark.parametrize(
    ("written", "again"),
    [
        ("target/lib", True),
        ("cache.db", True),
        ("app.py", True),
        ("__pycache__/app.cpython-311.pyc", False),
        ("pkg/__pycache__/x.pyc", False),
    ],
)
def test_a_checkout_that_the_service_wrote_into_is_made_again(place, written, again):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")

    def serve(sides: Sides) -> None:
        path = sides.prepared[Side.BASE].checkout.path / written
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("written")

    base, head = place.sides(first, serve)
    now = place.sides(first)
    assert (now[0] != base, now[1] == head) == (again, True)


def test_another_command_compiler_or_flag_is_another_build(place):
    service = Service.model_validate({"command": "app", "build": "make $MODE"})
    other = Service.model_validate({"command": "app", "build": "make"})
    key = key_of(service, "tree", {"HOME": "/root", "MODE": "a"}, (("rustc", "1.80.0"),))
    same = key_of(
        service, "tree", {"HOME": "/other", "MODE": "a", "GITHUB_RUN_ID": "7"}, (("rustc", "1.80.0"),)
    )
    assert key == same
    assert len(key) == 16
    assert key not in {
        key_of(service, "other tree", {"MODE": "a"}, (("rustc", "1.80.0"),)),
        key_of(other, "tree", {"MODE": "a"}, (("rustc", "1.80.0"),)),
        key_of(service, "tree", {"MODE": "b"}, (("rustc", "1.80.0"),)),
        key_of(service, "tree", {"MODE": "a", "RUSTFLAGS": "-C opt-level=3"}, (("rustc", "1.80.0"),)),
        key_of(service, "tree", {"MODE": "a"}, (("rustc", "1.81.0"),)),
    }


@pytest.mark.parametrize(
    ("commands", "files", "fixed"),
    [
        ({"build": "make"}, [], True),
        ({"build": "cargo build --release"}, [], False),
        ({"build": "cargo build --release"}, ["Cargo.lock"], True),
        ({"build": "cd cmd && go build ./..."}, ["go.sum"], True),
        ({"setup": "python -m pip install -r requirements.txt"}, ["requirements.txt"], False),
        ({"setup": "uv sync --frozen"}, ["uv.lock"], True),
        ({"setup": "uv pip install x"}, ["uv.lock"], False),
        ({"setup": "curl -O https://example.org/data", "build": "make"}, [], False),
        ({"setup": ["sh", "-c", "npm ci"]}, ["package-lock.json"], True),
        ({"setup": "pip install x", "reuse-build": "always"}, [], True),
    ],
)
def test_only_what_lock_files_say_whole_is_taken_again(tmp_path, commands, files, fixed):
    (tmp_path / "service").mkdir()
    for name in files:
        (tmp_path / name).write_text("")
    service = Service.model_validate({"command": "app", **commands})
    assert is_fixed(service, [tmp_path / "service", tmp_path]) is fixed


def test_packages_that_nothing_pins_and_what_the_user_forbids_are_built_each_time(place):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")
    unpinned = {"build": f"{BUILD} && : pip", "virtualenv": "never"}
    assert place.sides(first, **unpinned) != place.sides(first, **unpinned)
    assert place.sides(first, reuse_build="never") != place.sides(first, reuse_build="never")
    assert place.built == 8
    assert list((place.folder / "cache").glob("perf-action/builds/*/")) == []


def test_a_virtual_environment_is_kept_with_the_build(place):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")
    pythons = []

    def look(sides: Sides) -> None:
        python = Path(sides.prepared[Side.BASE].python)
        pythons.append((python, python.stat().st_ino if not python.is_symlink() else python.lstat().st_ino))

    for _ in range(2):
        place.sides(first, look, virtualenv="always")
    assert place.built == 2
    assert pythons[0] == pythons[1]
    assert pythons[0][0].parent.parent.name == "venv"


def test_a_build_that_fails_leaves_nothing(place):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")
    with pytest.raises(CannotMeasure, match=r"service\.build failed"):
        place.sides(first, build="printf half > built; exit 3")
    assert list((place.folder / "cache").glob("perf-action/builds/*/")) == []


def test_of_a_run_that_was_killed_nothing_is_taken(place):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")

    def killed(sides: Sides) -> None:
        cache = place.folder / "cache"
        shutil.copytree(cache, place.folder / "as it was", symlinks=True)

    base, head = place.sides(first)
    place.sides(first, killed)
    shutil.rmtree(place.folder / "cache")
    (place.folder / "as it was").rename(place.folder / "cache")
    now = place.sides(first)
    assert now[0] != base
    assert now[1] != head
    assert place.sides(first) == now


def test_a_place_that_another_run_has_is_left_to_it(place):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")
    base, head = place.sides(first)
    inner: list[list[str]] = []
    assert place.sides(first, lambda sides: inner.append(place.sides(first))) == [base, head]
    assert inner[0][0] != base
    assert place.sides(first) == [base, head]


def test_a_home_that_everybody_may_write_to_keeps_no_programs(place):
    system = System({"PATH": os.environ["PATH"]})
    with kept(system, "k" * 16) as found:
        assert found is None


def test_what_was_not_used_for_longest_goes_first(place, monkeypatch):
    commits = [place.repo.commit(app__py=str(i)) for i in range(4)]
    base, head = place.sides(commits[2])
    monkeypatch.setattr(builds, "MOST_BYTES", 50)
    place.repo.git("checkout", "--quiet", commits[1])
    place.sides(commits[0])
    assert len(list((place.folder / "cache").glob("perf-action/builds/*/built.json"))) < 4
    monkeypatch.setattr(builds, "MOST_BYTES", 2**30)
    place.repo.git("checkout", "--quiet", commits[3])
    now = place.sides(commits[2])
    assert now[0] != base
    assert now[1] != head


def test_uncommitted_changes_are_another_program(place):
    first = place.repo.commit(app__py="1")
    place.repo.commit(app__py="2")
    base, head = place.sides(first)
    (place.repo.path / "app.py").write_text("changed")
    changed = place.sides(first, lambda sides: _reads(sides, "changed"))
    assert changed[0] == base
    assert changed[1] != head
    assert place.sides(first, lambda sides: _reads(sides, "changed")) == changed


def _reads(sides: Sides, text: str) -> None:
    assert (sides.prepared[Side.HEAD].checkout.path / "app.py").read_text() == text
