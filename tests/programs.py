"""Small programs, compiled when a test asks for them: what is read is what compilers write today."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_ENV = {
    k: os.environ[k]
    for k in ("PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME", "GOCACHE", "TMPDIR")
    if k in os.environ
}

C = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int helper(int x) { return x * 3 + 1; }
__attribute__((noinline)) int work(int n, char *buffer) {
    int sum = 0;
    for (int i = 0; i < n; i++) { sum += helper(i); snprintf(buffer, 64, "%d", sum); sum += (int)strlen(buffer); }
    return sum;
}
__attribute__((noinline)) int more(int n) {
    char *buffer = malloc(64); int total = 0;
    for (int i = 0; i < n; i++) total += work(i, buffer);
    free(buffer);
    return total;
}
int main(int argc, char **argv) { printf("%d\\n", more(argc * 10)); return argv[0] == NULL; }
"""
CXX = '#include <iostream>\nint main() { std::cout << "hello" << std::endl; }\n'
RUST = """
use std::collections::HashMap;
#[inline(never)]
fn work(n: usize, seen: &mut HashMap<String, usize>) -> usize {
    let mut sum = 0;
    for i in 0..n { *seen.entry(format!("{}", i % 7)).or_insert(0) += i * 3; sum += seen.len(); }
    sum
}
#[inline(never)]
fn more(n: usize) -> usize {
    let mut seen = HashMap::new();
    let mut all: Vec<usize> = (0..n).map(|i| i + work(i, &mut seen)).collect();
    all.sort();
    all.iter().sum()
}
fn main() { println!("{}", more(std::env::args().count() * 10)); }
"""
GO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n'
GO_PPROF = 'package main\n\nimport (\n"net/http"\n_ "net/http/pprof"\n)\n\nfunc main() { http.ListenAndServe("127.0.0.1:0", nil) }\n'


class Compiler:
    """Compiles into a folder; what was compiled with the same options is there already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], Path] = {}

    def c(self, *options: str) -> Path:
        return self._make("program.c", C, ("gcc", *options, "-o", "program", "program.c"))

    def cxx(self, *options: str) -> Path:
        return self._make("program.cc", CXX, ("g++", *options, "-o", "program", "program.cc"))

    def rust(self, *options: str) -> Path:
        return self._make("program.rs", RUST, ("rustc", *options, "-o", "program", "program.rs"))

    def go(self, *options: str, pprof: bool = False) -> Path:
        argv = ("go", "build", *options, "-o", "program", "program.go")
        return self._make("program.go", GO_PPROF if pprof else GO, argv)

    def _make(self, name: str, text: str, argv: tuple[str, ...]) -> Path:
        key = (*argv, text)
        if key not in self._made:
            folder = self._folder / str(len(self._made))
            folder.mkdir()
            (folder / name).write_text(text)
            done = subprocess.run(
                argv, cwd=folder, env=_ENV, capture_output=True, text=True, check=False, timeout=240
            )
            assert done.returncode == 0, done.stderr
            self._made[key] = folder / "program"
        return self._made[key]
