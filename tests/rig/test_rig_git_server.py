"""The git server lets in whom GitHub lets in, and serves shallow and partial clones over HTTP."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.tokens import Token
from rig.world import KEEPING, NAME, READING, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, actions={}, python=Path("/usr/bin/python3"), files={"a.txt": "a"}) as made:
        yield made


def git(world: World, token: Token | None, *args: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(world.folder),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    if token:
        code = b64encode(f"x-access-token:{token.secret}".encode()).decode()
        environ |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraheader"}
        environ["GIT_CONFIG_VALUE_0"] = f"Authorization: basic {code}"
    return subprocess.run(
        ["git", *args], cwd=world.source, env=environ, capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("suffix", ["", ".git"])
def test_whoever_may_read_can_fetch_one_commit_without_its_files(world: World, suffix: str) -> None:
    url = f"{world.git_server.url}/{NAME}{suffix}"
    target = world.folder / "partial"
    done = git(
        world,
        READING,
        "clone",
        "--quiet",
        "--depth=1",
        "--filter=blob:none",
        "--no-checkout",
        url,
        str(target),
    )
    assert done.returncode == 0, done.stderr
    assert world.git("rev-list", "--all", "--count", cwd=target) == "1"
    missing = world.git("rev-list", "--objects", "--all", "--missing=print", cwd=target)
    assert [line for line in missing.splitlines() if line.startswith("?")] != []


def test_nobody_gets_in_without_a_token(world: World) -> None:
    done = git(world, None, "ls-remote", f"{world.git_server.url}/{NAME}.git")
    assert done.returncode != 0
    assert "could not read Username" in done.stderr


def test_pushing_needs_contents_write(world: World) -> None:
    url = f"{world.git_server.url}/{NAME}.git"
    refused = git(world, READING, "push", url, "main:refs/heads/new")
    assert refused.returncode != 0
    assert "403" in refused.stderr
    done = git(world, KEEPING, "push", url, "main:refs/heads/new")
    assert done.returncode == 0, done.stderr
    assert world.branch_files("new") == ["a.txt"]


def test_a_pull_request_has_the_refs_that_github_gives_it(world: World) -> None:
    pull = world.push_pull(7, {"b.txt": "b"}, "Change")
    world.push_main({"c.txt": "c"}, "Later")
    fork = world.push_pull(8, {"d.txt": "d"}, "From outside", repository="visitor/registry")
    listed = git(world, READING, "ls-remote", f"{world.git_server.url}/{NAME}.git").stdout
    refs = dict(reversed(line.split("\t")) for line in listed.splitlines())
    assert refs["refs/pull/7/head"] == refs["refs/heads/change-7"] == pull.head_sha
    assert refs["refs/pull/7/merge"] == pull.merge_sha
    assert refs["refs/pull/8/merge"] == fork.merge_sha
    assert "refs/heads/change-8" not in refs
    assert pull.files == ["b.txt"]
