from __future__ import annotations

import pytest

from perf_action.machine.environment import cpu_quota, environment, memory_limit
from perf_action.machine.noise import noise
from perf_action.system import System


@pytest.fixture
def root(tmp_path):
    def make(**files: str):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


MEMINFO = {"proc__meminfo": "MemTotal:       16384 kB\nMemFree: 1 kB\n"}


def test_this_machine_has_a_fingerprint_that_repeats(system):
    first, second = environment(system, tools=(("b", "2"), ("a", "1"))), environment(system)
    assert first.cores >= 1
    assert first.memory_bytes > 2**28
    assert first.kernel
    assert first.arch
    assert first.tools == (("a", "1"), ("b", "2"))
    assert second.fingerprint() == environment(system).fingerprint()


def test_the_image_of_a_hosted_runner_is_part_of_it(root):
    runner = System({"ImageOS": "ubuntu24", "ImageVersion": "20250101.1"})
    assert environment(runner, root=root(**MEMINFO)).image == "ubuntu24 20250101.1"


def test_processor_and_system_are_named(root):
    here = root(
        proc__cpuinfo="processor : 0\nmodel name\t: Some  CPU @ 2.0GHz\n",
        **{"etc__os-release": 'NAME=x\nPRETTY_NAME="Some Linux 1"\n'},
    )
    found = environment(System({}), root=here)
    assert (found.cpu_model, found.os) == ("Some CPU @ 2.0GHz", "Some Linux 1")


def test_arm_processors_are_told_by_their_numbers(root):
    here = root(proc__cpuinfo="processor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n\nprocessor : 1\n")
    assert environment(System({}), root=here).cpu_model == "ARM implementer 0x41 part 0xd0c"


def test_limits_of_version_2_are_the_tightest_on_the_way_up(root):
    here = root(
        proc__self__cgroup="0::/a/b\n",
        sys__fs__cgroup__a__b__cpu_DOT_max="max 100000\n",
        sys__fs__cgroup__a__cpu_DOT_max="150000 100000\n",
        sys__fs__cgroup__a__b__memory_DOT_max="8388608\n",
        sys__fs__cgroup__a__memory_DOT_max="max\n",
        **MEMINFO,
    )
    assert cpu_quota(here) == 1.5
    assert memory_limit(here) == 8388608


def test_limits_of_version_1(root):
    here = root(
        proc__self__cgroup="4:memory:/m\n1:cpu,cpuacct:/c\n",
        sys__fs__cgroup__cpu__c__cpu_DOT_cfs_quota_us="50000\n",
        sys__fs__cgroup__cpu__c__cpu_DOT_cfs_period_us="100000\n",
        sys__fs__cgroup__memory__m__memory_DOT_limit_in_bytes="9223372036854771712\n",
        **MEMINFO,
    )
    assert cpu_quota(here) == 0.5
    assert memory_limit(here) == 16 * 2**20


def test_no_limit_and_nothing_to_read_are_zero(root):
    here = root(proc__self__cgroup="1:cpu:/c\n", sys__fs__cgroup__cpu__c__cpu_DOT_cfs_quota_us="-1\n")
    assert cpu_quota(here) == 0.0
    assert memory_limit(here) == 0


def test_noise_is_what_others_used_of_the_processors(root):
    here = root(proc__stat="cpu  100 0 100 1000 0 0 0 0 0 0\n")

    class Later(System):
        def sleep(self, seconds: float) -> None:
            (here / "proc/stat").write_text("cpu  110 0 120 1060 0 0 0 10 0 0\n")

    seen = noise(Later({}), root=here)
    assert (seen.busy, seen.stolen) == (0.3, 0.1)
    assert not seen.quiet


def test_noise_can_be_measured_here(system):
    seen = noise(system, 0.05)
    assert 0 <= seen.busy <= 1
    assert 0 <= seen.stolen <= 1
