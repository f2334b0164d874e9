"""Which changed dependency a function of a profile belongs to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perf_action.model.profile import FunctionKey
from perf_action.model.touched import Ecosystem, PackageChange, TouchedFile

#: distributions whose packages are called otherwise: the folder or module -> the name in a lock file
_DISTRIBUTIONS = {
    "yaml": "pyyaml", "pil": "pillow", "cv2": "opencv-python", "bs4": "beautifulsoup4", "sklearn": "scikit-learn",
    "dateutil": "python-dateutil", "jwt": "pyjwt", "openssl": "pyopenssl", "crypto": "pycryptodome", "attr": "attrs",
    "psycopg2": "psycopg2-binary", "mysqldb": "mysqlclient", "dotenv": "python-dotenv", "jose": "python-jose",
    "multipart": "python-multipart", "zmq": "pyzmq", "magic": "python-magic", "socketio": "python-socketio",
    "engineio": "python-engineio", "git": "gitpython", "fitz": "pymupdf", "pkg-resources": "setuptools",
}  # fmt: skip
_RUST_FILE = re.compile(r"/registry/src/[^/]+/([A-Za-z0-9_-]+?)-\d+\.[^/]*/")
_NODE_FILE = re.compile(r"/node_modules/(@[^/]+/[^/]+|[^/@]+)/")
_RUST_CRATE = re.compile(r"[<&*\s]*(?:mut |dyn |impl )?([a-z_][a-z0-9_]*)::")
_PYTHON_SUFFIX = re.compile(r"\.(?:py|pyx|so|pyd|abi3\.so|cpython-[\w-]+\.so)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A changed package, and the lock file (from the root of the repository) that says so."""

    file: str
    change: PackageChange

    @property
    def name(self) -> str:
        """``serde_json 1.0.100 → 1.0.108``."""
        c = self.change
        if not c.before:
            return f"{c.name} {c.after} (new)"
        return f"{c.name} {c.before} → {c.after}" if c.after else f"{c.name} {c.before} (gone)"


class Dependencies:
    """The changed packages of all lock files of a pull request."""

    def __init__(self, touched: Sequence[TouchedFile]) -> None:
        self._packages: defaultdict[Ecosystem, dict[str, Pinned]] = defaultdict(dict)
        for file in touched:
            for change in file.packages:
                if change.after:
                    pinned = Pinned(file=file.head, change=change)
                    self._packages[change.ecosystem].setdefault(_normal(change.name), pinned)

    def __bool__(self) -> bool:
        return bool(self._packages)

    def of(self, key: FunctionKey) -> Pinned | None:
        """The changed package that a function belongs to."""
        for ecosystem, name in _candidates(key):
            if (found := self._packages[ecosystem].get(_normal(name))) is not None:
                return found
        if "/" in key.name and self._packages["go"]:
            return self._go(key.name)
        return None

    def _go(self, name: str) -> Pinned | None:
        """The module with the longest path that the name of a package begins with; dots in it are written ``%2e``."""
        name = name.replace("%2e", ".")
        modules = [
            m
            for m in self._packages["go"].values()
            if name.startswith((f"{m.change.name}.", f"{m.change.name}/"))
        ]
        return max(modules, key=lambda m: len(m.change.name), default=None)


def _candidates(key: FunctionKey) -> Iterator[tuple[Ecosystem, str]]:
    file, name = key.file, key.name
    if (match := _RUST_FILE.search(file)) or (
        "::" in name and not file.endswith((".py", ".go", ".js")) and (match := _RUST_CRATE.match(name[:300]))
    ):
        yield "rust", match[1]
    if match := _last(_NODE_FILE, f"/{file}"):
        yield "node", match[1]
    for path in (file, key.module):
        inside = path.rpartition("-packages/")[2]
        if _PYTHON_SUFFIX.search(inside) and not inside.startswith(("/", "python3.")):
            top = inside.partition("/")[0].partition(".")[0]
            yield "python", _DISTRIBUTIONS.get(_normal(top), top)
            yield "python", top


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The last match: packages of packages lie in folders inside."""
    found = None
    for match in pattern.finditer(text.replace("/node_modules/", "//node_modules/")):
        found = match
    return found


def _normal(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/, which fits crates as well."""
    return re.sub(r"[-_.]+", "-", name).lower() if "/" not in name else name
