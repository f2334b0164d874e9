"""Makes the samples of heaptrack, jemalloc and gperftools anew, from the programs ``heap_shop.*`` beside it.

    python tests/formats/make_heap_samples.py

gcc, g++, rustc, heaptrack, zstd, libjemalloc2, google-perftools and libgoogle-perftools-dev have to be installed.
Nothing of this machine stays in a sample: the folder of the programs becomes /srv/shop. Afterwards:
pytest tests/formats --update-golden.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
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


def jemalloc(folder: Path) -> None:
    run("g++", "-g", "-O2", "-std=c++17", "-o", "shop-cc", "heap_shop.cc", cwd=folder)
    library = next(Path("/usr/lib").rglob("libjemalloc.so.2"))
    for name, options in (("exact", "lg_prof_sample:0,prof_accum:true"), ("sampled", "lg_prof_sample:9")):
        conf = f"prof:true,prof_final:true,prof_prefix:{name},{options}"
        run("./shop-cc", cwd=folder, env={"LD_PRELOAD": str(library), "MALLOC_CONF": conf})
        (dump,) = folder.glob(f"{name}.*.f.heap")
        keep_bytes(_elsewhere(dump.read_bytes()), f"jemalloc-heap/{name}.heap")


def jemalloc_stats(folder: Path) -> None:
    library = next(Path("/usr/lib").rglob("libjemalloc.so.2"))
    for name, options in (
        ("whole", ""),
        ("totals", ",stats_print_opts:gmdablxeh,stats_interval:65536,stats_interval_opts:gmdablxeh"),
    ):
        env = {**os.environ, "LD_PRELOAD": str(library), "MALLOC_CONF": f"stats_print:true{options}"}
        done = subprocess.run(
            ["bash", "-c", "x=$(printf %200000d 1); exit 0"],
            env=env,
            capture_output=True,
            cwd=folder,
            check=True,
        )
        keep_bytes(done.stderr[:4000], f"jemalloc-stats/{name}.txt")


def gperftools(folder: Path) -> None:
    run("gcc", "-g", "-O2", "-rdynamic", "-pthread", "-o", "shop-c", "heap_shop.c", cwd=folder)
    run("gcc", "-O1", "-g", "-fno-omit-frame-pointer", "-o", "shop-cpu", "shop.c", cwd=folder)
    tcmalloc, profiler = (
        next(Path("/usr/lib").rglob(f"lib{name}")) for name in ("tcmalloc.so.4", "profiler.so.0")
    )
    run("./shop-c", cwd=folder, env={"LD_PRELOAD": str(tcmalloc), "HEAPPROFILE": "heap"})
    keep_bytes(_elsewhere((folder / "heap.0001.heap").read_bytes()), "gperftools-heap/shop-c.heap")
    run("./shop-cpu", cwd=folder, env={"LD_PRELOAD": str(profiler), "CPUPROFILE": "cpu.prof"})
    keep_bytes(_elsewhere((folder / "cpu.prof").read_bytes()), "gperftools-cpu/shop.prof")


def _elsewhere(data: bytes) -> bytes:
    """The same profile from a machine whose programs lie elsewhere: names must not depend on what this one has."""
    return re.sub(rb"(?m)(^[0-9a-f]+-[0-9a-f]+ .* )/.*/([^/\n]*)$", rb"\1/srv/shop/\2", data)


def main() -> None:
    SAMPLES.mkdir(exist_ok=True)
    for make in (heaptrack, jemalloc, jemalloc_stats, gperftools):
        with tempfile.TemporaryDirectory() as scratch:
            make(Path(shutil.copytree(PROGRAMS, Path(scratch) / "shop")))


if __name__ == "__main__":
    main()
