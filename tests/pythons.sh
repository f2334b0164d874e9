#!/usr/bin/env bash
# The quick tests on every supported Python that this machine has, besides the one of the virtual environment.
#
# usage: tests/pythons.sh BIN
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin="$1"
# what is imported once need not be compiled again
unset PYTHONDONTWRITEBYTECODE
mine="$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"

find_python() { # 3.12 -> an interpreter that works, or nothing
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python "/opt/hostedtoolcache/Python/$1".*/x64/bin/python; do
    "$candidate" -c 'import venv' >/dev/null 2>&1 && command -v "$candidate" && return
  done
  return 0
}

for version in 3.10 3.11 3.12 3.13; do
  [[ "$version" == "$mine" ]] && continue
  python="$(find_python "$version")"
  if [[ -z "$python" ]]; then
    echo "Python $version: not on this machine"
    continue
  fi
  venv="$(dirname "$bin")/py$version"
  "$bin/uv" venv --quiet --clear --python "$python" "$venv"
  "$bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements/dev.txt
  "$bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps dist/*.whl
  echo "Python $version"
  # What runs inside of the service's Python, and the commands. That the rest is written for the oldest Python, ruff and
  # mypy see; the project's workflow runs all on each.
  rooms=(tests/profilers)
  [[ "$version" == 3.12 ]] || rooms+=(tests/load tests/cli tests/measure)
  "$venv/bin/pytest" -q -m "not slow and not once and not fuzz" -n 2 -p no:cacheprovider "${rooms[@]}" | tail -n 3
done
