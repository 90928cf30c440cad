# Everything there is to do here. `make run` needs nothing but Python 3.11 or newer.
PORT ?= 8000
SPEED ?= 60
DEMO ?= 1
CREW ?= 1

ASK := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.12 python3.11 python3.13 python3 python; do \
	$$name -c '$(ASK)' 2>/dev/null && command -v $$name && break; done)
BIN := .venv/bin
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
VENV = $(if $(PYTHON),$(PYTHON) merchant_portal/portal/venv.py .venv,\
	$(error No usable Python found: install Python 3.11 or newer with venv, or give one: make PYTHON=/path/to/python))

.DEFAULT_GOAL := help
.PHONY: help run test lint fuzz chaos model bench screenshots words requirements venv dev node

help: ## Show these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv ## Run the portal with the demo brand (PORT=8000 SPEED=60 DEMO=1 CREW=1)
	@exec $(BIN)/python manage.py portal --demo --port $(PORT) --speed $(SPEED) \
		$(if $(filter 0,$(DEMO)),--no-traffic) $(if $(filter 0,$(CREW)),--no-crew)

test: dev ## Run all tests; says what it skipped and why
	@$(BIN)/python -m tests.run

lint: dev node ## Check style, types, the import rule, templates, scripts and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --check --lint --quiet
	npm run --silent lint
	$(BIN)/python manage.py makemigrations --check --dry-run

fuzz: dev ## Push 100,000 malformed messages at intake: no 5xx, memory flat
	@PORTAL_FUZZ=100000 PORTAL_VAR=$$(mktemp -d) $(BIN)/python -m pytest -q tests/test_fuzz.py

chaos: dev ## Hand off 100,000 orders while workers die and Redis is emptied (PORTAL_CHAOS_ORDERS, PORTAL_CHAOS_SEED)
	@$(BIN)/python -m tests.chaos.carriage.run

model: dev ## Walk 8,000 steps through the model of the hand-off (PORTAL_STEPS)
	@PORTAL_STEPS=$${PORTAL_STEPS:-8000} PORTAL_VAR=$$(mktemp -d) $(BIN)/python -m pytest -q couriers/tests/test_machine.py

bench: dev ## Measure intake, hand-offs, the card at the door and the way to the browser
	@$(BIN)/python -m benchmarks

words: dev ## Collect words into locale/ and compile them; says what is untranslated
	@$(BIN)/python -m scripts.words

screenshots: dev ## Photograph the running product into docs/screenshots
	@$(BIN)/python -m scripts.screenshots

requirements: dev ## Resolve requirements*.in into pinned and hashed files
	$(UV) requirements.in -o requirements.txt
	$(UV) requirements-dev.in -o requirements-dev.txt

venv:
	@$(VENV) requirements.txt

dev: venv
	@$(VENV) requirements-dev.txt

node: node_modules/.package-lock.json

node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends nodejs npm; }
	npm install --no-audit --no-fund --ignore-scripts
	@touch $@
