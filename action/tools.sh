#!/usr/bin/env bash
# Says which folders hold what `perf-action setup` builds or downloads for this configuration, and under which key they
# are cached; neither where there is nothing of the kind, or where the configuration is wrong (the next step says how).
#
# Reads PERF_HOME and runs in working-directory; writes the outputs key and folders.
set -euo pipefail

# shellcheck source=/dev/null
source "$PERF_HOME/inputs"
folders="$("$PERF_HOME/perf-action" setup --cached --config "$PERF_INPUT_CONFIG" 2>/dev/null)" || folders=
[[ -n "$folders" ]] || exit 0

# what is built here runs on the same kind of image only
place="$(printf '%s\n' "$folders" "$(uname -m)" "${ImageOS:-}" "$(getconf GNU_LIBC_VERSION || echo other)" |
  sha256sum | cut -c1-16)"
# its own, so that no line of the list ends it
mark="folders-$RANDOM$RANDOM"
{
  echo "key=perf-action-tools-$place"
  echo "folders<<$mark"
  echo "$folders"
  echo "$mark"
} >>"$GITHUB_OUTPUT"
