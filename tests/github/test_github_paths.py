from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from perf_action.github import skip_reason, why_skip
from perf_action.github.paths import changed_by_pull_request, changed_by_push, matches
from perf_action.system import System

# after the cheat sheet of GitHub's documentation of `paths`
CASES = [
    (["*"], ["README.md", "server.rb"], ["docs/page.md"]),
    (["*.jsx?"], ["page.js", "page.jsx"], ["page.jsxx"]),
    (["**"], ["all/the/files.md"], []),
    (["*.js"], ["app.js"], ["js/app.js"]),
    (["**.js"], ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]),
    (["docs/*"], ["docs/README.md"], ["docs/a/b.md"]),
    (["docs/**"], ["docs/README.md", "docs/mona/hello.md"], ["docsx/a"]),
    (["docs/**/*.md"], ["docs/README.md", "docs/a/markdown.md"], ["docs/a.txt"]),
    (["**/docs/**"], ["docs/hello.md", "dir/docs/my-file.txt"], ["mydocs/a"]),
    (["**/README.md"], ["README.md", "js/README.md"], ["xREADME.md"]),
    (["**/*src/**"], ["a/src/app.js", "my-src/code/js/app.js"], ["srcx/a"]),
    (["**/migrate-*.sql"], ["migrate-10909.sql", "db/sept/migrate-v1.sql"], ["db/migrate.sql"]),
    (["*.md", "!README.md"], ["hello.md"], ["README.md", "docs/hello.md"]),
    (["*.md", "!README.md", "README*"], ["hello.md", "README.md", "README.doc"], []),
    (["!docs/**"], ["src/a.py"], ["docs/a.md"]),
    (["src/[ab]+.py"], ["src/abba.py"], ["src/c.py", "src/.py"]),
    (["v1.0"], ["v1.0"], ["v1x0"]),
    (["a(b)|c", "über *.py"], ["a(b)|c", "über 1.py"], ["c", "a"]),
    (["[]", "\\*.py"], ["[]", "*.py"], ["a.py"]),
]


@pytest.mark.parametrize(("patterns", "yes", "no"), CASES)
def test_patterns_read_as_those_of_a_workflow(patterns, yes, no) -> None:
    assert [p for p in yes if not matches(patterns, p)] == []
    assert [p for p in no if matches(patterns, p)] == []


def test_a_reason_only_if_it_is_known_that_nothing_matches() -> None:
    assert (
        skip_reason(["src/**"], ["docs/a.md", "b.md"])
        == "none of the 2 changed files matches `paths` (src/**)"
    )
    assert skip_reason(["src/**"], ["docs/a.md", "src/b.py"]) == ""
    assert skip_reason(["src/**"], None) == ""
    assert skip_reason([], ["docs/a.md"]) == ""


def test_files_of_a_pull_request_past_page_one_and_both_names_of_a_renamed_one(fake, connect) -> None:
    fake.files = [{"filename": f"docs/{n}.md"} for n in range(150)]
    fake.files.append({"filename": "docs/moved.md", "previous_filename": "src/moved.py"})
    changed = changed_by_pull_request(connect(), "o/r", 7)
    assert changed is not None
    assert len(changed) == 152
    assert "src/moved.py" in changed


def test_what_github_does_not_list_in_full_is_not_known(fake, connect) -> None:
    assert changed_by_pull_request(connect(), "o/r", 7) is None
    fake.files = [{"filename": f"docs/{n}.md"} for n in range(3000)]
    assert changed_by_pull_request(connect(), "o/r", 7) is None
    assert changed_by_pull_request(connect("wrong"), "o/r", 7) is None


class Pushed:
    """A repository with two commits of different files, and a shallow clone of the newer one."""

    def __init__(self, folder: Path) -> None:
        self.full, self.shallow = folder / "full ü", folder / "shallow"
        self.full.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.git("config", "uploadpack.allowFilter", "true")
        self.before = self.commit("docs/a.md")
        self.after = self.commit("src/grün b.py")
        self.git("clone", "--quiet", "--depth=1", self.full.as_uri(), str(self.shallow))

    def commit(self, name: str) -> str:
        path = self.full / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", name)
        return self.git("rev-parse", "HEAD")

    def git(self, *args: str) -> str:
        identity = {f"GIT_{w}_{k}": "t" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **identity}
        done = subprocess.run(
            ["git", *args], cwd=self.full, env=env, capture_output=True, check=True, timeout=30
        )
        return done.stdout.decode().strip()


@pytest.fixture
def pushed(tmp_path: Path) -> Pushed:
    return Pushed(tmp_path)


def test_files_of_a_push_also_in_a_shallow_clone(pushed: Pushed, system: System, tmp_path: Path) -> None:
    for n, clone in enumerate((pushed.full, pushed.shallow)):
        scratch = tmp_path / f"scratch{n}"
        scratch.mkdir()
        assert changed_by_push(system, clone, scratch, pushed.before, pushed.after) == ("src/grün b.py",)


@pytest.mark.parametrize("before", ["", "0" * 40, "d" * 40])
def test_a_push_without_what_was_before_is_not_known(
    pushed: Pushed, system: System, tmp_path: Path, before
) -> None:
    assert changed_by_push(system, pushed.shallow, tmp_path, before, pushed.after) is None


def test_a_pull_request_asks_the_api(fake, connect, context, system: System, tmp_path: Path) -> None:
    fake.files = [{"filename": "docs/a.md"}]

    def ask(*patterns, client=None):
        return why_skip(patterns, context, client, system=system, repository=tmp_path, scratch=tmp_path)

    assert "none of the 1 changed files" in ask("src/**", client=connect())
    assert ask("docs/**", client=connect()) == ""
    assert ask("src/**") == ""


def test_a_push_asks_git_and_nothing_else_is_skipped(
    context, pushed: Pushed, system: System, tmp_path: Path
) -> None:
    push = replace(context, event="push", pull_request=None, before=pushed.before, sha=pushed.after)

    def ask(context, *patterns):
        return why_skip(patterns, context, None, system=system, repository=pushed.full, scratch=tmp_path)

    assert "none of the 1 changed files" in ask(push, "docs/**")
    assert ask(push, "src/**") == ""
    assert ask(push) == ""
    assert ask(replace(push, event="schedule"), "nothing") == ""
    assert ask(None, "nothing") == ""
