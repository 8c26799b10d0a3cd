# Gangway: what can be done here. `make help` lists it.

VENV ?= .venv
IN_VENV = $(VENV)/bin/
NEEDED = import sys; sys.exit(sys.version_info < (3, 11))
# The newest suitable Python of this machine; another one: make test PYTHON=/path/to/python
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3 python; do \
	"$$each" -c '$(NEEDED)' 2>/dev/null && { echo "$$each"; break; }; done)
WORKERS ?= 2
FUZZ_SECONDS ?= 60

SHARED ?= ../shared
KIT = $(SHARED)/conformance
PERF = $(SHARED)/perf
.DEFAULT_GOAL := help
.PHONY: help demo test check lint format requirements docs conformance bench steps fuzz test-tools test-programs clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.installed ## Start the embedded landscape and the gateway with the demo application
	@exec $(IN_VENV)python -m app landscape demo

test: test-tools check ## Check and test everything; installs what that needs
	$(IN_VENV)python -m pytest -n $(WORKERS) --dist loadfile

check: $(VENV)/.installed-dev lint ## Format, lint, types, import contract
	$(IN_VENV)mypy
	PYTHONPATH=. $(IN_VENV)lint-imports

lint: $(VENV)/.installed-dev ## Format and lint, without changing anything
	$(IN_VENV)ruff format --check .
	$(IN_VENV)ruff check .

format: $(VENV)/.installed-dev ## Bring all files into shape
	$(IN_VENV)ruff check --fix-only .
	$(IN_VENV)ruff format .

requirements: $(VENV)/bin/python ## Lock the dependencies with hashes, for every platform and Python from 3.11
	$(IN_VENV)python -m pip install --quiet '$(shell sed -n 's/^lock = \["\(.*\)"\]/\1/p' pyproject.toml)'
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --extra dev --constraint requirements.txt --output-file requirements-dev.txt

LOCK = $(IN_VENV)uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make requirements'

docs: $(VENV)/.installed ## Write docs/variables.md and docs/errors.md from the code
	PYTHONPATH=. $(IN_VENV)python scripts/document_variables.py
	PYTHONPATH=. $(IN_VENV)python scripts/document_errors.py

conformance: $(VENV)/.installed build/conformance/.installed ## Run the conformance kit, where it is, and print the score
	KIT_PROJECT_DIR=$(CURDIR) KIT_PROJECT_PYTHON=$(abspath $(IN_VENV)python) PYTHONDONTWRITEBYTECODE=1 \
		build/conformance/bin/python $(KIT)/run.py --driver project --json build/conformance.json $(KIT_OPTIONS)

bench: $(VENV)/.installed build/bench/.installed ## Measure with the harness, where it is, and print the ratios
	KIT_PROJECT_DIR=$(CURDIR) KIT_PROJECT_PYTHON=$(abspath $(IN_VENV)python) PYTHONDONTWRITEBYTECODE=1 \
		build/bench/bin/python $(PERF)/run.py --json build/bench.json $(BENCH_OPTIONS)

fuzz: $(VENV)/.installed-dev ## Fuzz the parsers for a bounded time (FUZZ_SECONDS each)
	$(IN_VENV)python -m pip install --quiet --disable-pip-version-check 'atheris>=2.3'
	for target in response_parser request_head; do \
		mkdir -p build/fuzz/$$target && PYTHONPATH=. $(IN_VENV)python fuzz/$$target.py build/fuzz/$$target \
			fuzz/seeds/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -artifact_prefix=build/fuzz/ || exit 1; done

steps: $(VENV)/.installed ## Time the steps of the proxied path, one by one
	$(IN_VENV)python -m bench.steps

test-tools: test-programs build/npm/.installed

test-programs:
	@scripts/test-tools

build/npm/.installed: $(addprefix tests/real_clients/,package-lock.json package.json .npmrc) | test-programs
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
	@cp $< $@

clean: ## Remove what was made here
	rm -rf $(VENV) build .artefacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c '$(NEEDED)' || { echo "$(PYTHON) is older than 3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(VENV)/bin/python requirements.txt
	$(IN_VENV)python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python requirements-dev.txt pyproject.toml
	$(IN_VENV)python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(IN_VENV)python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(VENV)/.installed

build/conformance/.installed: $(KIT)/requirements.txt
	@command -v "$${KIT_NODE:-node}" >/dev/null || { echo "The conformance kit needs Node.js (node, or KIT_NODE)" >&2; exit 1; }
	$(PYTHON) -m venv build/conformance
	build/conformance/bin/python -m pip install --quiet --disable-pip-version-check -r $(KIT)/requirements.txt
	@touch $@

build/bench/.installed: $(PERF)/requirements.txt
	$(PYTHON) -m venv build/bench
	build/bench/bin/python -m pip install --quiet --disable-pip-version-check -r $(PERF)/requirements.txt
	@touch $@

$(KIT)/requirements.txt:
	@echo "There is no conformance kit at $(KIT); name its parent folder: make conformance SHARED=DIR" >&2; exit 1

$(PERF)/requirements.txt:
	@echo "There is no benchmark harness at $(PERF); name its parent folder: make bench SHARED=DIR" >&2; exit 1
