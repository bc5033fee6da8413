# Unrolled. `make html` and `make test` set themselves up; `make help` lists the rest.

PYTHON ?= python3
IN_VENV := .venv/bin/python
SITE := _build/html/index.html
export PYTHONUTF8 := 1

# The site is built again if the files that it is made of have other names, sizes or times.
LISTING := $(shell $(PYTHON) -I -S tools/listing.py)
ifneq ($(LISTING),$(shell cat _build/listing 2>/dev/null))
.PHONY: $(SITE)
endif
# Scripts and links in .venv hold absolute paths: a folder that was moved is set up anew.
ifneq ($(shell cat .venv/installed 2>/dev/null),$(CURDIR))
.PHONY: .venv/installed
endif
# So does `make html PYTHON=...` with a Python of another version.
VERSION := -c 'import sys; print(*sys.version_info[:2])'
ifeq ($(origin PYTHON),command line)
ifneq ($(shell $(PYTHON) $(VERSION)),$(shell $(IN_VENV) $(VERSION) 2>/dev/null))
.PHONY: .venv/installed
endif
endif

# Findings that did not hold are news, but not where CI is to find out.
UNMET := if [ -s _build/findings.txt ]; then cat _build/findings.txt; [ -z "$$CI" ]; fi

.PHONY: help html live pdf check test robust lint browser audit bench lock clean distclean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

html: $(SITE) ## Build the site into _build/html
	@$(UNMET)
	@echo "The site is ready: $(SITE)"

$(SITE): .venv/installed
	@$(IN_VENV) -m sphinx_lectures && echo $(LISTING) >_build/listing

.venv/installed: requirements.lock pyproject.toml tools/install.py
	@$(PYTHON) tools/install.py $(if $(filter file,$(origin PYTHON)),,named)

live: .venv/installed ## Serve the site; rebuild and reload while you edit
	@$(IN_VENV) -m sphinx_autobuild -q -d _build/doctrees_live --watch src --watch requirements.lock \
	  --ignore _build --ignore .venv --re-ignore '/__pycache__/' -D lectures_light_pages=0 \
	  --open-browser --port 0 . _build/live

pdf: html browser ## Print the book and each lecture, in full and as a hand-out, into _build/pdf
	@$(IN_VENV) tools/pdf.py "$$($(IN_VENV) tools/browser.py)" \
	  --without "docs/api*" "docs/slides*" "docs/questions*"

check: lint ## Lint, unit tests and docstrings of the library: no site, about two minutes
	@$(IN_VENV) -m pytest -q -n 2 --dist loadfile tests/unrolled src

test: html lint browser ## Lint, strict build, unit tests, doctests, tests of the built site
	@$(IN_VENV) -m pytest -n 2 --dist loadfile tests/unrolled src --cov
	@$(IN_VENV) -m pytest -n 2 --dist loadfile --ignore tests/unrolled tests
	@$(UNMET)
	@echo "Passed: lint, the strict build with every check on its pages, and the tests above."

robust: .venv/installed ## Run all pages as other processors and with other seeds (hours; resumes)
	@$(IN_VENV) tools/robust.py $(ROBUST)

lint: .venv/installed ## Check style, formatting and types
	@$(IN_VENV) -m ruff check --quiet . && $(IN_VENV) -m ruff format --quiet --check . \
	  && $(IN_VENV) -m mypy --no-error-summary

browser: .venv/installed
	@$(IN_VENV) tools/browser.py >/dev/null

audit: html browser ## Lighthouse over every page (needs node)
	@command -v npx >/dev/null || { echo "make audit needs node: sudo apt-get install nodejs npm"; exit 1; }
	@CHROME_PATH="$$($(IN_VENV) tools/browser.py)" node tests/audit.mjs

bench: .venv/installed ## Print how long builds and the library take, as ratios
	@for part in benchmarks/*.py; do $(IN_VENV) "$$part" || exit 1; done

lock: .venv/installed ## Write requirements.lock anew from pyproject.toml
	@$(IN_VENV) -m uv pip compile --quiet --universal --upgrade --fork-strategy fewest \
	  --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra test \
	  pyproject.toml -o requirements.lock

clean: ## Remove what was built, outputs of cells included
	@rm -rf _build

distclean: clean ## Remove .venv as well
	@rm -rf .venv .venv.previous src/*.egg-info
