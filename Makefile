# `make demo` and `make test` set up everything they need in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test test-slow explore format clean

demo: $(VENV)/installed
	$(BIN)/earwitness demo

test: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not slow"

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -q -m slow

explore: $(VENV)/installed
	$(BIN)/python -m pytest -q -m "not slow and not real" --hypothesis-profile=explore tests

format: $(VENV)/installed
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	rm -f demo.duckdb demo.duckdb.*

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 13) else \
	"Earwitness needs Python 3.11 or 3.12, this is %d.%d: make PYTHON=python3.11" % v[:2])'
	@echo "setting up $(VENV), once; this takes some minutes"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -c constraints.txt -e '.[offline,dev]'
	$(BIN)/python -m pipeline.prosody
	@touch $@
