# Two commands do everything: `make demo` (the main job) and `make test` (all tests).
# Both make .venv from nothing and use it again while pyproject.toml is unchanged.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= digits

.PHONY: demo test check clean

demo: $(READY)
	$(BIN)/obfnet demo --data $(DATA)

test: $(READY)
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

check: $(READY)
	$(BIN)/ruff format --check src tests docs/tables.py
	$(BIN)/ruff check src tests docs/tables.py
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) runs

# torch first and pinned: asked for by range, pip would take a build of several gigabytes.
$(READY): pyproject.toml constraints-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "obfnet needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints-dev.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints-dev.txt --editable '.[all,dev]'
	touch $@
