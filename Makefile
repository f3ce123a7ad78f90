# Two commands are enough: `make lab` opens the course, `make test` checks everything.
# Both set up what they need. `make help` lists the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# PyTorch from an index of your choice, for example one that holds its CPU-only builds.
TORCH_INDEX ?=
# Passed to JupyterLab: make lab LAB_ARGS="--no-browser --port=8899"
LAB_ARGS ?=
# What `make bench` is to measure, and options: make bench BENCH="limit peers --fast"
BENCH ?=
# Processes of the tests, one thread each, for more would take the cores from each other; -n 0: one after the other.
PARALLEL ?= -n auto --maxprocesses 4
# Videos of yours for `make differential`; without, it takes files made for it.
FOLDER ?=
# A full copy of UCF101 and a folder for the eleven classes: make ucf11 ROOT=... OUT=runs/ucf11
ROOT ?=
OUT ?= runs/ucf11
# Options of the fuzzer, see tests/codec/fuzz.py.
FUZZ ?=
# Names of notebooks for `make notebooks`; none means all.
NOTEBOOKS ?=

# Jupyter refuses to run as root unless told; in a container there often is nobody else.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help setup data ucf11 lab notebooks lint check test fuzz differential soak bench site wheel release-check clean

help:  ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/make \1\t\2/' | expand -t 22

setup: $(STAMP)  ## create .venv and install the pinned dependencies (TORCH_INDEX=..., PYTHON=...)

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "cvrl-lite needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true). Try: make setup PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Touched after a complete installation only, so an interrupted one is taken up again.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/pip
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --index-url $(TORCH_INDEX) -c constraints.txt torch)
	$(BIN)/python -m pip install -c constraints.txt -e '.[course,test]'
	@touch $@

data: setup  ## make the course's clips (in the user's cache folder, see CVRL_CACHE)
	$(BIN)/python -c "from cvrl_lite.datasets.moving_scenes import course_set; print('clips in', course_set())"

ucf11: setup  ## make the real clips of the study from a full UCF101 (ROOT=UCF-101 OUT=...)
	@test -n "$(ROOT)" || { echo "make ucf11: say where UCF101 is: make ucf11 ROOT=path/to/UCF-101" >&2; exit 2; }
	$(BIN)/python experiments/ucf11.py "$(ROOT)" "$(OUT)"

lab: setup data  ## open the course in JupyterLab (LAB_ARGS=...)
	$(BIN)/python -m jupyter lab $(AS_ROOT) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_ARGS)

notebooks: setup data  ## build and execute notebooks/*.ipynb from notebooks/src/*.py (NOTEBOOKS="01_result_first ...")
	$(BIN)/python notebooks/build.py $(NOTEBOOKS)

lint: setup  ## ruff and mypy
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

check: lint  ## lint and the fast tests, for use while working (at most 3 minutes)
	$(BIN)/python -m pytest --doctest-modules cvrl_lite tests -m "not slow"

test: lint data  ## everything: lint, all tests, every example, the browser test, every notebook
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --doctest-modules cvrl_lite tests $(PARALLEL) --dist worksteal --durations=25
	OMP_NUM_THREADS=1 TQDM_DISABLE=1 $(BIN)/python -m pytest --nbval notebooks/ $(PARALLEL) --dist loadfile

fuzz: setup  ## property tests with many examples; read 10,000 damaged files (FUZZ="--count 300 --seed 7")
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -m hypothesis --hypothesis-profile=fuzz $(PARALLEL)
	$(BIN)/python tests/codec/fuzz.py $(FUZZ)

differential: setup  ## hold what is read of videos against a straight decode (FOLDER=...)
	$(BIN)/python tests/codec/differential.py $(if $(FOLDER),"$(FOLDER)")

soak: setup  ## kill a training twenty times and compare it with an unbroken one
	CVRL_KILLS=20 $(BIN)/python -m pytest tests/test_parallel.py -k killed

bench: setup  ## speed of reading, beside the limit in C and other packages (BENCH="limit peers --fast")
	$(BIN)/python benchmarks/codec.py $(BENCH)

site: setup  ## build the site in build/site, from stored outputs and without a network
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -W --keep-going -j auto -b html -c docs -d build/doctrees . build/site
	@echo "build/site/index.html"

wheel: setup  ## build the wheel and the source archive, dist/cvrl_lite-*
	$(BIN)/python -m hatchling build -d dist

release-check: setup  ## say what keeps this tree from being released
	$(BIN)/python tools/release.py check

clean:  ## remove what was made inside the repository, .venv included
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
