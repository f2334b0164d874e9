#!/usr/bin/env bash
# Installs the action's Python packages, hash-locked, into a virtual environment of its own under RUNNER_TEMP, and
# writes the command `perf-action` into the folder of this use. The user's PATH, Python and environment stay as they are.
#
# Reads ACTION_PATH, PYTHON (its interpreter), PERF_HOME (the folder of this use) and PERF_VENV, all set by action.yml.
set -euo pipefail

requirements="$ACTION_PATH/action/requirements.txt"
# settings of the user's tools that would move the installation elsewhere; index and proxy settings are kept
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV UV_PYTHON UV_SYSTEM_PYTHON UV_PROJECT_ENVIRONMENT UV_CONSTRAINT UV_OVERRIDE \
  UV_TARGET UV_PREFIX UV_EXCLUDE_NEWER UV_NO_CACHE PIP_TARGET PIP_PREFIX PIP_USER PIP_CONSTRAINT PIP_REQUIREMENT \
  PIP_REQUIRE_VIRTUALENV PIP_PYTHON
# neither a pyproject.toml nor a uv.toml of the checkout may have a say
cd "$PERF_HOME"

works() { "$PERF_VENV/bin/python" -I -m perf_action --version >/dev/null 2>&1; }

# The package runs from the action's own checkout: what runs is the ref that the workflow names. A .pth file, not
# PYTHONPATH, since the service under test must not inherit it.
link() {
  local packages
  packages="$("$PERF_VENV/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  printf '%s\n' "$ACTION_PATH" >"$packages/perf_action.pth"
}

# uv of the PATH, or a hash-locked one from PyPI; nothing where neither is to be had
find_uv() {
  command -v uv && return
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --target "$PERF_VENV.uv" --requirement "$ACTION_PATH/action/uv.txt" >&2 && echo "$PERF_VENV.uv/bin/uv"
}

fill() {
  local uv
  rm -rf "$PERF_VENV"
  if uv="$(find_uv)"; then
    "$uv" venv --quiet --python "$PYTHON" "$PERF_VENV"
    "$uv" pip install --quiet --python "$PERF_VENV/bin/python" --only-binary :all: --no-deps --require-hashes \
      --requirement "$requirements"
  else
    echo "uv is not to be had here; installing with pip"
    "$PYTHON" -m venv "$PERF_VENV"
    "$PERF_VENV/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
      --require-hashes --requirement "$requirements"
  fi
  # a quarter of all files are the libraries' own tests; a cache without them is back sooner
  find "$PERF_VENV" -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} +
}

started=$SECONDS
if [[ -x "$PERF_VENV/bin/python" ]] && link && works; then
  how="from the cache"
else
  fill
  link
  "$PERF_VENV/bin/python" -I -m perf_action --version >/dev/null
  how="fresh"
fi

# -I: neither the working directory nor PYTHON* variables of the job choose what is imported
cat >"$PERF_HOME/perf-action" <<EOF
#!/usr/bin/env bash
source "$PERF_HOME/inputs"
exec "$PERF_VENV/bin/python" -I -m perf_action "\$@"
EOF
chmod +x "$PERF_HOME/perf-action"
echo "installed $("$PERF_HOME/perf-action" --version), $how, in $((SECONDS - started)) s"
