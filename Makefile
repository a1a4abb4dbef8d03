# The commands of the project. Each sets up what it needs first; later runs start at once.
#
#     make lab ARGS=--no-browser       pass ARGS on to the program
#     make setup PYTHON=python3.13     choose the interpreter of a new environment

BIN := .venv/bin
JUPYTER := JUPYTER_CONFIG_PATH="$(CURDIR)/jupyter" $(BIN)/jupyter
LESSONS := $(sort $(wildcard notebooks/*.ipynb))
JAPANESE := $(sort $(wildcard notebooks/ja/*.ipynb))

# Always write bytecode, or every kernel and every lab server compiles the package again.
export PYTHONDONTWRITEBYTECODE :=

# Twice the two cores of CI, because half of the tests mostly wait. Five are faster, and starve some of these.
WORKERS := 4

.PHONY: help setup lab report gallery docs dist bundle test lowest bench soak fuzz format clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s%s\n", $$1, $$2 }' Makefile

setup: ## create the private environment .venv
	@scripts/setup

lab: ## open JupyterLab at the first lesson
	@scripts/setup
	$(JUPYTER) lab --LabApp.default_url=/lab/tree/$(firstword $(LESSONS)) $(ARGS)

report: ## execute every lesson; pages in rendered/
	@scripts/setup
	rm -rf rendered
	@for lesson in $(LESSONS:notebooks/%.ipynb=%) $(JAPANESE:notebooks/%.ipynb=%); do \
		mkdir -p rendered/$$(dirname $$lesson); \
		$(BIN)/wslab report notebooks/$$lesson.ipynb --out rendered/$$lesson.html $(ARGS) || exit; \
	done

gallery: ## execute every lesson; a site of them and the cards in rendered/gallery/
	@scripts/setup
	rm -rf rendered/gallery
	$(BIN)/wslab gallery --out rendered/gallery $(ARGS)

docs: ## build the site of lessons, cards, how-to pages and reference; open build/docs/index.html
	@scripts/setup docs
	$(BIN)/sphinx-build -q -W --keep-going $(ARGS) docs build/docs

dist: ## build wheel and sdist into dist/, and try the wheel in an empty environment
	@scripts/setup dev
	@scripts/dist

bundle: ## pack the repository and all wheels for this platform into dist/, for use without a network
	@scripts/setup dev
	@scripts/bundle

test: ## lint, check formatting and types, run the tests; ARGS=--quick: only those without sockets
	@scripts/setup dev
	$(BIN)/python -VV
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

lowest: ## run a short set of tests on the lowest version of each requirement
	@scripts/setup dev
	@scripts/lowest $(ARGS)

bench: ## measure each promise; ARGS=--quick: in minutes; ARGS='echo relay'; ARGS=--record: keep the results
	@scripts/setup dev
	@PYTHONPATH="$(CURDIR)/tests" $(BIN)/python benchmarks/run.py $(ARGS)

soak: ## run everything in random order under faults and look for leaks; 30 minutes, or ARGS='--for 5m'
	@scripts/setup dev
	$(BIN)/python tests/soak.py $(ARGS)

fuzz: ## fuzz the readers, guided by coverage; ARGS='heads --runs 1e6'; installs atheris if missing
	@scripts/setup dev
	@$(BIN)/python -c 'import atheris' 2> /dev/null || $(BIN)/python -m pip install --quiet atheris
	PYTHONPATH="$(CURDIR)/tests" $(BIN)/python tests/fuzz/run.py $(ARGS)

format: ## format the code, and clear the notebooks of outputs
	@scripts/setup dev
	$(JUPYTER) nbconvert --clear-output --inplace $(LESSONS) $(JAPANESE)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove everything that these commands made, .venv included
	rm -rf .venv rendered docs/_generated docs/cards* docs/lessons* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
