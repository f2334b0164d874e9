#!/usr/bin/env bash
# `make test`: everything that CI runs. The tests run against the installed wheel, not against the source tree.
#
# usage: tests/run.sh BIN      (the bin folder of a virtual environment with requirements/dev.txt)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin="$(cd "$1" && pwd)"
export PATH="$bin:$PATH"  # k6, act, and python for the services under test
unset PYTHONDONTWRITEBYTECODE  # what is imported once need not be compiled again
part() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

part "packages of the system that the tests use"
bash tests/packages.sh

part "style and types"
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"

part "the wheel"
rm -rf build dist
"$bin/python" -m build --wheel --no-isolation --outdir dist . >/dev/null
"$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
rm -rf build

part "quick tests"
"$bin/pytest" -q -m "not slow and not fuzz" -n 2

# Whole measurements are mostly waiting, and what their tests ask for is far from what another process can disturb.
whole=(tests/e2e tests/matrix tests/rig)
said="$(mktemp)"

part "whole measurements, in the background"
"$bin/pytest" -q -m slow --durations=15 -p no:cacheprovider "${whole[@]}" >"$said" 2>&1 &
measuring=$!
trap 'kill "$measuring" 2>/dev/null || true; rm -f "$said"' EXIT

part "quick tests on the other Pythons"
bash tests/pythons.sh "$bin"

part "profilers and their printers, load, example services, git remotes and browsers"
"$bin/pytest" -q -m slow --durations=8 tests "${whole[@]/#/--ignore=}"

part "whole measurements, which began before"
code=0
wait "$measuring" || code=$?
cat "$said"
exit "$code"
