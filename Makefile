# Two commands matter: `make run` and `make test`. Both set up what they need and say what they do.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# So many tests at a time; more than there are cores makes those fail that wait for something in time.
TEST_PROCESSES ?= 2
CLIENTS := tests/clients
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.PHONY: run test check setup lock settings clients clients-lock services services-down cluster cluster-down chaos \
  bench format clean

run: setup
	@echo "== serving (stop with Ctrl-C)"
	@exec $(BIN)/antiphon serve

test: setup
	@echo "== checking style, types and import rules"
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory clients
	@echo "== running the tests"
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile -m "not alone"
	@echo "== running those that want the machine to themselves"
	@$(BIN)/pytest -m alone

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

# The clients that the tests point at the server. What cannot be installed is said; its tests are skipped.
clients: setup
	@$(MAKE) --no-print-directory $(CLIENTS)/python/.venv/.ready \
	  || echo "== the Python clients could not be installed: the tests that need them are skipped"
	@if ! command -v npm >/dev/null; then \
	  echo "== npm is not installed (Node 20 or newer): the tests of the Node clients are skipped"; \
	else $(MAKE) --no-print-directory $(CLIENTS)/node/node_modules/.ready \
	  || echo "== the Node clients could not be installed: the tests that need them are skipped"; fi

$(CLIENTS)/python/.venv/.ready: $(CLIENTS)/python/requirements.lock
	@echo "== setting up the Python clients in $(CLIENTS)/python/.venv"
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(CLIENTS)/python/.venv
	@$(BIN)/uv pip install -q --python $(CLIENTS)/python/.venv/bin/python --require-hashes -r $<
	@touch $@

$(CLIENTS)/node/node_modules/.ready: $(CLIENTS)/node/package-lock.json
	@echo "== setting up the Node clients in $(CLIENTS)/node/node_modules"
	@cd $(CLIENTS)/node && npm ci --silent --no-audit --no-fund
	@touch $@

clients-lock: setup
	@$(BIN)/uv pip compile -q $(CLIENTS)/python/requirements.in --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url -o $(CLIENTS)/python/requirements.lock
	@cd $(CLIENTS)/node && npm install --package-lock-only --silent --no-audit --no-fund

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
	rm -rf $(VENV) $(CLIENTS)/python/.venv $(CLIENTS)/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
