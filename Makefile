# Everything a developer or a first user does, by name. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.tocsin-runtime
DEV := $(VENV)/.tocsin-dev
ARGS ?=
SEEDS ?= 1000
PYTEST := $(BIN)/python -m pytest

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test check lint types imports tidy simulate bench corpus docs fuzz lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME) ## install what is missing and start Tocsin (ARGS="--playbook FILE --roster FILE")
	@exec $(BIN)/tocsin serve $(ARGS)

test: $(DEV) ## run the whole test suite
	@$(PYTEST) -n auto $(ARGS)

# Each check also stands alone; `make -k check` goes on after the first that fails.
check: lint types imports tidy ## lint, formatting, types, import contracts, tidiness

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(DEV)
	$(BIN)/lint-imports --no-cache --no-logo

tidy: $(DEV)
	$(PYTEST) -q tests/tidy

simulate: $(DEV) ## run the simulator over many seeds (SEEDS=1000)
	TOCSIN_SEEDS=$(SEEDS) $(PYTEST) -n auto -q tests/sim $(ARGS)

bench: $(DEV) ## measure the intake and the drill
	$(PYTEST) -q -s tests/bench $(ARGS)

corpus: $(DEV) ## print how far the reader agrees with playbooks by other hands, key by key
	@$(PYTEST) -q -s -n 0 tests/playbook/test_agreement.py $(ARGS)

docs: $(DEV) ## check that every link and command in the documentation is right
	$(PYTEST) -q tests/docs

fuzz: $(DEV) ## fuzz the reader of playbooks with atheris, where it is installed (SECONDS=60)
	@SECONDS_TO_FUZZ=$(if $(filter file command\ line environment override,$(origin SECONDS)),$(SECONDS),60) \
		$(BIN)/python tests/fuzz/run.py

lock: $(DEV) ## write the lock files again from pyproject.toml, with hashes
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

# No option line and no address of an index may enter the files: they are the same for everyone, and
# every installer asks the index it is set up for. The build requirements are locked with the rest.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --build-deps-for editable --no-emit-index-url --no-emit-trusted-host \
	--no-emit-find-links --no-emit-options

clean: ## remove what make has made; data/ stays
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python of at least 3.11; `make PYTHON=... run` overrules the search.
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$python" $(NEW_ENOUGH) 2>/dev/null && echo "$$python" && break; done)

$(BIN)/python:
	@"$(PYTHON)" $(NEW_ENOUGH) 2>/dev/null || { echo "Tocsin needs Python 3.11 or newer, and none was found." \
		"Install it, or name it: make PYTHON=/path/to/python3 run" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module could not make $(VENV)." \
		"On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)

$(DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.lock)
	@touch $(RUNTIME)

# hatchling is in the lock, so the project itself is built without a second environment.
define install
@echo "installing from $(1) into $(VENV) ..." >&2
@$(BIN)/python -m pip install --quiet --require-hashes --requirement $(1)
@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
@touch $@
endef
