# Two commands do all the set-up on a fresh machine with python3.11 and pip: make demo, make test.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test fuzz check bench quality lint clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[serve,sso,mcp]" --group dev
	touch $@

demo: $(STAMP)  ## build a workspace from the simulator and end with its scorecard
	rm -rf demo
	$(BIN)/candor demo demo

test: $(STAMP)  ## every test
	$(BIN)/python -m pytest -n 2

FUZZ ?= 200
fuzz: $(STAMP)  ## facts against the plain oracles on events drawn anew: make fuzz FUZZ=1000
	CANDOR_FUZZ=$(FUZZ) $(BIN)/python -m pytest -n 2 -k new_draw tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

check: lint test  ## what CI runs: style, types, import contracts, tests

bench: $(STAMP)  ## speed, as ratios to the bare scan; prints a table
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group bench
	$(BIN)/python benchmarks/run.py

DATA ?= ../shared/data
quality: $(STAMP)  ## the measured tables of docs/quality.md: make quality DATA=folder of the reference data
	$(BIN)/python benchmarks/bench_text.py --data $(DATA)
	$(BIN)/python benchmarks/bench_signals.py $(DATA)
	$(BIN)/python benchmarks/bench_judging.py $(DATA)
	$(BIN)/python benchmarks/bench_topics.py $(DATA)

clean:
	rm -rf $(VENV) demo .hypothesis .mypy_cache .ruff_cache
