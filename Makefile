# Two commands matter: `make run` and `make test`. Both set up what they need and say what they do.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.PHONY: run test check setup lock settings services services-down cluster cluster-down chaos bench format clean

run: setup
	@echo "== serving (stop with Ctrl-C)"
	@exec $(BIN)/antiphon serve

test: setup
	@echo "== checking style, types and import rules"
	@$(MAKE) --no-print-directory check
	@echo "== running the tests"
	@$(BIN)/pytest

check: setup
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

services:
	@$(PYTHON) deploy/services/services.py up

services-down:
	@$(PYTHON) deploy/services/services.py down

cluster: setup services
	@$(BIN)/python deploy/cluster/cluster.py up

cluster-down: setup
	@$(BIN)/python deploy/cluster/cluster.py down

chaos: setup services
	@echo "== the long chaos runs: one process on SQLite, then three pods on each kind of engine"
	@$(BIN)/python tests/chaos/run.py --replies 1000 --kills 30
	@for fleet in postgres redis nats; do \
	  $(BIN)/python tests/chaos/fleet_run.py --fleet $$fleet --replies 1000 --kills 30 || exit 1; done

bench: setup
	@$(BIN)/python bench/run.py

settings: setup
	@$(BIN)/antiphon settings > docs/settings.md

lock: setup
	@$(BIN)/uv pip compile -q pyproject.toml --group dev --all-extras --universal --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url -o requirements.lock

format: setup
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "== setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check "uv==0.13.8"
	@$(BIN)/uv pip install -q --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
