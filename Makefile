# Two commands matter: `make demo` sets up and starts the service on the sample community, `make test` passes the tests.
# `make report` only analyses the sample and writes the report.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo report test check constraints clean

demo: .venv/.installed
	$(BIN)/klankbord demo

report: .venv/.installed
	$(BIN)/klankbord demo --no-serve --out report

test: .venv/.installed-dev
	$(BIN)/coverage run -m pytest -q

check: .venv/.installed-dev
	./check

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[hub,dev]"
	touch $@

constraints: .venv/.installed-dev
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf report .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
