"""Reads captures of about 100 MB (unpacked) as heaptrack_print does, and as `perf-action` does, in turn.

Aim: at most 1.2 times heaptrack_print. Two programs: a server that goes through the same code again and again, whose file
is nearly all events, and an interpreter with many thousand stacks, of whose file a good part is tables. heaptrack_print prints
its report with all leaks; `perf-action` makes the profile with all five kinds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import Spent, median, ratio, read, run

ROUNDS = 5

SERVER = r"""
#include <cstdlib>
#include <map>
#include <string>
#include <vector>
static std::vector<std::string *> kept;
template <int N> __attribute__((noinline)) int work(int k) {
  if (k == 0) {
    std::map<int, std::string> answer;
    for (int i = 0; i < 20; i++) answer[i] = std::string(20 + i * N % 200, 'x');
    if (rand() % 50 == 0) kept.push_back(new std::string(100 + N, 'y'));
    return answer.size();
  }
  return work<(N * 7 + 3) % 61>(k - 1) + 1;
}
int main(int, char **argv) {
  int sum = 0;
  for (int i = atoi(argv[1]); i--;) sum += i % 3 ? work<2>(i % 17) : work<5>(i % 29);
  return sum == 0;
}
"""
#: 256 functions that call each other in a quarter of a million ways, and allocate at the end
INTERPRETER = r"""
#include <cstdlib>
static unsigned state = 1;
static unsigned draw(unsigned n) { return (state = state * 1103515245 + 12345) / 65536 % n; }
typedef void (*Step)(int);
extern Step steps[256];
template <int N> __attribute__((noinline)) void step(int depth) {
  if (depth == 0) {
    void *volatile held = malloc(16 + N % 7 * 8);
    if (draw(100)) free(held);
  } else {
    steps[(N * 2 + draw(2)) % 256](depth - 1);
  }
  asm volatile("");
}
#define S4(n) step<n>, step<n + 1>, step<n + 2>, step<n + 3>
#define S16(n) S4(n), S4(n + 4), S4(n + 8), S4(n + 12)
#define S64(n) S16(n), S16(n + 16), S16(n + 32), S16(n + 48)
Step steps[256] = {S64(0), S64(64), S64(128), S64(192)};
int main(int, char **argv) {
  for (int i = atoi(argv[1]); i--;) steps[draw(256)](10);
}
"""


def record(name: str, code: str, amount: int, folder: Path) -> Path:
    (folder / f"{name}.cc").write_text(code)
    subprocess.run(["g++", "-g", "-O2", "-o", name, f"{name}.cc"], cwd=folder, check=True)
    subprocess.run(
        ["heaptrack", "-o", name, f"./{name}", str(amount)], cwd=folder, check=True, capture_output=True
    )
    return next(path for path in folder.glob(f"{name}.*") if path.suffix in (".zst", ".gz"))


def unpacked(path: Path) -> int:
    tool = "zstd" if path.suffix == ".zst" else "gzip"
    with subprocess.Popen([tool, "-dc", path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return sum(map(len, iter(lambda: process.stdout.read(1 << 20), b"")))


def compare(name: str, path: Path, small: Path) -> None:
    theirs: list[Spent] = []
    ours: list[Spent] = []
    for _ in range(ROUNDS):
        theirs.append(run(["heaptrack_print", "--print-leaks=1", path]))
        found = read(path, small)
        ours.append(found.spent)
    print(f"{name}: {unpacked(path) / 1e6:.0f} MB unpacked, {found.stacks} stacks of {found.nodes} nodes")
    print(f"  heaptrack_print   {median(theirs)}")
    print(f"  perf-action       {median(ours)}   peak {found.peak / 1e6:.0f} MB of memory")
    print(f"  ratio             {ratio(ours, theirs)}\n")


def main() -> None:
    missing = [tool for tool in ("heaptrack", "heaptrack_print", "g++") if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: not installed")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        small = record("small", SERVER, 10, folder)
        compare("server", record("server", SERVER, 220_000, folder), small)
        compare("interpreter", record("interpreter", INTERPRETER, 6_000_000, folder), small)


if __name__ == "__main__":
    main()
