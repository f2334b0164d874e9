"""The kernel's settings, in a folder that stands for /proc/sys: lowered where they are in the way, and given back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action.machine.sysctl import Kernel, kernel_names_shown
from perf_action.profilers.allowed import PerfEvents
from perf_action.system import System

PARANOID, KPTR, YAMA = "kernel/perf_event_paranoid", "kernel/kptr_restrict", "kernel/yama/ptrace_scope"


class Machine:
    """What Ubuntu's runners have: nothing is allowed. The kernel obeys its settings."""

    def __init__(self, folder: Path) -> None:
        self.root, self.cache = folder / "root", folder / "cache"
        for name, value in ((PARANOID, 4), (KPTR, 1), (YAMA, 2)):
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            self.set(name, value)

    def path(self, name: str) -> Path:
        return self.root / "proc/sys" / name

    def set(self, name: str, value: int) -> None:
        self.path(name).write_text(f"{value}\n")

    def values(self) -> dict[str, int]:
        return {name: int(self.path(name).read_text()) for name in (PARANOID, KPTR, YAMA)}

    def events(self) -> PerfEvents:
        paranoid = self.values()[PARANOID]
        if paranoid > 2:
            return PerfEvents(error="Permission denied", cycles_error="Permission denied")
        return PerfEvents(event="cycles", kernel=paranoid < 2)

    @property
    def journal(self) -> Path:
        return self.cache / "perf-action/kernel-settings.json"

    def kernel(self, say: Callable[[str], None] = print, **environ: str) -> Kernel:
        return Kernel(
            system=System({"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(self.cache), **environ}),
            say=say,
            root=self.root,
            events=self.events,
            names_hidden=lambda: self.values()[KPTR] > 0,
            ptrace=lambda _system: "Operation not permitted" if self.values()[YAMA] > 1 else "",
            uid=lambda: 0,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


BEFORE = {PARANOID: 4, KPTR: 1, YAMA: 2}


def test_what_perf_needs_is_lowered_and_given_back(machine: Machine) -> None:
    said: list[str] = []
    with machine.kernel(said.append).relaxed(frozenset({"perf", "none"})) as changes:
        assert machine.values() == {PARANOID: 1, KPTR: 0, YAMA: 2}
        assert list(map(str, changes)) == [
            "kernel.perf_event_paranoid was 4, and 1 while measuring, for sampling the service and the kernel under it",
            "kernel.kptr_restrict was 1, and 0 while measuring, for the names of the kernel's functions",
        ]
        assert machine.journal.is_file()
    assert machine.values() == BEFORE
    assert said == ["kernel.perf_event_paranoid is 4 again", "kernel.kptr_restrict is 1 again"]
    assert not machine.journal.exists()


def test_py_spy_needs_consent_to_be_possible_and_no_more(machine: Machine) -> None:
    with machine.kernel().relaxed(frozenset({"py-spy"})):
        assert machine.values() == {**BEFORE, YAMA: 1}
    assert machine.values() == BEFORE


def test_a_service_that_runs_already_consents_to_nothing(machine: Machine) -> None:
    machine.set(YAMA, 1)
    kernel = Kernel(
        system=machine.kernel().system,
        root=machine.root,
        ptrace=lambda _system: "Operation not permitted" if machine.values()[YAMA] > 0 else "",
        uid=lambda: 0,
    )
    with kernel.relaxed(frozenset({"py-spy"})) as changes:
        assert changes == ()
    for name in ("py-spy", "heaptrack"):
        with kernel.relaxed(frozenset({name, f"{name} attached"})) as changes:
            assert machine.values()[YAMA] == 0
        assert str(changes[0]).startswith(
            "kernel.yama.ptrace_scope was 1, and 0 while measuring, for looking into a"
        )
        assert machine.values()[YAMA] == 1


@pytest.mark.parametrize("profilers", [{"memray"}, {"heaptrack", "massif"}, set()])
def test_what_nobody_needs_stays(machine: Machine, profilers: set[str]) -> None:
    with machine.kernel().relaxed(frozenset(profilers)) as changes:
        assert machine.values() == BEFORE
        assert changes == ()
    assert not machine.journal.exists()


def test_what_is_allowed_anyway_is_left_alone(machine: Machine) -> None:
    """Root, or a process with the capability, sees all whatever the settings say."""
    kernel = Kernel(
        system=machine.kernel().system,
        root=machine.root,
        events=lambda: PerfEvents(event="cycles", kernel=True),
        names_hidden=lambda: False,
        ptrace=lambda _system: "",
    )
    with kernel.relaxed(frozenset({"perf", "py-spy"})) as changes:
        assert changes == ()
    assert machine.values() == BEFORE


def test_a_kernel_without_these_settings(tmp_path: Path, machine: Machine) -> None:
    for name in BEFORE:
        machine.path(name).unlink()
    denied = PerfEvents(error="Operation not permitted")
    kernel = Kernel(
        system=machine.kernel().system,
        root=machine.root,
        events=lambda: denied,
        names_hidden=lambda: True,
        ptrace=lambda _system: "Operation not permitted",
    )
    with kernel.relaxed(frozenset({"perf", "py-spy"})) as changes:
        assert changes == ()
    assert kernel.expected_events() == denied


def test_an_error_in_between_gives_them_back_too(machine: Machine) -> None:
    with pytest.raises(KeyboardInterrupt), machine.kernel().relaxed(frozenset({"perf"})):
        raise KeyboardInterrupt
    assert machine.values() == BEFORE


def test_ptrace_scope_3_cannot_be_lowered(machine: Machine) -> None:
    machine.set(YAMA, 3)
    with machine.kernel().relaxed(frozenset({"py-spy"})) as changes:
        assert str(changes[0]) == (
            "kernel.yama.ptrace_scope is 3, which is in the way of looking into the service, and was left so "
            "(3 stays until the machine starts anew); sudo sysctl -w kernel.yama.ptrace_scope=1"
        )
    assert machine.values()[YAMA] == 3


def test_without_root_the_command_is_told_and_nothing_changes(machine: Machine) -> None:
    kernel = Kernel(
        system=System({"PATH": "/nonexistent", "XDG_CACHE_HOME": str(machine.cache)}),
        root=machine.root,
        events=machine.events,
        names_hidden=lambda: False,
        uid=lambda: 1000,
    )
    with kernel.relaxed(frozenset({"perf"})) as changes:
        assert (
            "changing it needs root, which sudo does not give without a password here); sudo sysctl -w"
            in str(changes[0])
        )
    assert machine.values() == BEFORE
    assert kernel.expected_events().event == ""


def test_what_perf_will_see_is_known_before_anything_is_changed(machine: Machine) -> None:
    assert machine.kernel().expected_events() == PerfEvents(event="cpu-clock", kernel=True)
    assert machine.values() == BEFORE


def test_sudo_writes_what_we_may_not(machine: Machine, tmp_path: Path) -> None:
    """A file system on which only the program that stands for sudo can write."""
    sudo = tmp_path / "bin/sudo"
    sudo.parent.mkdir()
    sudo.write_text(
        f"""#!/bin/sh
        [ "$1" = -n ] || exit 9
        shift
        echo "$*" >>{tmp_path}/calls
        [ "$1" = true ] && exit 0
        rmdir "$2" && cat >"$2"
        """
    )
    sudo.chmod(0o755)
    machine.path(PARANOID).unlink()
    machine.path(PARANOID).mkdir()  # nobody can write a folder
    kernel = Kernel(
        system=System({"PATH": f"{sudo.parent}:/usr/bin:/bin", "XDG_CACHE_HOME": str(machine.cache)}),
        root=machine.root,
        uid=lambda: 1000,
    )
    machine.journal.parent.mkdir(parents=True)
    machine.journal.write_text(
        json.dumps([{"name": "kernel.perf_event_paranoid", "before": 4, "holders": []}])
    )
    assert kernel.restore() == ("kernel.perf_event_paranoid is 4 again",)
    assert (tmp_path / "calls").read_text().splitlines() == [f"tee {machine.path(PARANOID)}"]
    assert machine.values()[PARANOID] == 4


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def left_behind(machine: Machine, *holders: int) -> None:
    """A run changed a setting, and is gone without a word."""
    machine.set(PARANOID, 1)
    machine.journal.parent.mkdir(parents=True)
    entry = {"name": "kernel.perf_event_paranoid", "before": 4, "holders": list(holders)}
    machine.journal.write_text(json.dumps([entry]))


def test_a_run_that_was_killed_is_cleaned_up_after(machine: Machine) -> None:
    left_behind(machine, dead_pid())
    assert machine.kernel().restore() == ("kernel.perf_event_paranoid is 4 again",)
    assert machine.values() == BEFORE
    assert machine.kernel().restore() == ()


def test_the_last_of_two_runs_gives_them_back(machine: Machine) -> None:
    left_behind(machine, os.getppid())
    with machine.kernel().relaxed(frozenset({"perf"})) as changes:
        assert [c.before for c in changes] == [1, 4] or [c.before for c in changes] == [4, 1]
    assert machine.values()[PARANOID] == 1, "the other one still measures"
    assert [e["holders"] for e in json.loads(machine.journal.read_text())] == [[os.getppid()]]


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '[{"name": "x"}]', '[{"name": "kernel.x", "before": 1, "holders": []}]']
)
def test_a_damaged_journal_changes_nothing(machine: Machine, text: str) -> None:
    machine.journal.parent.mkdir(parents=True)
    machine.journal.write_text(text)
    assert machine.kernel().restore() == ()
    assert machine.values() == BEFORE


def test_a_cache_that_cannot_be_written_leaves_the_kernel_as_it_is(machine: Machine) -> None:
    machine.cache.write_text("a file")
    with machine.kernel().relaxed(frozenset({"perf"})) as changes:
        assert "kernel-settings.json could not be written" in changes[0].error
    assert machine.values() == BEFORE


def test_hidden_kernel_names_are_zeros(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    names = tmp_path / "proc/kallsyms"
    assert not kernel_names_shown(tmp_path)
    names.write_text("0000000000000000 T startup_64\n0000000000000000 T _stext\n")
    assert not kernel_names_shown(tmp_path)
    names.write_text("0000000000000000 A fixed_percpu_data\nffffffff81000000 T startup_64\n")
    assert kernel_names_shown(tmp_path)
