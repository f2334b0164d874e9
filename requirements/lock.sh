#!/usr/bin/env bash
# Resolves the requirements of the demo and of development, hash-locked, for all supported Pythons on Linux, x64 and
# arm64. Needs uv. The action has a lock of its own, for the one Python it runs on: action/lock.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock() {
  uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links "$@"
}

lock pyproject.toml examples/schema-registry-python/requirements.txt --output-file requirements/demo.txt
lock pyproject.toml examples/schema-registry-python/requirements.txt --group dev --output-file requirements/dev.txt
grep --only-matching "^uv==[^ ]*" requirements/dev.txt | lock - --output-file requirements/uv.txt  # installs the others
