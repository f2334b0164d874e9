"""GitHub around one repository: its git server, its API, its runner; and what people do there: push, open, push again.

Commits are made in a working clone, `source`, and reach the server as GitHub keeps them: branches, ``pull/N/head``
and ``pull/N/merge``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from typing_extensions import Self

from rig.act import Act, Run
from rig.api.server import ApiServer
from rig.api.state import Pull, Repository
from rig.git_server import GitServer
from rig.tokens import Token

NAME = "octo/registry"
FORK = "visitor/registry"

#: the tokens of jobs, by what their `permissions:` block says
COMMENTING = Token(secret="rig-token-commenting", permissions={"contents": "read", "pull-requests": "write"})
READING = Token(secret="rig-token-reading", permissions={"contents": "read", "pull-requests": "read"})
KEEPING = Token(secret="rig-token-keeping", permissions={"contents": "write"})
TOKENS = (COMMENTING, READING, KEEPING)


class World:
    """Use it as a context manager. `files` are the first commit of main; `actions` as in Act; `python` is the interpreter
    that setup-python names. `variables` are added to the environment of every job.
    """

    def __init__(
        self, folder: Path, *, actions: Mapping[str, Path], python: Path, files: Mapping[str, str | Path]
    ) -> None:
        self.folder, self.python = folder, python
        self.bare = folder / "server" / f"{NAME}.git"
        self.source = folder / "source"
        self.repository = Repository(name=NAME)
        self.git_server = GitServer(folder / "server", TOKENS)
        self.api = ApiServer(self.repository, TOKENS)
        self.act = Act(folder=folder, actions=actions)
        self.runs = 0
        self.variables: dict[str, str] = {}
        self._stack = ExitStack()
        self._create()
        self.push_main(files, "First version")

    def __enter__(self) -> Self:
        self._stack.enter_context(self.git_server)
        self._stack.enter_context(self.api)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        for bulky in ("runner", "temp", "cache"):  # an installation of the action has thousands of files
            shutil.rmtree(self.folder / bulky, ignore_errors=True)

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """git's output in `source`, or in another folder."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            environ |= {f"GIT_{who}_NAME": "Octo", f"GIT_{who}_EMAIL": "octo@example.com"}
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.source, env=environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout.strip()

    def push_main(self, files: Mapping[str, str | Path], message: str) -> str:
        """A new commit of main; its SHA."""
        self.git("switch", "--quiet", "main")
        sha = self._commit(files, message)
        self.git("push", "--quiet", "origin", "main")
        return sha

    def push_pull(
        self, number: int, files: Mapping[str, str | Path], message: str, *, repository: str = NAME
    ) -> Pull:
        """A new commit of a pull request, which is opened with its first; its merge with main is made anew."""
        branch = f"change-{number}"
        known = self.repository.pulls.get(number)
        self.git("switch", "--quiet", *([branch] if known else ["--create", branch, "main"]))
        head = self._commit(files, message)
        self.git("switch", "--quiet", "--detach", "main")
        base = self.git("rev-parse", "main")
        self.git("merge", "--quiet", "--no-ff", "-m", f"Merge {head} into {base}", head)
        merge = self.git("rev-parse", "HEAD")
        refs = [f"+{head}:refs/pull/{number}/head", f"+{merge}:refs/pull/{number}/merge"]
        if repository == NAME:  # a fork's branch is in the fork
            refs.append(f"+{head}:refs/heads/{branch}")
        self.git("push", "--quiet", "origin", *refs)
        changed = self.git("diff", "--name-only", f"{base}...{head}").splitlines()
        pull = Pull(
            number=number, title=message, head_sha=head, head_ref=branch, head_repository=repository, base_sha=base,
            merge_sha=merge, files=changed,
        )  # fmt: skip
        self.repository.pulls[number] = pull
        return pull

    def run_push(self, token: Token = KEEPING) -> Run:
        """What the push of main's tip starts."""
        sha = self.git("rev-parse", "main")
        payload = {"ref": "refs/heads/main", "before": "0" * 40, "after": sha}
        return self._run("push", payload, sha, "main", token)

    def run_schedule(self, token: Token = KEEPING) -> Run:
        """What the weekly cron starts."""
        return self._run("schedule", {"schedule": "0 3 * * 1"}, self.git("rev-parse", "main"), "main", token)

    def run_pull(self, number: int, token: Token = COMMENTING, *, action: str = "synchronize") -> Run:
        """What a push to the pull request starts."""
        pull = self.repository.pulls[number]
        payload = {
            "action": action,
            "number": number,
            "pull_request": {
                "number": number,
                "title": pull.title,
                "state": pull.state,
                "merge_commit_sha": pull.merge_sha,
                "head": _end(pull.head_repository, pull.head_ref, pull.head_sha),
                "base": _end(NAME, pull.base_ref, pull.base_sha),
                "labels": [],
            },
        }
        return self._run("pull_request", payload, pull.merge_sha, f"pull/{number}/merge", token)

    def artifact(self, run: Run, name: str = "perf-report") -> dict[str, bytes]:
        """The files of a run's artifact of that name; empty if there is none."""
        found = sorted((self.folder / "artifacts" / str(run.id)).rglob(f"{name}.zip"))
        if not found:
            return {}
        with zipfile.ZipFile(found[-1]) as archive:
            return {n: archive.read(n) for n in archive.namelist()}

    def branch_files(self, branch: str) -> list[str]:
        """The files of a branch on the server; empty if there is no such branch."""
        if not self.git("for-each-ref", f"refs/heads/{branch}", cwd=self.bare):
            return []
        return self.git("ls-tree", "-r", "--name-only", branch, cwd=self.bare).splitlines()

    def _create(self) -> None:
        self.bare.mkdir(parents=True)
        self.source.mkdir()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", cwd=self.bare)
        # as GitHub's servers do
        for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "http.receivepack"):
            self.git("config", setting, "true", cwd=self.bare)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("commit", "--quiet", "--allow-empty", "-m", "Start")
        self.git("remote", "add", "origin", str(self.bare))

    def _commit(self, files: Mapping[str, str | Path], message: str) -> str:
        for name, content in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copy(content, path)
            else:
                path.write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def _run(self, event: str, payload: dict[str, Any], sha: str, ref: str, token: Token) -> Run:
        self.runs += 1
        owner, name = NAME.split("/")
        about = {
            "full_name": NAME,
            "name": name,
            "owner": {"login": owner},
            "default_branch": "main",
            "private": True,
        }
        # act reads the workflow, the SHA and the address of the repository from a clone; the job makes its own
        clone = self.folder / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        self.git("clone", "--quiet", "--no-local", str(self.bare), str(clone))
        self.git(
            "fetch",
            "--quiet",
            "origin",
            f"refs/{ref if ref.startswith('pull/') else 'heads/' + ref}",
            cwd=clone,
        )
        self.git(
            "checkout", "--quiet", *(["--detach"] if ref.startswith("pull/") else ["-B", ref]), sha, cwd=clone
        )
        self.git("remote", "set-url", "origin", f"{self.git_server.url}/{NAME}.git", cwd=clone)
        return self.act.run(
            event,
            {**payload, "repository": about, "sender": {"login": "octo"}},
            checkout=clone,
            token=token.secret,
            run_id=self.runs,
            variables={
                **self.variables,
                "GITHUB_API_URL": self.api.url,
                "GITHUB_SERVER_URL": self.git_server.url,
                "GITHUB_REPOSITORY": NAME,
                "GITHUB_REF": f"refs/{ref}" if ref.startswith("pull/") else f"refs/heads/{ref}",
                "GITHUB_SHA": sha,
                "RIG_PYTHON": str(self.python),
            },
        )


def _end(repository: str, ref: str, sha: str) -> dict[str, Any]:
    owner, name = repository.split("/")
    return {
        "ref": ref,
        "sha": sha,
        "repo": {
            "full_name": repository,
            "name": name,
            "owner": {"login": owner},
            "fork": repository != NAME,
        },
    }


Worlds = Callable[[Mapping[str, "str | Path"]], World]
