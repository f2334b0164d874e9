"""What a pull request touches, from real repositories with names that mean harm."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.machine.diff import parse_diff
from perf_action.machine.source_functions import named_in
from perf_action.machine.touched import touched
from perf_action.machine.worktree import Checkout

APP = """import json


def encode(value):
    text = json.dumps(value)
    return text


class Cart:
    @property
    def total(self):
        def of(item):
            return item.price

        return sum([of(i) for i in self.items])


def idle():
    pass
"""


def at(repo, commit: str) -> Checkout:
    return Checkout(path=repo.path, commit=commit, tree=repo.git("rev-parse", f"{commit}^{{tree}}"))


def between(repo, system, base: str, head: str):
    return touched(at(repo, base), at(repo, head), system)


def test_python_functions_are_those_whose_lines_changed(repo, system):
    base = repo.commit(app__py=APP)
    head = repo.commit(app__py=APP.replace("dumps(value)", "dumps(value, indent=1)"))
    (file,) = between(repo, system, base, head)
    assert (file.base, file.head, file.functions) == ("app.py", "app.py", ("encode",))
    assert file.base_lines == file.head_lines == ((5, 5),)


def test_what_was_only_removed_is_touched_too(repo, system):
    base = repo.commit(app__py=APP)
    head = repo.commit(
        app__py=APP.replace("    text = json.dumps(value)\n    return text\n", "    return 1\n")
    )
    assert between(repo, system, base, head)[0].functions == ("encode",)
    gone = repo.commit(app__py=APP[: APP.index("def idle")])
    (file,) = between(repo, system, base, gone)
    assert file.functions == ("idle",)
    assert file.head_lines == ()


def test_a_renamed_file_is_followed(repo, system):
    base = repo.commit(app__py=APP)
    repo.git("mv", "app.py", "shop.py")
    head = repo.commit(shop__py=APP.replace("item.price", "item.price * 2"))
    (file,) = between(repo, system, base, head)
    assert (file.base, file.head) == ("app.py", "shop.py")
    assert file.functions == ("Cart.total.<locals>.of",)


def test_new_gone_and_binary_files(repo, system):
    base = repo.commit(old__py="def f():\n    pass\n", x__bin="\0\1")
    (repo.path / "old.py").unlink()
    head = repo.commit(new__py="def g(a):\n    return [b for b in a]\n", x__bin="\0\2")
    found = {(f.base, f.head): f.functions for f in between(repo, system, base, head)}
    assert found == {("", "new.py"): ("g", "g.<locals>.<listcomp>"), ("old.py", ""): ("f",)}


@pytest.mark.parametrize(
    "name",
    ['a"b\\c.py', "tab\there.py", "line\nbreak.py", "naïve schéma.py", "-rf.py", "b/../x.py", "@@ -1 +1 @@.py", "$(x).py"],
)  # fmt: skip
def test_hostile_names_are_only_names(repo, system, name: str):
    path = repo.path / name
    (repo.path / "b").mkdir()
    path.write_text("def f():\n    return 1\n")
    base = repo.commit()
    path.write_text("def f():\n    return 2\n")
    head = repo.commit()
    (file,) = between(repo, system, base, head)
    assert file.head == name.replace("b/../", "")
    assert file.functions == ("f",)


def test_settings_and_attributes_of_the_repository_start_no_program(repo, system, tmp_path):
    base = repo.commit(app__py=APP, _gitattributes="")
    (repo.path / ".gitattributes").write_text("*.py diff=evil\n")
    trap = tmp_path / "trap"
    repo.git("config", "diff.evil.command", f"touch '{trap}'")
    repo.git("config", "diff.evil.textconv", f"touch '{trap}'; cat")
    repo.git("config", "diff.external", f"touch '{trap}'")
    repo.git("config", "diff.noprefix", "true")
    repo.git("config", "diff.context", "7")
    head = repo.commit(app__py=APP.replace("pass", "return 1"))
    found = {f.head: f.functions for f in between(repo, system, base, head)}
    assert found["app.py"] == ("idle",)
    assert not trap.exists()


def test_other_languages_by_what_git_finds(repo, system):
    rust = (
        "pub struct A;\n\nimpl A {\n    pub fn add(&self) -> u32 {\n        let a = 1;\n        a\n    }\n}\n"
    )
    go = "package a\n\nfunc (s *Server) Handle(w int) int {\n\ta := 1\n\treturn a\n}\n"
    c = "static int add(int a)\n{\n  int b = 1;\n  return b;\n}\n"
    base = repo.commit(a__rs=rust, a__go=go, a__c=c)
    head = repo.commit(
        **{f"a__{k}": v.replace("= 1", "= 2") for k, v in {"rs": rust, "go": go, "c": c}.items()}
    )
    assert {f.head: f.functions for f in between(repo, system, base, head)} == {
        "a.rs": ("A::add",), "a.go": ("Server.Handle",), "a.c": ("add",),
    }  # fmt: skip
    new = repo.commit(a__rs=rust + "\nfn more() -> u32 {\n    3\n}\n")
    assert "more" in {f.head: f.functions for f in between(repo, system, base, new)}["a.rs"]


def test_a_pull_request_as_large_as_github_shows_is_read_and_no_larger_one(repo, system):
    names = [f"f{i}__txt" for i in range(3010)]
    base = repo.commit(**dict.fromkeys(names, "1\n"), a__py=APP)
    head = repo.commit(**dict.fromkeys(names, "2\n"), a__py=APP.replace("pass", "return 1"))
    found = between(repo, system, base, head)
    assert len(found) == 3000
    assert next(f for f in found if f.head == "a.py").functions == ("idle",)
    assert touched(Checkout(path=repo.path, commit="", tree=""), at(repo, head), system) == ()


def test_a_changed_line_that_looks_like_a_header_is_a_line(repo, system):
    base = repo.commit(a__txt="-- a/b.py\n-- x\nkeep\n", b__txt="")
    head = repo.commit(a__txt="++ b/c.py\nkeep\n@@ -1 +1 @@ def f():\n", b__txt="")
    (file,) = between(repo, system, base, head)
    assert (file.base, file.head) == ("a.txt", "a.txt")


def test_names_of_definitions():
    lines = [
        "async fn encode<T: Into<Vec<u8>>>(x: T) {", "export const pick = async (a) => {", "  handle(req, res) {",
        "int Cart::add(int a) {", "func New() *A {", "    if (x) {", "",
    ]  # fmt: skip
    assert named_in(lines, ["    fn more() {", "x = 1"]) == ("encode", "pick", "handle", "add", "New", "more")


@given(st.text(alphabet='@-+ \n0123456789,a/"\\\t', max_size=300))
def test_any_text_is_parsed_in_the_end(text: str):
    assert all(f.context for f in parse_diff(text))


def test_the_parser_reads_what_git_prints(repo):
    repo.commit(a__py="1\n")
    (repo.path / "a.py").write_text("2")
    text = subprocess.run(
        ["git", "diff", "-U0"], cwd=repo.path, capture_output=True, text=True, check=True
    ).stdout
    (file,) = parse_diff(text)
    assert (file.changed, file.base_lines, file.head_lines) == (["1", "2"], [(1, 1)], [(1, 1)])
