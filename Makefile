# The commands of this project; `make help` lists them.
MAKEFLAGS += --no-print-directory
.SILENT:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed-from
TEMPLATES = $(shell find templates -name '*.html')
# Stops a program and its children when make is killed.
WITH_MAKE := $(BIN)/python -I -S sandbox/stack/parent.py 0

help: ## list these commands
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: $(STAMP) ## run the app with a stand-in store and Reverb; CHECK=1 checks it without a person, STORE= names the platform
	STORE=$(STORE) exec $(WITH_MAKE) $(BIN)/python -m sandbox.stack $(if $(CHECK),check,demo)

clean-demo: ## delete the demo's data
	if [ -d .data/demo ]; then $(BIN)/python -m sandbox.stack clean-demo; fi

up: $(STAMP) ## run the app without demo data or stand-ins; prints its addresses as JSON
	exec $(WITH_MAKE) $(BIN)/python -m sandbox.stack up

test: $(STAMP) ## run all tests in two processes; ARGS= goes to pytest instead
	$(BIN)/python -m pytest $(or $(ARGS),-n 2 --dist worksteal --ignore tests/simulation)
	$(if $(ARGS),,$(BIN)/python -m pytest tests/simulation)

simulate: $(STAMP) ## run the app against stand-ins in simulated time, with faults; RUNS= SEED= STORY= MUTANT=
	exec $(WITH_MAKE) $(BIN)/python -m tests.simulation $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(STORY),--story $(STORY)) $(if $(MUTANT),--mutant $(MUTANT)) $(ARGS)

bench: $(STAMP) ## run the benchmarks and check their goals; ONLY=name runs one
	exec $(WITH_MAKE) $(BIN)/python -m bench $(ONLY)

check: $(STAMP) ## check formatting, lint, types, import rules, migrations, deployment settings, known vulnerabilities
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/djade --check $(TEMPLATES)
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run --verbosity 0 \
		|| (echo "The models have changes without a migration: run manage.py makemigrations." >&2; exit 1)
	ENVIRONMENT=production SITE_URL=https://sync.example.com EMAIL_HOST=mail.example.com \
		DATABASE_URL=postgresql:///none REDIS_URL=redis://none SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(50))") \
		ENCRYPTION_KEYS=$$($(BIN)/python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())") \
		$(BIN)/python manage.py check --deploy --fail-level WARNING >/dev/null
	$(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off -r requirements.lock >/dev/null

coverage: $(STAMP) ## run the tests and report how many lines they reach
	$(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/simulation --cov --cov-report term:skip-covered

format: $(STAMP) ## format Python and templates
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djade $(TEMPLATES)

$(STAMP): requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=…")'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
	cp requirements-dev.lock $(STAMP)

.PHONY: help demo clean-demo up test simulate bench check coverage format
