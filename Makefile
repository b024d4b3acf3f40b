# Every target sets itself up: Python ≥ 3.11, git and make are all it takes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO_ARGUMENTS ?=

.PHONY: demo test check format spec constraints wheel bench clean help

help: ## Show what can be made.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY) ## A sandbox node with a believable history, kept serving until Ctrl-C.
	$(BIN)/registry demo $(DEMO_ARGUMENTS)

test: $(READY) ## All tests, on SQLite and on PostgreSQL.
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(READY) ## Lint, format, types, import contracts, API description.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/registry openapi --check

format: $(READY) ## Format and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

spec: $(READY) ## Write the API description anew.
	$(BIN)/registry openapi --write

constraints: $(READY) ## Pin the newest versions that work together, for every supported Python.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra dev --extra parquet setup.cfg --output-file constraints.txt

wheel: $(READY) ## Build the wheel.
	$(BIN)/python -m build --wheel

bench: $(READY) ## Measure on this machine, into bench/results.
	$(BIN)/python -m bench

clean: ## Remove what was made.
	rm -rf $(VENV) var build dist *.egg-info
