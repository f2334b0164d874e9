"""Makes tests/formats/samples anew with the real tools, from the small programs beside it.

    python tests/formats/make_samples.py [--k6 PATH] [--austin PATH] [--firefox PATH] [WHAT ...]

WHAT is of: py-spy, go, gperftools, k6, locust, benchmarks, node, austin, firefox (all, if none is named). Node, austin
(austin-dist of PyPI), Firefox, Go, gperftools (gcc, libprofiler,
google-pprof), k6, hyperfine, google-benchmark (g++, libbenchmark) and pytest-benchmark have to be installed. Nothing of this machine stays in a sample: the folder of the programs becomes
/srv/shop, that of the interpreter /usr. Afterwards: pytest tests/formats --update-golden.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
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

from gecko_forms import processed

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
        "flamegraph-svg/py-spy.svg": ["-f", "flamegraph"],
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
        stats = "--summary-trend-stats=min,avg,med,max,p(90),p(95),p(99)"
        run(tool, "run", "-q", "--summary-export", "routes.json", stats, "routes.js", cwd=folder, env=env)
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
    keep(folder / "routes.json", "k6-summary/routes.json", folder)
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


def node(folder: Path) -> None:
    """Profiles of Node's main thread, at two rates, and of its heap."""
    for name, options in {
        "cpuprofile/node.cpuprofile": ["--cpu-prof", "--cpu-prof-interval=2000"],
        "cpuprofile/node-often.cpuprofile": ["--cpu-prof", "--cpu-prof-interval=500"],
        "heapprofile/node.heapprofile": ["--heap-prof", "--heap-prof-interval=8192"],
    }.items():
        kind = options[0].removeprefix("--")
        run("node", *options, f"--{kind}-name=out", "shop_v8.js", cwd=folder)
        keep(folder / "out", name, folder)


def austin(folder: Path, tool: str) -> None:
    modes = {"wall": [], "cpu": ["-s"], "memory": ["-m"], "full-gc": ["-fg"], "children": ["-C"]}
    for mode, options in modes.items():
        fork = ["fork"] if mode == "children" else []
        for kind, binary in (("austin", []), ("austin-mojo", ["-b"])):
            program = [os.path.realpath(sys.executable), "shop.py", "0.3", *fork]
            run(tool, *options, *binary, "-i", "10ms", "-o", "out", *program, cwd=folder)
            data = (folder / "out").read_bytes()
            for path, neutral in ((folder, "/srv/shop"), (Path(sys.base_prefix), "/usr")):
                data = data.replace(str(path).encode(), neutral.encode())
            keep_bytes(data, f"{kind}/{mode}.{kind.removeprefix('austin-')}")


def firefox(folder: Path, tool: str) -> None:
    """The process of the page and the parent, without markers and whatever else is large and is not read."""
    (folder / "user").mkdir()
    env = {
        "HOME": str(folder),
        "MOZ_PROFILER_STARTUP": "1",
        "MOZ_PROFILER_STARTUP_FEATURES": "js,stackwalk,cpu",
        "MOZ_PROFILER_STARTUP_FILTERS": "GeckoMain",
        "MOZ_PROFILER_STARTUP_INTERVAL": "20",
        "MOZ_PROFILER_SHUTDOWN": str(folder / "out"),
    }
    page = (folder / "shop.html").as_uri()
    options = [
        "--headless",
        "--no-remote",
        "--profile",
        folder / "user",
        "--screenshot",
        folder / "picture.png",
    ]
    run(tool, *options, page, cwd=folder, env=env)
    document = json.loads((folder / "out").read_text().replace(str(folder), "/srv/shop"))
    small = _process(document, 40)
    small["processes"] = [_process(p, 60) for p in document["processes"] if "price (" in json.dumps(p)]
    keep_bytes(json.dumps(small, separators=(",", ":")).encode(), "gecko/firefox.json")
    for version in (57, 70):
        text = json.dumps(processed(small, version), separators=(",", ":"))
        keep_bytes(text.encode(), f"gecko/processed-{version}.json")
    packed = gzip.compress(json.dumps(small["processes"][0], separators=(",", ":")).encode(), mtime=0)
    keep_bytes(packed, "gecko/firefox-page.json.gz")


def _process(process: dict, samples: int) -> dict:
    """A process of a profile with only so many of the last samples of each thread, and what they refer to."""
    threads = [_thread(thread, samples) for thread in process["threads"]]
    libs = [{key: lib[key] for key in ("start", "end", "name")} for lib in process["libs"]]
    meta = {
        k: process["meta"][k]
        for k in ("version", "interval", "startTime", "processType", "product")
        if k in process["meta"]
    }
    return {"meta": meta, "libs": libs, "threads": threads, "processes": []}


def _thread(thread: dict, samples: int) -> dict:
    out = {key: thread[key] for key in ("name", "processType", "pid", "tid", "registerTime") if key in thread}
    rows = thread["samples"]["data"][-samples:]
    stacks, frames, strings = (thread[k] for k in ("stackTable", "frameTable", "stringTable"))
    prefix, frame = stacks["schema"]["prefix"], stacks["schema"]["frame"]
    used, pending = set(), [row[0] for row in rows]
    while pending:
        stack = pending.pop()
        if stack is not None and stack not in used:
            used.add(stack)
            pending.append(stacks["data"][stack][prefix])
    new_stack = {old: new for new, old in enumerate(sorted(used))}
    used_frames = sorted({stacks["data"][old][frame] for old in used})
    new_frame = {old: new for new, old in enumerate(used_frames)}
    used_strings = sorted({frames["data"][old][frames["schema"]["location"]] for old in used_frames})
    new_string = {old: new for new, old in enumerate(used_strings)}
    parent = {old: stacks["data"][old][prefix] for old in used}
    out["samples"] = {
        "schema": thread["samples"]["schema"],
        "data": [[None if row[0] is None else new_stack[row[0]], *row[1:]] for row in rows],
    }
    out["stackTable"] = {
        "schema": {"prefix": 0, "frame": 1},
        "data": [
            [None if parent[old] is None else new_stack[parent[old]], new_frame[stacks["data"][old][frame]]]
            for old in sorted(used)
        ],
    }
    out["frameTable"] = {
        "schema": frames["schema"],
        "data": [[new_string[row[0]], *row[1:]] for row in (frames["data"][old] for old in used_frames)],
    }
    out["stringTable"] = [strings[old] for old in used_strings]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*")
    parser.add_argument("--k6", default="k6")
    parser.add_argument("--austin", default="austin")
    parser.add_argument("--firefox", default="firefox")
    args = parser.parse_args()
    makers = {
        "py-spy": py_spy,
        "go": go,
        "gperftools": gperftools,
        "k6": lambda folder: k6(folder, args.k6),
        "locust": locust,
        "benchmarks": benchmarks,
        "node": node,
        "austin": lambda folder: austin(folder, args.austin),
        "firefox": lambda folder: firefox(folder, args.firefox),
    }
    for name in args.what or makers:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(shutil.copytree(PROGRAMS, Path(scratch) / "shop"))
            makers[name](folder)


if __name__ == "__main__":
    main()
