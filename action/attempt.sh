#!/usr/bin/env bash
# Runs one command of perf-action as a step. A failure is noted in $PERF_HOME/failures and does not fail the step: what
# was measured, or why it was not, must still be uploaded and published; verdict.sh, the last step, turns the job red.
#
# usage: attempt.sh setup|run|restore|assess|publish|baseline      (reads PERF_HOME; runs in working-directory)
set -uo pipefail

step="$1"
# nothing was installed, so nothing was changed
[[ "$step" == restore && ! -x "$PERF_HOME/perf-action" ]] && exit 0
failures="$PERF_HOME/failures"
run="$PERF_HOME/run"
# shellcheck source=/dev/null
source "$PERF_HOME/inputs"

case "$step" in
  setup) command=(setup --config "$PERF_INPUT_CONFIG") ;;
  run) command=(run --config "$PERF_INPUT_CONFIG" --base "$PERF_INPUT_BASE" --out "$run") ;;
  restore) command=(setup --restore) ;;
  assess) command=(assess "$run" --config "$PERF_INPUT_CONFIG") ;;
  publish) command=(publish "$run" --config "$PERF_INPUT_CONFIG") ;;
  baseline) command=(baseline save "$run" --config "$PERF_INPUT_CONFIG") ;;
  *) echo "attempt.sh: unknown step $step" >&2 && exit 2 ;;
esac

# what cannot work after an earlier failure is left out; a run that failed half-way is assessed and published
case "$step" in
  run) [[ -e "$failures" ]] && exit 0 ;;
  assess) [[ -e "$run/run.json" ]] || exit 0 ;;
  baseline) [[ -e "$failures" ]] && exit 0 ;;
  publish) [[ -e "$failures" ]] && command+=(--failures "$failures") ;;
esac

# the service under test runs code of the pull request: the files by which a step talks to the runner are not for it
if [[ "$step" == setup || "$step" == run || "$step" == restore ]]; then
  unset GITHUB_ENV GITHUB_PATH GITHUB_OUTPUT GITHUB_STATE GITHUB_STEP_SUMMARY
fi

said="$(mktemp "$PERF_HOME/said.XXXXXX")"
{
  "$PERF_HOME/perf-action" "${command[@]}" 2>&1 >&3 | tee "$said" >&2
  code="${PIPESTATUS[0]}"
} 3>&1
[[ "$code" == 0 ]] && exit 0

reason="$(grep '^error: ' "$said" | tail -n 1 | cut -c8-1007)"
[[ -n "$reason" ]] || reason="perf-action $step ended with exit code $code; its last lines are in the log of this step"
# in the language of workflow commands
escaped="${reason//'%'/'%25'}"
if [[ "$step" == baseline && "$PERF_INPUT_SAVE_BASELINE" == auto ]]; then
  echo "::warning title=perf-action: no baseline kept::${escaped//$'\r'/'%0D'}"
  exit 0
fi
if [[ "$step" == restore ]]; then
  echo "::warning title=perf-action: kernel settings stay changed::${escaped//$'\r'/'%0D'}"
  exit 0
fi
echo "::error title=perf-action $step::${escaped//$'\r'/'%0D'}"
printf '%s\t%s\t%s\n' "$step" "$code" "${reason//$'\t'/ }" >>"$failures"
