"""The scripts of the action's steps, with a program in the place of perf-action that does what a test wants."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

INPUTS = {"CONFIG": "perf.yml", "BASE": "auto", "SAVE_BASELINE": "auto"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """One use of the action. `program` is what stands in for perf-action, a bash script."""

    scripts: Path
    home: Path

    def program(self, text: str) -> None:
        file = self.home / "perf-action"
        file.write_text(f'#!/usr/bin/env bash\necho "$*" >>"{self.home}/calls"\n{text}\n', encoding="utf-8")
        file.chmod(0o755)

    def run(self, script: str, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.scripts / script), *args],
            env={"PATH": os.environ["PATH"], "PERF_HOME": str(self.home), **environ},
            cwd=self.home, capture_output=True, text=True, timeout=20,
        )  # fmt: skip

    @property
    def calls(self) -> list[str]:
        file = self.home / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def steps(repository: Path, tmp_path: Path) -> Steps:
    home = tmp_path / "a folder of RUNNER_TEMP"
    home.mkdir()
    (home / "inputs").write_text(
        "".join(f"export PERF_INPUT_{k}={v}\n" for k, v in INPUTS.items()), encoding="utf-8"
    )
    made = Steps(scripts=repository / "action", home=home)
    made.program("true")
    return made


def test_each_step_calls_its_command(steps: Steps) -> None:
    (steps.home / "run").mkdir()
    (steps.home / "run/run.json").write_text("{}", encoding="utf-8")
    for step in ("setup", "run", "restore", "assess", "publish", "baseline"):
        assert steps.run("attempt.sh", step).returncode == 0
    run = steps.home / "run"
    assert steps.calls == [
        "setup --config perf.yml",
        f"run --config perf.yml --base auto --out {run}",
        "setup --restore",
        f"assess {run} --config perf.yml",
        f"publish {run} --config perf.yml",
        f"baseline save {run} --config perf.yml",
    ]
    assert steps.run("verdict.sh").returncode == 0
    assert steps.calls[-1] == f"assess {run} --verdict-only"


def test_a_failure_is_noted_published_and_turns_the_last_step_red(steps: Steps) -> None:
    steps.program('[[ "$1" == run ]] && { echo "error: the service did not start" >&2; exit 3; } || true')
    done = steps.run("attempt.sh", "run")
    assert done.returncode == 0
    assert "error: the service did not start\n" in done.stderr
    assert "::error title=perf-action run::the service did not start\n" in done.stdout
    steps.run("attempt.sh", "assess")
    steps.run("attempt.sh", "publish")
    assert [c.split()[0] for c in steps.calls] == ["run", "publish"]
    assert steps.calls[-1].endswith(f"--failures {steps.home}/failures")
    verdict = steps.run("verdict.sh")
    assert verdict.returncode == 3
    assert verdict.stdout == "perf-action run: the service did not start\n"


def test_nothing_is_measured_when_the_tools_could_not_be_set_up(steps: Steps) -> None:
    steps.program('echo "error: no py-spy" >&2; exit 3')
    steps.run("attempt.sh", "setup")
    steps.run("attempt.sh", "run")
    assert [c.split()[0] for c in steps.calls] == ["setup"]


def test_a_run_that_failed_half_way_is_assessed_but_no_baseline(steps: Steps) -> None:
    steps.program('[[ "$1" == run ]] && exit 3 || true')
    steps.run("attempt.sh", "run")
    (steps.home / "run").mkdir()
    (steps.home / "run/run.json").write_text("{}", encoding="utf-8")
    steps.run("attempt.sh", "assess")
    steps.run("attempt.sh", "baseline")
    assert [c.split()[0] for c in steps.calls] == ["run", "assess"]


def test_the_verdict_fails_with_the_code_of_the_program(steps: Steps) -> None:
    steps.program('echo "error: encode is slower" >&2; exit 1')
    done = steps.run("verdict.sh")
    assert done.returncode == 1
    assert done.stderr == "error: encode is slower\n"


def test_a_baseline_that_may_not_be_pushed_is_a_warning_unless_it_was_asked_for(steps: Steps) -> None:
    steps.program('echo "error: 403, the job needs contents: write" >&2; exit 3')
    done = steps.run("attempt.sh", "baseline")
    assert (
        "::warning title=perf-action: no baseline kept::403, the job needs contents: write\n" in done.stdout
    )
    assert not (steps.home / "failures").exists()
    with (steps.home / "inputs").open("a", encoding="utf-8") as inputs:
        inputs.write("export PERF_INPUT_SAVE_BASELINE=true\n")
    steps.run("attempt.sh", "baseline")
    assert steps.run("verdict.sh").returncode == 3


def test_what_a_service_prints_becomes_no_second_workflow_command(steps: Steps) -> None:
    steps.program("printf 'error: it said 100%%\\r::add-mask::x\\n' >&2; exit 3")
    done = steps.run("attempt.sh", "run")
    commands = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert commands == ["::error title=perf-action run::it said 100%25%0D::add-mask::x"]


def test_what_measures_cannot_talk_to_the_runner(steps: Steps) -> None:
    files = {
        name: f"{steps.home}/{name}"
        for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    }
    steps.program(f'env | grep -c -E "^({"|".join(files)})=" >"{steps.home}/seen"; true')
    for step, seen in (("setup", "0"), ("run", "0"), ("publish", "4")):
        steps.run("attempt.sh", step, **files)
        assert (steps.home / "seen").read_text(encoding="utf-8").strip() == seen


@pytest.mark.parametrize("value", ["$(touch /tmp/x)", "a'b\"c", "two\nlines", "`id`", "ünïcode  spaces "])
def test_inputs_are_recorded_as_they_are(steps: Steps, repository: Path, tmp_path: Path, value: str) -> None:
    output = tmp_path / "output"
    environ = {
        "RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_OUTPUT": str(output), "PYTHON": "python3",
        "ACTION_PATH": str(repository), "PERF_INPUT_FAIL_ON": value,
    }  # fmt: skip
    done = steps.run("home.sh", **environ)
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    read = subprocess.run(
        ["bash", "-c", 'source "$1/inputs"; printf %s "$PERF_INPUT_FAIL_ON"', "read", outputs["home"]],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert read.stdout == value
    assert outputs["ready"] == "false"


def test_each_use_in_a_job_has_a_folder_of_its_own_and_all_share_the_installation(
    steps: Steps, repository: Path, tmp_path: Path
) -> None:
    temp, output = tmp_path / "temp", tmp_path / "output"
    environ = {
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(output),
        "PYTHON": "python3",
        "ACTION_PATH": str(repository),
    }
    uses = []
    for _ in range(2):
        output.unlink(missing_ok=True)
        assert steps.run("home.sh", **environ).returncode == 0
        uses.append(dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines()))
        python = Path(uses[-1]["venv"]) / "bin/python"
        python.parent.mkdir(parents=True, exist_ok=True)
        if not python.exists():
            python.symlink_to("/bin/true")
    first, second = uses
    assert (first["ready"], second["ready"]) == ("false", "true")
    assert first["run"] != second["run"]
    assert (first["venv"], first["key"]) == (second["venv"], second["key"])


def test_settings_of_the_kernel_that_cannot_be_given_back_are_a_warning(steps: Steps) -> None:
    steps.program('echo "error: read-only file system" >&2; exit 3')
    done = steps.run("attempt.sh", "restore")
    assert done.returncode == 0
    assert "::warning title=perf-action: kernel settings stay changed::read-only file system\n" in done.stdout
    assert not (steps.home / "failures").exists()


def test_nothing_is_given_back_where_nothing_was_installed(steps: Steps) -> None:
    (steps.home / "perf-action").unlink()
    assert steps.run("attempt.sh", "restore").returncode == 0
    assert steps.run("attempt.sh", "restore", PERF_HOME="").returncode == 0


def test_what_is_built_or_downloaded_is_kept_under_a_key_of_its_own(steps: Steps, tmp_path: Path) -> None:
    output = tmp_path / "output"
    steps.program("echo /tools/flamegraph-1; echo /tools/k6-2")
    assert steps.run("tools.sh", GITHUB_OUTPUT=str(output)).returncode == 0
    assert steps.calls == ["setup --cached --config perf.yml"]
    key, opened, *folders, closed = output.read_text(encoding="utf-8").splitlines()
    assert key.startswith("key=perf-action-tools-")
    assert folders == ["/tools/flamegraph-1", "/tools/k6-2"]
    assert opened == f"folders<<{closed}"
    steps.program("echo /tools/k6-3")
    steps.run("tools.sh", GITHUB_OUTPUT=str(output))
    assert output.read_text(encoding="utf-8").count(key) == 1


@pytest.mark.parametrize("program", ["true", 'echo "error: perf.yml is wrong" >&2; exit 2'])
def test_nothing_is_kept_where_nothing_is_downloaded(steps: Steps, tmp_path: Path, program: str) -> None:
    output = tmp_path / "output"
    steps.program(program)
    assert steps.run("tools.sh", GITHUB_OUTPUT=str(output)).returncode == 0
    assert not output.exists()
