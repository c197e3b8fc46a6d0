# Every target first makes .venv from requirements.lock, if it is not so already.
# PYTHON chooses the interpreter, JOBS how many tests run at once.

PYTHON ?= python3
JOBS ?= 2
# Sizes of `make prove`: simulated runs from seed FIRST on, a death at each EVERY-th boundary, lives of
# the properties, runs of real processes; 0 leaves a part out.
RUNS ?= 10000
FIRST ?= 1
EVERY ?= 1
EXAMPLES ?= 2000
CHAOS ?= 10
BIN := .venv/bin
WORDS := $(or $(MAKECMDGOALS),help)

.PHONY: help demo up test prove check clean venv

help:
	@echo "make demo    45 simulated days on embedded parts; ends by itself"
	@echo "make up      the same, staying up, with a first page to play with"
	@echo "make test    the whole test suite, on real PostgreSQL, Valkey, SMTP and HTTP"
	@echo "make prove   the full proofs that nothing is charged twice or lost; hours (RUNS=100 EVERY=60 ... is shorter)"
	@echo "make check   format, lint, types, import rules"
	@echo "make clean   remove .venv, var and what tools left behind"
	@echo "PYTHON=/path/to/python3.12 chooses the interpreter (3.11 or newer)."

demo: venv
	@$(BIN)/dunning demo

up: venv
	@$(BIN)/dunning up

test: venv
	@$(BIN)/pytest -n $(JOBS) --dist worksteal

prove: venv
	@$(BIN)/python -m tests.prove --runs $(RUNS) --first $(FIRST) --every $(EVERY) \
	  --examples $(EXAMPLES) --chaos $(CHAOS) --processes $(JOBS)

check: venv
	@failed=; \
	$(BIN)/ruff format --check --quiet . || failed="$$failed format"; \
	$(BIN)/ruff check --quiet . || failed="$$failed lint"; \
	$(BIN)/mypy || failed="$$failed types"; \
	$(BIN)/lint-imports --no-logo || failed="$$failed imports"; \
	test -z "$$failed" || { echo "make check: not in order:$$failed" >&2; exit 1; }

clean:
	rm -rf .venv var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache
	find worker tests -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@command -v "$(PYTHON)" > /dev/null || { \
	  echo "No $(PYTHON) here. Install Python 3.11 or newer, or: make $(WORDS) PYTHON=/path/to/python3.12" >&2; \
	  exit 2; }
	@"$(PYTHON)" .ci/venv.py $(if $(filter file,$(origin PYTHON)),--any-python) $(WORDS)
