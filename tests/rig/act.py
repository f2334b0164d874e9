"""Runs a workflow as GitHub would, on this machine: act in host mode, everything on 127.0.0.1.

Where act differs from GitHub, so that a green run could lie: it sets ``INPUT_*`` for composite ``run`` steps and makes
a new RUNNER_TEMP for each run (the shim `bash` below puts both right), it enforces no ``permissions:`` (the rig's servers do), a second artifact of one
name overwrites the first, and steps run on a terminal.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ENDED = re.compile(
    r"\s*\S+\s+(Success|Failure|Skipped) - (Pre|Main|Post) (.*?)(?: \[([\d.]+(?:ns|µs|ms|s|m)[\d.smµn]*)\])?$",
    re.DOTALL,
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: what a machine needs to reach its package registries; nothing else of the caller's environment is handed on
_PASSED = re.compile(
    r"(?:SSL_|PIP_|UV_|NODE_EXTRA_CA|REQUESTS_CA|CURL_CA|(?:https?|no)_proxy$).*|HOME|LANG", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`outcome` is success or failure, before continue-on-error."""

    name: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow. `outputs` are the last ones of each name, `annotations` (level, text), and
    `places` the file and lines that some of those texts are shown at.
    """

    id: int
    green: bool
    steps: tuple[Step, ...]
    outputs: Mapping[str, str]
    summary: str
    annotations: tuple[tuple[str, str], ...]
    places: Mapping[str, tuple[str, int, int]]
    log: str = field(repr=False)

    def seconds(self, *names: str) -> float:
        """How long the steps of those names took together."""
        return sum(s.seconds for s in self.steps if s.name in names)

    def outcome(self, name: str) -> str:
        """How the (last) step of that name ended; empty if it did not run."""
        return next((s.outcome for s in reversed(self.steps) if s.name == name), "")

    @property
    def names(self) -> list[str]:
        return [s.name for s in self.steps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`folder` keeps what outlives a run on GitHub: artifacts, caches and, as on one self-hosted runner, nothing else.

    `actions` maps ``owner/name@ref`` to the folder that takes its place.
    """

    folder: Path
    actions: Mapping[str, Path]

    def run(
        self,
        event: str,
        payload: Mapping[str, Any],
        *,
        checkout: Path,
        variables: Mapping[str, str],
        token: str,
        run_id: int,
        seconds: float = 400,
    ) -> Run:
        """Run the workflows in `checkout`, a clone at the commit of the event. `variables` are added to the job's."""
        artifacts = self.folder / "artifacts"
        state = self.folder / "runner"
        temp = self.folder / "temp"
        for gone in (state, temp):
            shutil.rmtree(gone, ignore_errors=True)
        temp.mkdir()
        event_file = self.folder / "event.json"
        event_file.write_text(json.dumps(payload), encoding="utf-8")
        argv = [
            str(Path(sysconfig.get_path("scripts")) / "act"), event, "--eventpath", str(event_file), "--json",
            "--directory", str(checkout), "--workflows", str(checkout / ".github/workflows"),
            "--platform", "ubuntu-latest=-self-hosted", "--pull=false", "--action-offline-mode", "--no-skip-checkout",
            "--action-cache-path", str(state),
            "--artifact-server-addr", "127.0.0.1", "--artifact-server-port", str(_free_port()),
            "--artifact-server-path", str(artifacts),
            "--cache-server-addr", "127.0.0.1", "--cache-server-path", str(self.folder / "cache"),
            "--secret", "GITHUB_TOKEN",
        ]  # fmt: skip
        for name, folder in self.actions.items():
            argv += ["--local-repository", f"{name}={folder}"]
        environ = self._environ()
        job = {
            **variables,
            "GITHUB_RUN_ID": str(run_id),
            "GIT_PAGER": "cat",
            "RIG_TEMP": str(temp),
            "PATH": environ["PATH"],
        }
        for name, value in job.items():
            argv += ["--env", f"{name}={value}"]
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**environ, "GITHUB_TOKEN": token},
            cwd=self.folder,
        )
        return _read(done.stdout, done.stderr, run_id=run_id, green=done.returncode == 0)

    def _environ(self) -> dict[str, str]:
        bin_folder = self.folder / "bin"
        if not bin_folder.exists():
            bin_folder.mkdir(parents=True)
            bash = shutil.which("bash")
            shim = bin_folder / "bash"
            shim.write_text(
                f"#!{bash}\n"
                "# GitHub gives composite steps no INPUT_*, and one RUNNER_TEMP for every job of a runner\n"
                'unset "${!INPUT_@}"\nexport RUNNER_TEMP="$RIG_TEMP"\n'
                f'exec {bash} "$@"\n',
                encoding="utf-8",
            )
            shim.chmod(0o755)
        passed = {k: v for k, v in os.environ.items() if _PASSED.fullmatch(k)}
        return {
            **passed,
            "PATH": f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }


def _read(stdout: str, stderr: str, *, run_id: int, green: bool) -> Run:
    steps: list[Step] = []
    outputs: dict[str, str] = {}
    annotations: list[tuple[str, str]] = []
    places: dict[str, tuple[str, int, int]] = {}
    summary: list[str] = []
    log: list[str] = []
    for line in stdout.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            log.append(line)
            continue
        message = _COLOUR.sub("", entry.get("msg", "")).rstrip()
        if not message.startswith("LocalRepositoryCache"):
            log.append(message)
        match = _ENDED.match(message)
        if match and match[2] == "Main":
            seconds = entry.get("executionTime", 0) / 1e9
            steps.append(Step(name=match[3], outcome=match[1].lower(), seconds=seconds))
        command = entry.get("command")
        if command == "set-output":
            outputs[entry["name"]] = entry.get("arg", "")
        elif command == "summary":
            summary.append(entry.get("content", ""))
        elif command in ("error", "warning", "notice"):
            text, where = entry.get("arg", message), entry.get("kvPairs") or {}
            annotations.append((command, text))
            if "line" in where:
                places[text] = where["file"], int(where["line"]), int(where.get("endLine", where["line"]))
    return Run(
        id=run_id,
        green=green, steps=tuple(steps), outputs=outputs, summary="\n".join(summary), annotations=tuple(annotations),
        places=places, log="\n".join([*log, stderr]),
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
