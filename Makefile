# Everything a person or CI runs. `make demo` and `make test` work on a fresh Debian or Ubuntu machine with Python
# (and its venv module), make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.demo-installed

# uv installs the rest, many times faster than pip; $(call install,VENV,what to install)
install = $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt && \
	$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1)/bin/python $(2)

TEST_VENV := .venv-test
TEST_STAMP := $(TEST_VENV)/.installed

.PHONY: demo check test fuzz bench profilers lock clean

## demo: the main job on an example service: two commits measured side by side, the comment printed
demo: $(DEMO_STAMP)
	$(BIN)/perf-action demo --out perf-run

## check: the quick tests, types and style
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not slow and not fuzz" -n 2

## test: everything that CI runs
test: $(TEST_STAMP)
	bash tests/run.sh $(TEST_VENV)/bin

## fuzz: damaged files that no test has tried yet, for an hour or so; what it finds becomes a test
fuzz: $(STAMP)
	$(BIN)/python -m pytest -q tests/formats/test_formats_fuzz.py -m fuzz -n 2 --hypothesis-profile search

## bench: the long measurements
bench: $(STAMP)
	$(BIN)/python -m benchmarks

## profilers: run every profiler on every example service, and write docs/profilers.md; ONLY=perf for some of it
profilers: $(STAMP)
	$(BIN)/python -m pytest -q tests/matrix -m slow --update-golden $(if $(ONLY),-k "$(ONLY)")

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(DEMO_STAMP): requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	$(call install,$(VENV),--require-hashes -r requirements/demo.txt)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps .
	touch $@

$(STAMP): requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(call install,$(VENV),--require-hashes -r requirements/dev.txt)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

$(TEST_STAMP): requirements/dev.txt
	$(PYTHON) -m venv $(TEST_VENV)
	$(call install,$(TEST_VENV),--require-hashes -r requirements/dev.txt)
	touch $@

## lock: resolve the requirements again, for all Pythons and both architectures
lock:
	bash requirements/lock.sh

clean:
	rm -rf $(VENV) $(TEST_VENV) build dist *.egg-info perf-run
