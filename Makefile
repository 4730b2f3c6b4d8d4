# Everything runs in .venv, which these targets make from the pinned requirements; PYTHON picks the interpreter.
PYTHON ?= python3
VENV   := .venv
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
else
BIN    := $(VENV)/bin
endif

.PHONY: help demo test test-debug check lock audit sbom screenshots bench bench-quick bench-page reliability mutants clean

help:
	@echo "make demo    a simulated Mist cloud and the engine, on this machine (ARGS='--people 200' to change it)"
	@echo "make test    the whole test suite, in parallel"
	@echo "make test-debug   the same with every logger at DEBUG, and no secret may be in any record or output"
	@echo "make check   lint, types, import directions"
	@echo "make audit   known vulnerabilities of the pinned dependencies (ARGS=--strict: not to be able to ask is a failure)"
	@echo "make sbom    what an installation consists of, as CycloneDX: build/sbom.json"
	@echo "make lock    pin the newest allowed dependencies anew"
	@echo "make screenshots   the pictures in docs/images, taken anew (needs Chromium)"
	@echo "make bench   how fast, against what, in one run (20 minutes; ARGS='ingest --runs 1' for less; writes build/benchmarks.json)"
	@echo "make bench-quick   whether something became slow (a minute)"
	@echo "make bench-page    how smoothly the page draws 2,000 devices (needs Chromium)"
	@echo "make reliability   faults, bad input, attackers and privacy in full (SCALE=0.1 for a tenth; writes build/reliability.json)"
	@echo "make mutants       break every listed rule once and see that a test catches it (writes build/mutants.json)"
	@echo "make clean   remove .venv and caches"

demo: $(VENV)/.runtime
	@$(BIN)/mistlocate demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto $(ARGS)

# Every logger at DEBUG, and no secret in any record or output; slower than `test`.
test-debug: $(VENV)/.dev
	SEARCH_SECRETS=1 $(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mistlocate needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "installing the pinned packages into $(VENV): a minute or two, and again only when they change"
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

UV_COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
lock: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV_COMPILE) --upgrade --extra all -o requirements.lock
	$(UV_COMPILE) --upgrade --extra placeos -c requirements.lock -o requirements-placeos.lock
	$(UV_COMPILE) --upgrade --extra all --group dev -c requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) --upgrade --extra all --group audit -c requirements-dev.lock -o requirements-audit.lock
	$(UV_COMPILE) --upgrade --extra all --group fuzz -c requirements-dev.lock -o requirements-fuzz.lock

# Tools that few targets need; they fit beside the others.
$(VENV)/.audit: requirements-audit.lock $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $@

$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	@touch $@

audit: $(VENV)/.audit
	@$(BIN)/python -m tools.audit $(ARGS)

# Of an environment that has nothing but the runtime's packages.
sbom: $(VENV)/.audit
	@mkdir -p build
	test -d build/sbom-env || $(PYTHON) -m venv --without-pip build/sbom-env
	@$(BIN)/python -m pip --python build/sbom-env install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip --python build/sbom-env install --quiet --disable-pip-version-check --no-deps .
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o build/sbom.json build/sbom-env
	@echo "build/sbom.json"

screenshots: $(VENV)/.dev
	@$(BIN)/python -m tools.screenshots $(ARGS)

bench: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.guard

bench-page: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.page $(ARGS)

reliability: $(VENV)/.fuzz
	@PYTHONPATH=tests $(BIN)/python -m reliability $(ARGS)

mutants: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m mutants $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
