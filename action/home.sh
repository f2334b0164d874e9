#!/usr/bin/env bash
# Makes a folder for this use of the action (a job may have several), records its inputs there, and says under which
# key the installation, which all uses share, is cached.
#
# Reads ACTION_PATH, PYTHON (the action's interpreter), RUNNER_TEMP and PERF_INPUT_*; writes the outputs home, run,
# venv, key and ready.
set -euo pipefail

if [[ "$(uname -s)" != Linux ]]; then
  echo "::error title=perf-action::perf-action measures on Linux only, and this is $(uname -s); use runs-on: ubuntu-latest"
  exit 2
fi

mkdir -p "$RUNNER_TEMP/perf-action"
home="$(mktemp -d "$RUNNER_TEMP/perf-action/use.XXXXXX")"
venv="$RUNNER_TEMP/perf-action/venv"

# NAME=value, quoted for bash, so that the steps need not repeat every input
for name in "${!PERF_INPUT_@}"; do
  printf 'export %s=%q\n' "$name" "${!name}"
done >"$home/inputs"

# hashFiles() sees the workspace only, and the action lies outside it
lock="$(cat "$ACTION_PATH/action/requirements.txt" "$ACTION_PATH/action/uv.txt" | sha256sum | cut -c1-16)"
version="$("$PYTHON" -I -c 'import sys, sysconfig; print(sysconfig.get_platform(), *sys.version_info[:3], sep="-")')"
# a virtual environment knows its interpreter by path; images differ in their C library
place="$(printf '%s\n' "$PYTHON" "${ImageOS:-}" "$(getconf GNU_LIBC_VERSION || echo other)" | sha256sum | cut -c1-8)"

ready=false
[[ -x "$venv/bin/python" ]] && ready=true
{
  echo "home=$home"
  echo "run=$home/run"
  echo "venv=$venv"
  echo "key=perf-action-$lock-$version-$place"
  echo "ready=$ready"
} >>"$GITHUB_OUTPUT"
