#!/usr/bin/env bash
# The last step: red if perf-action could not do its work, or if the verdict fails under `fail-on`.
# By now the artifact is uploaded and the comment written.
#
# Reads PERF_HOME; exit codes as of perf-action: 1 the verdict fails, 2 usage or config, 3 could not measure.
set -euo pipefail

failures="$PERF_HOME/failures"
if [[ -e "$failures" ]]; then
  while IFS=$'\t' read -r step _ reason; do
    echo "perf-action $step: $reason"
  done <"$failures"
  exit "$(head -n 1 "$failures" | cut -f 2)"
fi
exec "$PERF_HOME/perf-action" assess "$PERF_HOME/run" --verdict-only
