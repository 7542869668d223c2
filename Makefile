# Two commands need nothing but Python >= 3.11, git and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_OUT ?= demo_out

.PHONY: demo test test-all lint format docs screenshots bench clean help

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.base: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "leadline needs Python >= 3.11, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.demo: $(VENV)/.base
	$(PIP) install -q -c constraints.txt scikit-image
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) install -q -c constraints.txt -e '.[train,synth,eval,heic,labels,serve,dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(PIP) install -q -c constraints.txt -e '.[docs]'
	@touch $@

demo: $(VENV)/.demo  ## set up, then predict depth for real photos
	$(BIN)/python examples/demo.py --out $(DEMO_OUT)

test: $(VENV)/.dev  ## set up, then run the tests (those of the page need Chromium: apt install chromium)
	$(BIN)/python -m pytest -q

test-all: $(VENV)/.dev  ## the slow tests too
	$(BIN)/python -m pytest -q -m 'not gpu and not network'

lint: $(VENV)/.dev  ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## rewrite the files in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.docs  ## build the documentation into site/, warnings are errors
	$(BIN)/mkdocs build --strict

screenshots: $(VENV)/.dev  ## the pictures of the page in the docs, taken anew
	$(BIN)/python -m tests.browser.screenshots

bench: $(VENV)/.dev  ## the speed ratios, side by side, into benchmarks/results
	$(BIN)/python -m benchmarks.run

clean:  ## remove what can be made again (not runs/)
	rm -rf $(VENV) site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis $(DEMO_OUT)
