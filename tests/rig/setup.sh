#!/usr/bin/env bash
# Prepares what the rig needs besides Python packages (`pip install -e .[test]`): the npm libraries, and the stand-ins of
# GitHub's own actions bundled from them. Everything goes into a cache folder, named on standard output; nothing is done
# when it is there already. Needs node and npm.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
sources="$(cd "$here" && find node actions -type f -not -path '*/node_modules/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)"
tools="${XDG_CACHE_HOME:-$HOME/.cache}/perf-action-rig/$sources"

if [[ ! -e "$tools/complete" ]]; then
  mkdir -p "$(dirname "$tools")"
  work="$(mktemp -d "$tools.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  cp -R "$here/node/." "$here/actions" "$work/"
  # scripts of packages are not run: esbuild's binary is an optional dependency and needs none
  (cd "$work" && npm ci --ignore-scripts --silent && node build.mjs actions) >&2
  touch "$work/complete"
  rm -rf "$tools"
  mv "$work" "$tools"
  trap - EXIT
fi
echo "$tools"
