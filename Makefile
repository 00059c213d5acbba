# nbstream: everything starts here. `make help` says what there is.
# Needs Python 3.11 or newer and make; the rest is set up in .venv on first use.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help lab dev slides test check fix bench places bounds notebooks tracers site renew \
	clean wheel test-quick test-pythons test-notebooks test-slow
.NOTPARALLEL:

PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python
VENV := .venv
PY := $(VENV)/bin/python
# An environment knows its own address: a moved folder gets a new one.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
COURSE := $(VENV)/course-$(HERE)
DEV := $(VENV)/dev-$(HERE)
PIP := $(PY) -m pip --disable-pip-version-check -qq --no-input
# The releases that everything was last proved with: the same for every reader, and
# `make test` stays true when an SDK of tomorrow changes. `make renew` moves on.
VERSIONS := .ci/versions.txt
# The course's own lessons: what else lies beside them is the teacher's.
NOTEBOOKS := $(wildcard notebooks/[0-9][0-9]_*.ipynb notebooks/deeper_*.ipynb)
WHEEL := .wheel
# Two tests at a time: servers take the ports that the system gives them. A few that
# fail are run once more, alone.
AGAIN := .ci/again.py
PYTEST := -m pytest --durations=30
TESTS := $(PYTEST) -n 2
QUICK := --dist worksteal -m "not kernel and not browser and not place"
# A page or a kernel often lets its test wait: three of them keep two cores busy.
SLOW := $(PYTEST) -n 3 --dist loadscope --no-loadscope-reorder
ON_WHEEL := PYTHONPATH="$(CURDIR)/$(WHEEL)/site" NBSTREAM_UNDER_TEST="$(WHEEL)/site"
# What tests the core, which is covered to the last branch. Tests that stop streams
# run without the tracer: on Python 3.11 it cannot bear what they do (streams/sockets).
CORE := tests/core tests/beside/test_history.py tests/display/test_tool_cards.py \
	tests/lab/test_timeline.py
# What else differs from one Python to another: streams, and how they are stopped.
STREAMS := tests/drive tests/verbs/test_live.py tests/verbs/test_events.py \
	--ignore=tests/drive/test_tracers.py
ON_PYTHONS := $(AGAIN) $(TESTS) $(QUICK) $(CORE) $(STREAMS)

# Nothing of the user's own Jupyter is read or changed.
OWN := $(CURDIR)/$(VENV)/jupyter
JUPYTER := JUPYTER_CONFIG_DIR="$(OWN)/config" JUPYTER_DATA_DIR="$(OWN)/data" \
	JUPYTER_RUNTIME_DIR="$(OWN)/runtime" JUPYTERLAB_SETTINGS_DIR="$(OWN)/settings" \
	JUPYTERLAB_WORKSPACES_DIR="$(OWN)/workspaces" IPYTHONDIR="$(OWN)/ipython"
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

lab: $(COURSE)  ## Open JupyterLab on your copies of the lessons (RESET=1: new copies)
	@$(JUPYTER) $(PY) .ci/lab.py $(if $(filter-out 0,$(RESET)),--reset) $(AS_ROOT) $(ARGS)

dev: $(DEV)  ## Set up the test tools, and test nothing

test: check test-quick test-pythons test-notebooks test-slow  ## Prove everything

check: $(DEV)  ## Lint, format check and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) tests/harness/house.py src/nbstream

fix: $(DEV)  ## Mend lint and format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(DEV)  ## Measure ourselves, as ratios
	$(PY) bench $(ARGS)

places: wheel  ## Prove what takes longer (needs nginx, haproxy, caddy)
	$(PIP) install hypercorn==0.18.0 granian==2.8.9
	cd tests && ../$(PY) -m harness.node
	$(ON_WHEEL) $(PY) .ci/pythons.py $(ON_PYTHONS)
	$(PY) $(PYTEST) -m place

bounds: $(DEV)  ## Run the quick tests with the oldest packages allowed, and the newest
	$(PIP) install uv==0.13.9
	$(PY) .ci/bounds.py $(ARGS) $(AGAIN) $(TESTS) $(QUICK)

notebooks: $(DEV)  ## Run lessons and how-to pages, write outputs (ARGS=a notebook)
	$(PY) .ci/execute_notebooks.py --write $(ARGS)
	$(if $(ARGS),,cd tests && ../$(PY) -m harness.how_to)
	$(if $(ARGS),,$(PY) docs/write_answer_key.py)

tracers: $(DEV)  ## Test streams beneath every tracer that can be installed
	$(PY) .ci/tracers.py $(ARGS)

slides: $(COURSE)  ## Export slides into site/slides/ (ARGS=a notebook of yours, too)
	$(PY) .ci/slides/build.py $(ARGS)

site: $(COURSE)  ## Build the site into site/ (ARGS=--no-lite leaves JupyterLite out)
	$(PY) .ci/site.py $(ARGS)

renew:  ## Take the newest releases, and write down which (then run make test)
	rm -rf $(VENV) && : > $(VERSIONS)
	@$(MAKE) --no-print-directory $(DEV)
	$(PIP) freeze --exclude nbstream | grep == > $(VERSIONS)
	@touch $(COURSE) $(DEV)

clean:  ## Remove everything that make made, but lessons/, which is yours
	rm -rf $(VENV) .kernels .site site $(WHEEL) build dist screenshots .coverage* htmlcov \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis

wheel: $(DEV)
	@rm -rf $(WHEEL)
	@$(PY) -m hatchling build -t wheel -d $(WHEEL)
	@$(PIP) install --no-deps --no-index --target $(WHEEL)/site $(WHEEL)/*.whl

test-quick: wheel
	@echo "All quick tests, on the built wheel: the core with its coverage, then the rest"
	$(PY) -m coverage erase
	$(ON_WHEEL) $(PY) $(AGAIN) -m coverage run $(TESTS) $(QUICK) $(CORE)
	$(PY) -m coverage combine -q
	$(PY) -m coverage report
	$(ON_WHEEL) $(PY) $(AGAIN) $(TESTS) $(QUICK) $(CORE:%=--ignore=%) $(ARGS)

test-pythons: wheel
	@echo "The core and its streams, on the newest other Python that is here"
	$(ON_WHEEL) $(PY) .ci/pythons.py --newest $(ON_PYTHONS)

test-notebooks: $(DEV)
	@echo "The notebooks: outputs as saved (nbval), and files as committed"
	@$(if $(NOTEBOOKS),NBSTREAM_SPEED=0 $(JUPYTER) $(PY) -m pytest -p no:cacheprovider \
		-n 2 --dist loadfile --nbval --nbval-current-env $(NOTEBOOKS))
	$(PY) .ci/execute_notebooks.py

test-slow: $(DEV)
	@echo "Tests in real kernels and a real browser"
	$(PY) tests/harness/matrix.py
	cd tests && ../$(PY) -m harness.node
	$(PY) $(AGAIN) $(SLOW) -m "(kernel or browser) and not (alone or place)"
	$(PY) $(AGAIN) $(PYTEST) -m "alone and not place"

# -- the environment: made once, and again when pyproject.toml changed ------------

$(COURSE): pyproject.toml $(VERSIONS) $(shell find .ci/venv -type f)
	@echo "Setting up .venv with JupyterLab and the SDKs (once; takes a few minutes)"
	@found=; for name in $(PYTHONS); do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then found=$$name; break; fi; done; \
	if [ -z "$$found" ]; then \
		echo "Python 3.11 or newer is missing: https://www.python.org/downloads/" >&2; \
		exit 1; fi; \
	for old in $(VENV)/course-*; do \
		if [ -e "$$old" ] && [ "$$old" != $@ ]; then rm -rf $(VENV); fi; done; \
	"$$found" -m venv $(VENV) || { \
		echo "Python cannot make environments; on Debian and Ubuntu:" \
			"sudo apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --constraint $(VERSIONS) --editable '.[all]'
	@cp -R .ci/venv/. $(VENV)/
	@touch $@

$(DEV): $(COURSE)
	@echo "Adding the test tools to .venv (once)"
	@$(PIP) install --constraint $(VERSIONS) --group dev
	@touch $@
