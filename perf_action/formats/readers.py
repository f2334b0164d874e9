"""All readers, in the order in which they are asked. Importing them all takes a third of a second, so only `read` does."""

from __future__ import annotations

from typing import Final

from perf_action.formats import (
    austin,
    bytecodes,
    callgrind,
    chrome_trace,
    dhat,
    flamegraph_svg,
    folded,
    gecko,
    heaptrack,
    k6_points,
    k6_summary,
    locust_csv,
    locust_json,
    malloc_info,
    massif,
    memcheck,
    memray,
    metric_file,
    pprof,
    py_spy_raw,
    python_sampling,
    slices,
    speedscope,
)
from perf_action.formats.austin import mojo as austin_mojo
from perf_action.formats.benchmarks import (
    action_benchmark,
    criterion,
    go_bench,
    google_benchmark,
    hyperfine,
    pytest_benchmark,
)
from perf_action.formats.gperftools import collapsed as gperftools_collapsed
from perf_action.formats.gperftools import cpu as gperftools_cpu
from perf_action.formats.gperftools import heap as gperftools_heap
from perf_action.formats.jemalloc import heap as jemalloc_heap
from perf_action.formats.jemalloc import stats as jemalloc_stats
from perf_action.formats.perf import data as perf_data
from perf_action.formats.perf import script as perf_script
from perf_action.formats.reader import Reader
from perf_action.formats.v8 import cpuprofile, heapprofile

#: the first that recognises a file reads it; the more particular ones come first
READERS: Final[tuple[Reader, ...]] = (
    memray,
    bytecodes,
    callgrind,
    heaptrack,
    jemalloc_heap,
    jemalloc_stats,
    malloc_info,
    gperftools_heap,
    gperftools_cpu,
    massif,
    dhat,
    memcheck,
    perf_data,
    flamegraph_svg,
    austin_mojo,
    pprof,
    slices,
    k6_points,
    chrome_trace,
    criterion,
    speedscope,
    cpuprofile,
    heapprofile,
    gecko,
    metric_file,
    k6_summary,
    locust_json,
    pytest_benchmark,
    google_benchmark,
    hyperfine,
    action_benchmark,
    locust_csv,
    go_bench,
    perf_script,
    gperftools_collapsed,
    austin,
    python_sampling,
    py_spy_raw,
    folded,
)
