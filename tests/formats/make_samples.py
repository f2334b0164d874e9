"""Makes tests/formats/samples anew with the real tools, from the small programs beside it.

    python tests/formats/make_samples.py [--k6 PATH] [WHAT ...]

WHAT is of: py-spy, go, gperftools, k6, locust, benchmarks (all, if none is named). Go, gperftools (gcc, libprofiler,
google-pprof), k6, hyperfine, google-benchmark (g++, libbenchmark) and pytest-benchmark have to be installed. Nothing of this machine stays in a sample: the folder of the programs becomes
/srv/shop, that of the interpreter /usr. Afterwards: pytest tests/formats --update-golden.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS, SAMPLES = HERE / "programs", HERE / "samples"


def run(*argv: object, cwd: Path, env: dict[str, str] | None = None, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [str(a) for a in argv],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode not in codes:
        raise SystemExit(f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def keep(file: Path, name: str, folder: Path) -> None:
    """Store a text sample without this machine's paths."""
    text = file.read_text()
    for path, neutral in (
        (folder, "/srv/shop"),
        (Path(sys.prefix), "/srv/venv"),
        (Path(sys.base_prefix), "/usr"),
    ):
        text = text.replace(str(path), neutral)
    (SAMPLES / name).parent.mkdir(parents=True, exist_ok=True)
    (SAMPLES / name).write_text(text)


def keep_bytes(data: bytes, name: str) -> None:
    (SAMPLES / name).parent.mkdir(parents=True, exist_ok=True)
    (SAMPLES / name).write_bytes(data)


def py_spy(folder: Path) -> None:
    tool = Path(sysconfig.get_path("scripts")) / "py-spy"
    cases = {
        "py-spy-raw/plain.folded": ["-f", "raw"],
        "py-spy-raw/function.folded": ["-f", "raw", "--function"],
        "py-spy-raw/threads-idle.folded": ["-f", "raw", "--threads", "--idle"],
        "py-spy-raw/subprocesses.folded": ["-f", "raw", "--threads", "--subprocesses"],
        "py-spy-raw/native.folded": ["-f", "raw", "--native", "--idle"],
        "py-spy-raw/nolineno.folded": ["-f", "raw", "--nolineno", "--native"],
        "py-spy-raw/gil.folded": ["-f", "raw", "--gil"],
        "speedscope/py-spy.speedscope.json": ["-f", "speedscope"],
        "speedscope/py-spy-subprocesses.speedscope.json": ["-f", "speedscope", "--subprocesses", "--native"],
        "chrome-trace/py-spy.json": ["-f", "chrometrace", "--idle"],
        "chrome-trace/py-spy-subprocesses.json": [
            "-f",
            "chrometrace",
            "--subprocesses",
            "--threads",
            "--idle",
        ],
        "refused/py-spy.svg": ["-f", "flamegraph"],
    }
    for name, options in cases.items():
        fork = ["fork"] if "subprocesses" in name else []
        program = [sys.executable, "shop.py", "2", *fork]
        run(
            tool,
            "record",
            "-r",
            "25" if "chrome" in name else "50",
            "-d",
            "1",
            *options,
            "-o",
            "out",
            "--",
            *program,
            cwd=folder,
        )
        keep(folder / "out", name, folder)


def go(folder: Path) -> None:
    run("go", "mod", "init", "shop", cwd=folder)
    run("go", "build", "-trimpath", "-o", "shop-go", "shop.go", cwd=folder)
    run(folder / "shop-go", cwd=folder)
    for kind in ("cpu", "heap", "mutex", "block", "goroutine"):
        keep_bytes((folder / f"{kind}.pb.gz").read_bytes(), f"pprof/go-{kind}.pb.gz")
    keep_bytes((folder / "trace.out").read_bytes()[:4000], "refused/go-trace.out")
    for name in ("heap", "goroutine"):
        keep_bytes((folder / f"{name}.txt").read_bytes()[:3000], f"refused/go-{name}.txt")


def gperftools(folder: Path) -> None:
    run("gcc", "-O1", "-fno-omit-frame-pointer", "-o", "shop-c", "shop.c", cwd=folder)
    library = next(Path("/usr/lib").rglob("libprofiler.so.0"))
    env = {"LD_PRELOAD": str(library), "CPUPROFILE": "cpu.prof", "CPUPROFILE_FREQUENCY": "100"}
    run(folder / "shop-c", cwd=folder, env=env)
    (folder / "collapsed").write_text(run("google-pprof", "--collapsed", "shop-c", "cpu.prof", cwd=folder))
    keep(folder / "collapsed", "gperftools-collapsed/shop-c.folded", folder)
    keep_bytes((folder / "cpu.prof").read_bytes()[:200], "refused/gperftools-cpu.prof")


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = subprocess.Popen([sys.executable, "answer.py", str(port)], cwd=folder)
    time.sleep(1)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def k6(folder: Path, tool: str) -> None:
    codes = (0, 99)
    with server(folder) as target:
        env = {"TARGET": target, "K6_NO_USAGE_REPORT": "true"}
        outs = ["--out", "json=points.json", "--out", "csv=points.csv"]
        run(
            tool,
            "run",
            "-q",
            "--summary-export",
            "export.json",
            *outs,
            "load.js",
            cwd=folder,
            env=env,
            codes=codes,
        )
        for mode in ("legacy", "full", "compact"):
            handled = {**env, "HANDLED": "handled.json"}
            run(tool, "run", "-q", f"--summary-mode={mode}", "load.js", cwd=folder, env=handled, codes=codes)
            keep(folder / "handled.json", f"k6-summary/handle-{mode}.json", folder)
    run(
        tool,
        "run",
        "-q",
        "--summary-export",
        "idle.json",
        "--out",
        "json=idle-points.json",
        "idle.js",
        cwd=folder,
    )
    keep(folder / "export.json", "k6-summary/export.json", folder)
    keep(folder / "idle.json", "k6-summary/no-http.json", folder)
    for name, kept in (
        ("points.json", "points.json.gz"),
        ("points.csv", "points.csv.gz"),
        ("idle-points.json", "no-http.json.gz"),
    ):
        keep_bytes(gzip.compress((folder / name).read_bytes(), mtime=0), f"k6-points/{kept}")


def locust(folder: Path) -> None:
    tool = Path(sysconfig.get_path("scripts")) / "locust"
    with server(folder) as target:
        options = ["--headless", "-u", "4", "-r", "4", "-t", "3s", "-H", target, "--only-summary"]
        run(tool, *options, "--csv", "out", "--json-file", "out", cwd=folder, codes=(0, 1))
    keep(folder / "out_stats.csv", "locust-csv/stats.csv", folder)
    keep(folder / "out_stats_history.csv", "refused/locust_stats_history.csv", folder)
    keep(next(folder.glob("out*.json")), "locust-json/stats.json", folder)


def benchmarks(folder: Path) -> None:
    options = ["-p", "no:cacheprovider", "-q", "--benchmark-json=pytest.json", "--benchmark-save-data"]
    run(sys.executable, "-m", "pytest", *options, "bench_shop.py", cwd=folder)
    keep(folder / "pytest.json", "pytest-benchmark/shop.json", folder)
    run("hyperfine", "-N", "-r", "5", "--export-json", "hyperfine.json", "sleep 0.01", "true", cwd=folder)
    keep(folder / "hyperfine.json", "hyperfine/sleep.json", folder)
    run("g++", "-O1", "-o", "bench", "bench_shop.cc", "-lbenchmark", "-lpthread", cwd=folder)
    json_out = ["--benchmark_format=json", "--benchmark_min_time=0.01", "--benchmark_repetitions=3"]
    for name, options in {"repetitions": [], "aggregates": ["--benchmark_report_aggregates_only"]}.items():
        (folder / "out").write_text(run(folder / "bench", *json_out, *options, cwd=folder))
        keep(folder / "out", f"google-benchmark/{name}.json", folder)
    for other in ("shop.c", "bench_shop.cc"):
        (folder / other).unlink()  # go test takes them for parts of the package
    run("go", "mod", "init", "shop", cwd=folder)
    (folder / "out").write_text(
        run("go", "test", "-bench", ".", "-benchtime", "100x", "-count", "3", cwd=folder)
    )
    keep(folder / "out", "go-bench/shop.txt", folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*")
    parser.add_argument("--k6", default="k6")
    args = parser.parse_args()
    makers = {
        "py-spy": py_spy,
        "go": go,
        "gperftools": gperftools,
        "k6": lambda folder: k6(folder, args.k6),
        "locust": locust,
        "benchmarks": benchmarks,
    }
    for name in args.what or makers:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(shutil.copytree(PROGRAMS, Path(scratch) / "shop"))
            makers[name](folder)


if __name__ == "__main__":
    main()
