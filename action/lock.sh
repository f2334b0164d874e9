#!/usr/bin/env bash
# Writes the hash-locked requirements that the action installs. Run it after a change of pyproject.toml's
# dependencies, or for newer versions; needs uv. One lock serves x64 and arm64 and every supported Python: a release's
# hashes are of all its wheels.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock() {
  uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links "$@"
}

lock pyproject.toml --output-file action/requirements.txt
echo uv | lock - --output-file action/uv.txt
