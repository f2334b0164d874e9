#!/usr/bin/env bash
# Makes the folder of this use of the action, records its inputs there, and says under which key the installation is
# cached.
#
# Reads ACTION_PATH, PYTHON (the action's interpreter), RUNNER_TEMP and PERF_INPUT_*; writes the outputs home, run,
# venv, key and ready.
set -euo pipefail

if [[ "$(uname -s)" != Linux ]]; then
  echo "::error title=perf-action::perf-action measures on Linux only, and this is $(uname -s); use runs-on: ubuntu-latest"
  exit 2
fi

home="$RUNNER_TEMP/perf-action"
mkdir -p "$home"
# a second use of the action in this job starts with nothing of the first but its installation
rm -rf "$home/run" "$home/failures" "$home/inputs"

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
[[ -x "$home/perf-action" ]] && ready=true
{
  echo "home=$home"
  echo "run=$home/run"
  echo "venv=$home/venv"
  echo "key=perf-action-$lock-$version-$place"
  echo "ready=$ready"
} >>"$GITHUB_OUTPUT"
