# The commands of the project. Each sets up what it needs first; later runs start at once.
#
#     make lab ARGS=--no-browser       ARGS goes to the program that a command runs
#     make setup PYTHON=python3.13     the interpreter of an environment that is yet to be made

BIN := .venv/bin
JUPYTER := JUPYTER_CONFIG_PATH="$(CURDIR)/jupyter" $(BIN)/jupyter
LESSONS := $(sort $(wildcard notebooks/*.ipynb))
JAPANESE := $(sort $(wildcard notebooks/ja/*.ipynb))

# Bytecode is kept whatever the environment says: else every kernel and every lab server compiles the package again.
export PYTHONDONTWRITEBYTECODE :=

# Twice as many as the two cores that CI has: half of the tests mostly wait. More have not been tried.
WORKERS := 4

.PHONY: help setup lab report gallery docs dist bundle test lowest bench soak fuzz format clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s%s\n", $$1, $$2 }' Makefile

setup: ## make the private environment .venv
	@scripts/setup

lab: ## open JupyterLab at the first lesson
	@scripts/setup
	$(JUPYTER) lab --LabApp.default_url=/lab/tree/$(firstword $(LESSONS)) $(ARGS)

report: ## execute every lesson and leave its page in rendered/
	@scripts/setup
	rm -rf rendered
	@for lesson in $(LESSONS:notebooks/%.ipynb=%) $(JAPANESE:notebooks/%.ipynb=%); do \
		mkdir -p rendered/$$(dirname $$lesson); \
		$(BIN)/wslab report notebooks/$$lesson.ipynb --out rendered/$$lesson.html $(ARGS) || exit; \
	done

gallery: ## execute every lesson and leave a site of their pages and the cards in rendered/gallery/
	@scripts/setup
	rm -rf rendered/gallery
	$(BIN)/wslab gallery --out rendered/gallery $(ARGS)

docs: ## build one site of lessons, cards, field guide, how-to pages and reference; build/docs/index.html opens it
	@scripts/setup docs
	$(BIN)/sphinx-build -q -W --keep-going $(ARGS) docs build/docs

dist: ## build a wheel and an sdist, and try the wheel in an empty environment; they are in dist/
	@scripts/setup dev
	@scripts/dist

bundle: ## one archive of the repository and every wheel for this platform, for machines without a network; in dist/
	@scripts/setup dev
	@scripts/bundle

test: ## lint, check formatting and types, run every test; ARGS=--quick: those alone that open no socket
	@scripts/setup dev
	$(BIN)/python -VV
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

lowest: ## run a short set of tests on the lowest version of each requirement
	@scripts/setup dev
	@scripts/lowest $(ARGS)

bench: ## measure what the project promises, one table at the end; ARGS=--quick: in minutes; ARGS=--record: for README
	@scripts/setup dev
	@PYTHONPATH="$(CURDIR)/tests" $(BIN)/python benchmarks/run.py $(ARGS)

soak: ## everything in random order under faults, and look for what is left; 30 minutes, or ARGS='--for 5m'
	@scripts/setup dev
	$(BIN)/python tests/soak.py $(ARGS)

fuzz: ## fuzz the readers, guided by coverage; ARGS='heads --runs 1e6'. It installs atheris where that is not there
	@scripts/setup dev
	@$(BIN)/python -c 'import atheris' 2> /dev/null || $(BIN)/python -m pip install --quiet atheris
	PYTHONPATH="$(CURDIR)/tests" $(BIN)/python tests/fuzz/run.py $(ARGS)

format: ## put code into the house's form, and notebooks into that of git: without outputs
	@scripts/setup dev
	$(JUPYTER) nbconvert --clear-output --inplace $(LESSONS) $(JAPANESE)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove everything that these commands made, the environment included
	rm -rf .venv rendered docs/_generated docs/cards* docs/lessons* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
