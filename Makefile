# Hedgerow's commands. `make` alone lists them. Everything is installed into .venv; nothing outside this folder but
# HEDGEROW_HOME (default ~/.hedgerow) is written.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo serve test check format bench clean

help: ## List the commands
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Hedgerow needs Python 3.11 or newer with venv (on Debian: apt-get install python3-venv). Name one with PYTHON=..."; exit 1; }
	@echo "==> making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	@echo "==> installing hedgerow into $(VENV)"
	@$(PIP) install --constraint constraints.txt --editable '.[demo]'
	@$(BIN)/python -m compileall -q src/hedgerow  # else the first start does it, or every start where Python may not write
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "==> installing what the tests need"
	@$(PIP) install --constraint constraints.txt --group dev
	@touch $@

install: $(VENV)/.installed ## Make .venv with the `hedgerow` command
	@echo "==> ready: $(BIN)/hedgerow --help"

demo: $(VENV)/.installed ## Start Hedgerow, load real flight data, publish endpoints
	@exec $(BIN)/hedgerow demo

serve: $(VENV)/.installed ## Start Hedgerow
	@exec $(BIN)/hedgerow serve

test: $(VENV)/.tested ## Run every test; says what it skips and why
	@echo "==> fetching the ClickHouse library the tests run as a server (once)"
	@$(BIN)/python -m tests.support.clickhouse_library
	@echo "==> running the tests"
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.tested ## Lint, format check, types, floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.tested ## Format the code
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

bench: $(VENV)/.tested ## Measure against floors and peers; prints a table of ratios
	@$(BIN)/python -m bench

clean: ## Remove .venv and caches (not your data)
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
