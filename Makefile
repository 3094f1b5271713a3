# Two commands matter: `make run` and `make test`. Both set up what they need and say what they do.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# So many tests at a time; more than there are cores makes those fail that wait for something in time.
TEST_PROCESSES ?= 2
CLIENTS := tests/clients
NODE_CLIENTS := $(CLIENTS)/node/node_modules/.ready tests/acceptance/page/node_modules/.ready
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# The Node that was installed where the machine has none that is new enough (web/scripts/build.py).
export PATH := $(CURDIR)/.node/bin:$(PATH)

.PHONY: run test check setup web web-packages web-test lock settings clients clients-lock services services-down \
  cluster cluster-down chaos bench screenshots format clean

run: web
	@echo "== serving (stop with Ctrl-C)"
	@exec $(BIN)/antiphon serve

test: web
	@echo "== checking style, types and import rules"
	@$(MAKE) --no-print-directory check
	@echo "== testing and weighing the web files"
	@$(MAKE) --no-print-directory web-test
	@$(MAKE) --no-print-directory clients
	@echo "== running the tests"
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder -m "not alone"
	@echo "== running those that want the machine to themselves"
	@$(BIN)/pytest -m alone

check: web-packages
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cd web && npm run --silent check

# Node, the packages, the build: each only where it is not as it should be.
web: setup
	@$(BIN)/python web/scripts/build.py

web-packages: setup
	@$(BIN)/python web/scripts/build.py install

web-test: web
	@cd web && npm test --silent
	@cd web && npm run --silent size

services:
	@$(PYTHON) deploy/services/services.py up

services-down:
	@$(PYTHON) deploy/services/services.py down

cluster: web services
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

# Each state of page and widget in docs/screenshots, by headless Chromium.
screenshots: web clients
	@cd tests/acceptance/page && node screenshots.mjs

# The clients that the tests point at the server. What cannot be installed is said; its tests are skipped.
clients: setup
	@$(MAKE) --no-print-directory $(CLIENTS)/python/.venv/.ready \
	  || echo "== the Python clients could not be installed: the tests that need them are skipped"
	@$(BIN)/python web/scripts/build.py node && $(MAKE) --no-print-directory $(NODE_CLIENTS) \
	  || echo "== the Node clients could not be installed: the tests that need them are skipped"

$(CLIENTS)/python/.venv/.ready: $(CLIENTS)/python/requirements.lock
	@echo "== setting up the Python clients in $(CLIENTS)/python/.venv"
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(CLIENTS)/python/.venv
	@$(BIN)/uv pip install -q --python $(CLIENTS)/python/.venv/bin/python --require-hashes -r $<
	@touch $@

$(NODE_CLIENTS): %/node_modules/.ready: %/package-lock.json
	@echo "== setting up the Node clients in $*/node_modules"
	@cd $* && npm ci --silent --no-audit --no-fund
	@touch $@

clients-lock: setup
	@$(BIN)/uv pip compile -q $(CLIENTS)/python/requirements.in --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url -o $(CLIENTS)/python/requirements.lock
	@cd $(CLIENTS)/node && npm install --package-lock-only --silent --no-audit --no-fund

settings: setup
	@$(BIN)/antiphon settings > docs/settings.md

lock: setup
	@$(BIN)/uv pip compile -q web/node.in --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url -o web/node.lock
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
	@ANTIPHON_BUILD_WEB=0 $(BIN)/uv pip install -q --no-deps -e .
	@touch $@

clean:
	rm -rf .node web/node_modules web/*/dist web/*/*.tsbuildinfo src/antiphon/transports/static/web
	rm -rf $(VENV) $(CLIENTS)/python/.venv $(dir $(NODE_CLIENTS)) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
