#!/usr/bin/env bash
# Installs what the slow tests need besides Python: a browser, a Markdown renderer, and the workflow engine's parts.
# Does nothing where it is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
perf=linux-perf
grep -q '^ID=ubuntu' /etc/os-release && perf=linux-tools-generic
command -v cargo >/dev/null || missing+=(cargo)
command -v chromium >/dev/null || missing+=(chromium)
command -v cmark-gfm >/dev/null || missing+=(cmark-gfm)
command -v g++ >/dev/null || missing+=(g++)
command -v gcc >/dev/null || missing+=(gcc)
command -v go >/dev/null || missing+=(golang-go)
command -v google-pprof >/dev/null || missing+=(google-perftools libgoogle-perftools-dev)
command -v heaptrack >/dev/null || missing+=(heaptrack zstd)
command -v jeprof >/dev/null || missing+=(libjemalloc2 libjemalloc-dev)
command -v make >/dev/null || missing+=(make)
command -v perf >/dev/null || missing+=("$perf")
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v rustc >/dev/null || missing+=(rustc)
command -v valgrind >/dev/null || missing+=(valgrind libc6-dbg)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v git >/dev/null || missing+=(git)
if ((${#missing[@]})); then
  sudo=()
  [[ "$(id -u)" == 0 ]] || sudo=(sudo)
  echo "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
[[ -f tests/rig/setup.sh ]] && bash tests/rig/setup.sh
