"""Checkouts that were set up and built, kept between runs: base need not be built again for each push.

What is kept is a whole worktree at a path of its own, which depends on everything that the build does: the commit's
tree, the commands and their environment, compilers, the system. It is taken again only if every file in it is as the
build left it (size and time), so that a service that writes into its checkout starts from a fresh one; and only if
lock files say which packages went into it, so that both sides have the same ones. Compiled Python is not looked at:
Python itself compares it with its source.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perf_action.config import Service
from perf_action.system import System, write_text

_FORMAT = 1
#: all that are kept together; the ones that were not used for longest go first
MOST_BYTES = 5 * 2**30
_SEAL = "built.json"
_BUILDS = "builds"
_CHECKOUT, _ASIDE, _OWN = "checkout", "aside", "own"
#: what compilers and package managers take from the environment, besides what a command names itself
_READ_BY_BUILDS = re.compile(
    r"(?:CARGO|RUST|GO|CGO|PIP|UV|PYTHON|NODE|NPM|YARN|PKG_CONFIG|CMAKE|MAKE)\w*"
    r"|npm_config_\w+|CC|CXX|AR|LD|(?:C|CPP|CXX|LD)FLAGS|CPATH|LIBRARY_PATH|LD_LIBRARY_PATH|TARGET|PROFILE"
)
_NAMED = re.compile(r"\$\{?(\w+)")
#: a word of a command -> the files one of which says exactly what it fetches; none: nothing can say that
_FETCHES: Mapping[str, tuple[str, ...]] = {
    "cargo": ("Cargo.lock",),
    "go": ("go.sum",),
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock",),
    "uv": ("uv.lock",),
    "poetry": ("poetry.lock",),
    "pdm": ("pdm.lock",),
    "pipenv": ("Pipfile.lock",),
    "bundle": ("Gemfile.lock",),
    **dict.fromkeys(("pip", "pip3", "setup.py", "hatch", "flit", "conda", "gem"), ()),
    **dict.fromkeys(("curl", "wget", "git", "apt", "apt-get", "docker", "mvn", "gradle"), ()),
}
_WORD = re.compile(r"[\w.-]+")
#: name and version of compilers and interpreters
Tools = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Kept:
    """One place for a built checkout, ours alone while it is open. `built`: what lies in it may be taken as it is.

    The worktree goes to `checkout`, what the build makes outside of it to `own`.
    """

    folder: Path
    built: bool
    _sealed: str = field(default="", repr=False)

    @property
    def checkout(self) -> Path:
        return self.folder / _CHECKOUT

    @property
    def own(self) -> Path:
        return self.folder / _OWN

    def seal(self) -> None:
        """The build is done, and nothing runs yet: this is what must not change."""
        self._sealed = _state(self.folder)

    def fill(self) -> None:
        """Put what was kept where git has just made an empty worktree."""
        (self.checkout / ".git").rename(self._aside / ".git")
        self.checkout.rmdir()
        self._aside.rename(self.checkout)
        self._sealed = _seal(self.folder)["state"]

    def put_aside(self) -> None:
        """Keep the worktree's files before git removes it, if they are as they were sealed."""
        with contextlib.suppress(OSError):  # a full disk: then nothing is kept
            (self.folder / _SEAL).unlink(missing_ok=True)
            if not self._sealed or _state(self.folder) != self._sealed:
                return
            (self.checkout / ".git").unlink()
            self.checkout.rename(self._aside)
            seal = {"state": self._sealed, "bytes": _size(self.folder)}
            write_text(self.folder / _SEAL, json.dumps(seal))

    def clear(self) -> None:
        """Nothing of an earlier run is left."""
        for path in (self.checkout, self._aside, self.own):
            shutil.rmtree(path, ignore_errors=True)
        (self.folder / _SEAL).unlink(missing_ok=True)
        self.own.mkdir(parents=True)
        self.built = False

    @property
    def _aside(self) -> Path:
        return self.folder / _ASIDE


@contextlib.contextmanager
def kept(system: System, key: str) -> Iterator[Kept | None]:
    """The place of that key in the cache; None if another run has it now, or if there is no cache that is ours alone."""
    cache = system.own_cache
    if cache is None:
        yield None
        return
    folder = cache / _BUILDS / key
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = stack.enter_context(folder.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        place = Kept(folder, built=_is_whole(folder))
        if place.built:
            shutil.rmtree(place.checkout, ignore_errors=True)  # of a run that was killed
        else:
            place.clear()
        try:
            yield place
        finally:
            if not (folder / _SEAL).exists():
                shutil.rmtree(folder, ignore_errors=True)
            _evict(folder.parent, besides=key)


def key_of(service: Service, tree: str, env: Mapping[str, str], tools: Tools) -> str:
    """What a build of that tree depends on, as sixteen hex digits. `env` is what its commands are started with."""
    commands = json.dumps([service.setup, service.build, sorted(service.env.items())])
    read = {name for name in env if _READ_BY_BUILDS.fullmatch(name)} | set(_NAMED.findall(commands))
    facts = [
        _FORMAT, tree, commands, service.directory, service.virtualenv,
        [(name, env.get(name)) for name in sorted(read)], tools, platform.platform(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def is_fixed(service: Service, folders: Sequence[Path]) -> bool:
    """Whether lock files in one of `folders` say what goes into a build, or the user says so."""
    if service.reuse_build == "always":
        return True
    words = set(_WORD.findall(json.dumps([service.setup, service.build])))
    fetching = [_FETCHES[word] for word in words if word in _FETCHES]
    return all(any((folder / name).is_file() for folder in folders for name in names) for names in fetching)


def _is_whole(folder: Path) -> bool:
    """Whether a build lies there, aside, as it was left."""
    try:
        return bool(_seal(folder)["state"] == _state(folder, checkout=_ASIDE))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _seal(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
    return found


def _state(folder: Path, checkout: str = _CHECKOUT) -> str:
    """A digest of what lies in a place: names, sizes and times of all files, not of compiled Python."""
    digest = hashlib.sha256()
    for name in (checkout, _OWN):
        top = folder / name
        for path, entry in _files(top):
            there = entry.stat(follow_symlinks=False)
            digest.update(os.fsencode(path))
            digest.update(f"\0{there.st_mode}\0{there.st_size}\0{there.st_mtime_ns}\0".encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _files(top: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Files and symbolic links below `top`, by their path from there, in one order."""
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(top / folder) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                path = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        folders.append(f"{path}/")
                elif path != ".git":
                    yield path, entry


def _size(folder: Path) -> int:
    return sum(entry.stat(follow_symlinks=False).st_size for _, entry in _files(folder))


def _evict(builds: Path, besides: str) -> None:
    """Remove what was not used for longest, until the rest is not too large. What is in use stays."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # another run removes something too
        seals = sorted(builds.glob(f"*/{_SEAL}"), key=lambda seal: seal.stat().st_mtime, reverse=True)
        total = 0
        for seal in seals:
            total += _seal(seal.parent)["bytes"]
            if total > MOST_BYTES and seal.parent.name != besides:
                _remove(seal.parent)


def _remove(folder: Path) -> None:
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
