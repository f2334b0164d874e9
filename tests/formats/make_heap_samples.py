"""Makes the samples of heaptrack, jemalloc and gperftools anew, from the programs ``heap_shop.*`` beside it.

    python tests/formats/make_heap_samples.py

gcc, g++, rustc, heaptrack, zstd, libjemalloc2, google-perftools and libgoogle-perftools-dev have to be installed.
Nothing of this machine stays in a sample: the folder of the programs becomes /srv/shop. Afterwards:
pytest tests/formats --update-golden.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from pathlib import Path

import zstandard
from make_samples import PROGRAMS, SAMPLES, keep_bytes, run


def heaptrack(folder: Path) -> None:
    run("gcc", "-g", "-O2", "-rdynamic", "-pthread", "-o", "shop-c", "heap_shop.c", cwd=folder)
    run("g++", "-g", "-O2", "-std=c++17", "-o", "shop-cc", "heap_shop.cc", cwd=folder)
    run("rustc", "-g", "-C", "opt-level=3", "-o", "shop-rs", "heap_shop.rs", cwd=folder)
    for program in ("shop-c", "shop-cc", "shop-rs"):
        run("heaptrack", "-o", program, f"./{program}", cwd=folder)
    _keep(folder / "shop-c.zst", "heaptrack/shop-c.zst", folder)
    _keep(folder / "shop-cc.zst", "heaptrack/shop-cc.gz", folder)
    _keep(folder / "shop-rs.zst", "heaptrack/shop-rs.zst", folder)


def _keep(file: Path, name: str, folder: Path) -> None:
    with file.open("rb") as packed:
        data = zstandard.ZstdDecompressor().stream_reader(packed).read()
    data = re.sub(rb"(?m)^s [0-9a-f]+ (.*)$", lambda m: _string(m[1], folder), data)
    is_gzip = name.endswith(".gz")
    keep_bytes(gzip.compress(data, mtime=0) if is_gzip else zstandard.compress(data, 19), name)


def _string(text: bytes, folder: Path) -> bytes:
    text = text.replace(str(folder).encode(), b"/srv/shop")
    return b"s %x %s" % (len(text), text)


def main() -> None:
    SAMPLES.mkdir(exist_ok=True)
    for make in (heaptrack,):
        with tempfile.TemporaryDirectory() as scratch:
            make(Path(shutil.copytree(PROGRAMS, Path(scratch) / "shop")))


if __name__ == "__main__":
    main()
