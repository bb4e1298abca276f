# Every target sets up what it needs on a machine that has Python 3.11, pip, venv and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SAMPLE := data/sample_accounts/account-1

.PHONY: report test slow lint bench clean

report: $(VENV)/core
	$(BIN)/portfolio-opt rebalance --prices data/sample_market \
	  --holdings "$(SAMPLE)/My Shares Values.csv" --wacc "$(SAMPLE)/My Wacc Report.csv" \
	  --transactions "$(SAMPLE)/Transaction History.csv" \
	  --cash 100000 --as-of 2026-08-21 --now 2026-08-23T09:00 --out reports/latest

test: $(VENV)/dev
	$(BIN)/python -m pytest -m "not slow"

slow: $(VENV)/dev
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/decision.py
	$(BIN)/python benchmarks/again.py
	$(BIN)/python benchmarks/rebalance.py
	$(BIN)/python benchmarks/rules.py
	$(BIN)/python benchmarks/lots.py
	$(BIN)/python benchmarks/pareto.py
	$(BIN)/python benchmarks/accounts.py

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) setuptools wheel
	$(PIP) --no-build-isolation --editable .
	touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) --no-build-isolation --editable ".[dev]"
	touch $@
