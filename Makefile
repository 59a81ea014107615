# Every target does its own set-up; nothing but Python 3.11 or later and make has to be there.
# `make` alone lists them. Settings: LEYDEN_* variables or a .env file (see .env.example).

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Empty is off: what is started a hundred times over is compiled once.
export PYTHONDONTWRITEBYTECODE =
PY = .venv/bin/python
ARGS =

.DEFAULT_GOAL = help
.PHONY: help demo dev test check check-ops fmt bench property chaos requirements clean setup-run setup-dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-run ## run one job of each kind through the whole ring and show what happened
	@.venv/bin/leyden demo $(ARGS)

dev: setup-dev ## run everything on the embedded stack until Ctrl-C
	@.venv/bin/leyden up $(ARGS)

test: setup-dev ## run all tests in their short form, on real stores that they start themselves
	@$(PY) -m pytest -n 7 --dist worksteal -q $(ARGS)

check: setup-dev ## lint, format, types and the direction of imports
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

check-ops: setup-dev ## let promtool, Prometheus, hadolint and a compose linter read the cluster's files
	@$(PY) -m tests.ops

fmt: setup-dev ## put the code into the house's format
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

bench: setup-dev ## measure the transport and the whole ring against their floors
	@$(PY) -m tests.bench $(ARGS)
	@$(PY) -m tests.bench.ledger

property: setup-dev ## the long form of the property tests
	@$(PY) -m pytest tests/property --long $(ARGS)

chaos: setup-dev ## the long form of the chaos tests: thousands of jobs, hundreds of kills
	@$(PY) -m pytest tests/chaos --long $(ARGS)

requirements: setup-dev ## lock the requirement files again (ARGS=--upgrade for newer versions)
	@scripts/requirements.sh $(ARGS)

clean: ## remove what was built and installed; .leyden, with your data and keys, stays
	@rm -rf .venv build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

setup-run:
	@scripts/setup.sh run

setup-dev:
	@scripts/setup.sh dev
