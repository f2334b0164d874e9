"""apt-get as it is here, in dry runs (-s) and with lists of its own; and one that fails, on the PATH."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure
from perf_action.machine.apt import Apt
from perf_action.machine.root import as_root, command_by_hand, may_be_root
from perf_action.system import System


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fake(tmp_path: Path, said: list[str]) -> Callable[..., Apt]:
    """An apt-get that does what a script says; `calls` has its arguments."""

    def make(script: str, uid: Callable[[], int] = lambda: 0) -> Apt:
        program = tmp_path / "apt-get"
        program.write_text(f'#!/bin/sh\necho "$*" >>"{tmp_path}/calls"\n{script}\n')
        program.chmod(0o755)
        return Apt(System({"PATH": f"{tmp_path}:/usr/bin:/bin"}), said.append, uid=uid)

    return make


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    return file.read_text().splitlines() if file.exists() else []


def lists_of(tmp_path: Path, *packages: str) -> tuple[str, ...]:
    """Options of an apt that knows just these packages, each a file of the archive at `tmp_path`, and has none installed."""
    state = tmp_path / "state"
    for folder in ("lists/partial", "cache/archives/partial", "etc", "archive"):
        (state / folder).mkdir(parents=True)
    text = "\n".join(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@example.org>\nFilename: ./{name}.deb\n"
        f"Size: 1\nSHA256: {'0' * 64}\nDescription: {name}\n"
        for name in packages
    )
    (state / "archive/Packages").write_text(text)
    (state / "etc/sources.list").write_text(f"deb [trusted=yes] file:{state}/archive ./\n")
    (state / "status").touch()
    return (
        "-o", f"Dir::State={state}", "-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::State::status={state}/status",
        "-o", f"Dir::Cache={state}/cache", "-o", f"Dir::Etc::sourcelist={state}/etc/sources.list",
        "-o", "Dir::Etc::sourceparts=/nonexistent", "-o", "Debug::NoLocking=1",
    )  # fmt: skip


@pytest.fixture
def private(tmp_path: Path, said: list[str], system: System) -> Callable[..., Apt]:
    """The real apt-get with an archive of its own, where nothing is ever installed (-s)."""

    def make(*packages: str) -> Apt:
        options = lists_of(tmp_path, *packages)
        return Apt(System({**system.environ, "LC_ALL": "C"}), said.append, options)

    return make


def test_the_list_of_packages_is_fetched_once_and_only_if_nothing_is_known(
    private: Callable[..., Apt], said: list[str]
) -> None:
    apt = private("linux-tools-generic", "heaptrack")
    assert not apt.knows(["heaptrack"])
    assert apt.first_known([("linux-tools-6.1.0-13-azure",), ("linux-tools-generic",)]) == (
        "linux-tools-generic",
    )
    assert said == ["apt-get update"]
    assert apt.first_known([("heaptrack",)]) == ("heaptrack",)
    assert apt.first_known([("no-such-package",), ("heaptrack", "no-such-package")]) is None
    assert said == ["apt-get update"]


def test_packages_of_this_machine_are_known(system: System, said: list[str]) -> None:
    """What is installed is known whatever lists there are."""
    assert Apt(system, said.append).knows(["coreutils"])
    assert not Apt(system, said.append).knows(["linux-tools-0.0.0-of-no-kernel"])
    assert said == []


def test_a_dry_run_of_the_installation_says_what_it_does(system: System, said: list[str]) -> None:
    Apt(system, said.append, options=("-s",)).install(["coreutils"])
    assert said == ["apt-get install coreutils"]


def test_what_apt_says_becomes_one_line_with_the_command(
    private: Callable[..., Apt], said: list[str]
) -> None:
    with pytest.raises(CannotMeasure, match=r"^apt-get install failed: Unable to locate package no-such; run (sudo )?"
                       r"apt-get install -y no-such$"):  # fmt: skip
        private("heaptrack").install(["no-such"])
    assert said == ["apt-get install no-such", "apt-get update"]


def test_a_package_that_has_gone_from_the_archive_is_looked_for_again(
    fake: Callable[..., Apt], tmp_path: Path, said: list[str]
) -> None:
    """Images are older than the archive: the first try gets a 404."""
    apt = fake(f"""
        case "$*" in
          update*) touch {tmp_path}/fresh ;;
          *) [ -e {tmp_path}/fresh ] || {{ echo "E: 404  Not Found" >&2; exit 100; }} ;;
        esac""")
    apt.install(["heaptrack"])
    assert said == ["apt-get install heaptrack", "apt-get update"]
    apt.install(["valgrind"])
    assert [line.split()[0] for line in calls(tmp_path)] == ["install", "update", "install", "install"]
    assert "-y -qq --no-install-recommends" in calls(tmp_path)[0]


def sudo(folder: Path, script: str) -> System:
    program = folder / "sudo"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return System({"PATH": f"{folder}:/usr/bin:/bin"})


def somebody() -> int:
    return 1000


def test_without_root_and_sudo_nothing_is_asked(tmp_path: Path) -> None:
    assert not may_be_root(System({"PATH": "/nonexistent"}), somebody)
    asks = sudo(tmp_path, 'echo "sudo: a password is required" >&2; exit 1')
    assert not may_be_root(asks, somebody)
    assert may_be_root(asks, lambda: 0)
    assert command_by_hand("apt-get install x", somebody) == "sudo apt-get install x"
    assert command_by_hand("apt-get install x", lambda: 0) == "apt-get install x"


def test_sudo_is_never_asked_for_a_password(tmp_path: Path) -> None:
    system = sudo(tmp_path, '[ "$1" = -n ] || exit 9; shift; echo "as root: $*"')
    assert may_be_root(system, somebody)
    done = as_root(["tee", "/proc/sys/x"], system, stdin=b"1", uid=somebody)
    assert done.stdout == "as root: tee /proc/sys/x\n"
    assert as_root(["echo", "hello"], system, uid=lambda: 0).stdout == "hello\n"


def test_the_command_is_told_where_installing_is_not_allowed(
    fake: Callable[..., Apt], tmp_path: Path, said: list[str]
) -> None:
    apt = fake("exit 0", uid=somebody)
    sudo(tmp_path, "exit 1")
    with pytest.raises(
        CannotMeasure,
        match=r"needs root, which sudo does not give without a password here; run sudo apt-get install -y heaptrack valgrind$",
    ):
        apt.install(["heaptrack", "valgrind"])
    assert (said, calls(tmp_path)) == ([], [])
