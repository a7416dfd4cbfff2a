# Two commands do all the set-up on a machine with Python 3.11 or newer, git and make:
#   make demo    sets up and runs the main job: a sample chat goes in, three questions are answered
#   make test    sets up and runs the tests
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?= data/demo

# Tests start hundreds of processes, each of which would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo init run doctor test slow real quick lint types layers documents catalogues check constraints clean

demo: $(VENV)/.run
	@$(BIN)/python -m bot demo --data-dir $(DATA)

# Asks for the token and for who runs the models, and writes .env.
init: $(VENV)/.run
	@$(BIN)/python -m bot init

run: $(VENV)/.run
	@$(BIN)/python -m bot run

doctor: $(VENV)/.run
	@$(BIN)/python -m bot doctor

# Tests wait for processes and timers half of their time: four at once fill two cores.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 4

# Half a minute after an edit: the types, and the unit tests of what changed.
quick: $(VENV)/.dev
	@$(BIN)/mypy & types=$$!; $(BIN)/python -m pytest -q $$($(BIN)/python -m tests.changed) && wait $$types

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n 4 --dist loadgroup -m slow

# Against a real Ollama and a real Qdrant server, where REAL_OLLAMA_URL and REAL_QDRANT_URL name them
# (docs/contributing.md). The tests share them, so they run one after the other.
real: $(VENV)/.dev
	$(BIN)/python -m pytest -n 0 -m real

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

# What is made from the code: .env.example, docs/settings.md, PRIVACY.md, the tables of costs, and the alert rules for
# Kubernetes.
documents: $(VENV)/.dev
	$(BIN)/python -m bench.costs
	$(BIN)/python -m tests.documents

# The catalogues of other languages, with what is new in the code to be translated.
catalogues: $(VENV)/.dev
	$(BIN)/python -m tests.catalogues

check: lint types layers test

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: name one with 'make PYTHON=python3.12 ...'" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is needed (on Debian: apt-get install python3-venv)" >&2; exit 1; }

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a minute or two, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for tests (a minute or two, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.run

# The newest that pyproject.toml admits, for the builds from now on.
constraints: $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager --editable '.[dev,fastembed]'
	@{ head -1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new && mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
