# Needs make and Python 3.11 or later, nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SILENT:
.PHONY: help venv java spark35 moto demo test test-spark35 test-fast lint docs fit notebook browser bench bench-docs clean

# The first Python that is new enough and really starts: a name on the path may be a shim without a Python behind it.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.stamp
BENCH := .venv/.bench
SIZE := mini
ROUNDS := 3
PYTEST := $(BIN)/python -m pytest -n 2
OLDER := .venv-spark35
OLDER_STAMP := $(OLDER)/.stamp
MOTO := .venv-moto
MOTO_STAMP := $(MOTO)/.stamp
# This PySpark leaves sockets to the garbage collector, which a strict test run takes for a failure.
OLDER_PYTEST := $(OLDER)/bin/python -m pytest -n 2 -m spark -W ignore::pytest.PytestUnraisableExceptionWarning
OLDER_TESTS := tests/engines/test_spark.py tests/parity tests/learners/test_spark.py tests/test_score_log.py \
	tests/e2e/test_spark_learner.py tests/e2e/test_spark_cluster.py tests/e2e/test_yarn.py tests/s3/test_run.py tests/aws/test_step.py
# What every change is tried on with the older Spark, a few minutes, the longest first: a run on a cluster of its own, with
# kills, from the log to a bundle that Spark has trained; parity; trees taken out of Spark; scoring; the engine.
OLDER_CHOICE := tests/e2e/test_spark_cluster.py::test_killed_driver_and_killed_workers_change_nothing \
	tests/parity/test_spark.py::test_every_rollup_feature_label_and_fold \
	tests/parity/test_spark.py::test_one_line_one_rule tests/parity/test_spark.py::test_any_value_in_any_column \
	'tests/learners/test_spark.py::test_the_model_spark_and_onnx_give_the_same_probabilities_on_rows_held_out[gradient_boosted_trees]' \
	tests/test_score_log.py tests/engines/test_spark.py

help: ## list these targets
	sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-10s %s\n' "$$name" "$$what"; done

venv: $(STAMP) ## make .venv with the package and its tools, as pinned in constraints.txt

$(STAMP): pyproject.toml constraints.txt
	test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later found; install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		minor=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "make: $(PYTHON) has no venv, installing python$$minor-venv by apt-get"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$$minor-venv" >/dev/null; \
		else \
			echo "make: $(PYTHON) cannot make a virtual environment; install the package python3-venv as root" >&2; exit 1; \
		fi; }
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	echo "make: installing into .venv"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore -c constraints.txt -e '.[dev,notebook,web]'
	touch $@

java: ## look for the Java that Spark needs; install it by apt-get where that may be
	java="$${JAVA_HOME:+$$JAVA_HOME/bin/}java"; \
	found=$$("$$java" -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9][0-9]*\).*/\2/p' | head -n 1); \
	if [ -n "$$found" ] && [ "$$found" -lt 17 ]; then \
		echo "make: $$java is Java $$found, and Spark needs 17: its tests will be SKIPPED; put Java 17 or newer on the PATH or set JAVA_HOME" >&2; \
	elif [ -z "$$found" ] && [ -n "$$JAVA_HOME" ]; then \
		echo "make: no Java starts in JAVA_HOME ($$JAVA_HOME): the tests of Spark will be SKIPPED" >&2; \
	elif [ -z "$$found" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "make: no Java found, installing a JRE by apt-get"; \
			{ apt-get update -qq && { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless >/dev/null \
				|| DEBIAN_FRONTEND=noninteractive apt-get install -y -qq default-jre-headless >/dev/null; }; } \
				|| echo "make: that failed: the tests of Spark will be SKIPPED" >&2; \
		else \
			echo "make: no Java found and no way to install it here: the tests of Spark will be SKIPPED; install Java 17 or newer to run them" >&2; \
		fi; fi

spark35: $(OLDER_STAMP) ## make .venv-spark35, with the older Spark that the tests also run with

$(OLDER_STAMP): pyproject.toml constraints.txt $(STAMP)
	$(OLDER)/bin/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m venv --clear $(OLDER)
	echo "make: installing into $(OLDER)"
	grep -vE '^(pyspark|py4j)==' constraints.txt > $(OLDER)/constraints.txt
	$(OLDER)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore \
		-c $(OLDER)/constraints.txt -e '.[dev]' 'pyspark==3.5.9' pandas
	touch $@

moto: $(MOTO_STAMP) ## make .venv-moto, with the AWS on loopback that the tests talk to

$(MOTO_STAMP): tests/moto.txt
	test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later found; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	$(MOTO)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(MOTO)
	echo "make: installing into $(MOTO)"
	$(MOTO)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore -r tests/moto.txt
	touch $@

$(BENCH): $(STAMP)
	echo "make: installing what the benchmark's rivals need into .venv"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore -c constraints.txt -e '.[dev,bench,web]'
	touch $@

demo: $(STAMP) ## simulate a small log and run the main job on it, or on yours: make demo LOG=path (writes demo/)
ifdef LOG
	$(BIN)/churn run $(LOG) --out demo
else
	mkdir -p build
	test -f build/demo.json || $(BIN)/churn simulate build/demo.json --size mini
	$(BIN)/churn run build/demo.json --out demo
endif
	echo "make: see it in a browser: $(BIN)/churn serve demo"

test: $(BENCH) $(MOTO_STAMP) $(OLDER_STAMP) lint browser java ## lint, then all tests, some also with Spark 3.5
	mkdir -p build
	$(PYTEST) --junitxml=build/tests.xml
	echo "make: some of them again, with Spark 3.5"
	$(OLDER_PYTEST) $(OLDER_CHOICE) --junitxml=build/tests-spark35.xml
	echo "make: every check passed; results by test are in build/tests.xml and build/tests-spark35.xml"

test-spark35: java $(OLDER_STAMP) $(MOTO_STAMP) ## every test of Spark with Spark 3.5
	$(OLDER_PYTEST) $(OLDER_TESTS)

test-fast: $(STAMP) ## the tests that take no time, without lint
	$(PYTEST) -m "not slow"

lint: $(STAMP) ## style, types and import rules
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo

docs: $(STAMP) ## make docs/cli.md from the help of the commands
	$(BIN)/python -m churn.cli.reference > docs/cli.md

fit: $(STAMP) ## compare a simulated log with the real one: make fit SIZE=mini|medium|full
	mkdir -p build
	$(BIN)/churn simulate build/fit-$(SIZE).parquet --size $(SIZE)
	$(BIN)/python -m benchmarks.fit build/fit-$(SIZE).parquet

bench: $(BENCH) ## measure it beside rivals: make bench SIZE=mini|medium|full [ROUNDS=n] (writes build/bench/)
	$(BIN)/python -m benchmarks --size $(SIZE) --rounds $(ROUNDS) $(ARGS)

bench-docs: $(STAMP) ## take what make bench wrote into docs/benchmarks.md
	$(BIN)/python -m benchmarks.record

# The kernel works in notebooks/, so a path from here must be whole.
LOG_PLACE = $(if $(LOG),$(if $(filter /% s3:% s3a:%,$(firstword $(LOG))),$(LOG),$(CURDIR)/$(LOG)))

notebook: $(STAMP) ## run notebooks/tour.ipynb into build/tour.html: make notebook LOG=path (default: a simulated log)
	mkdir -p build
	CHURN_LOG="$(LOG_PLACE)" $(BIN)/python -m nbconvert --to html --execute --log-level WARN --output-dir build \
		--HTMLExporter.mathjax_url= --HTMLExporter.require_js_url= notebooks/tour.ipynb
	echo "make: see build/tour.html"

browser: $(STAMP) ## chromium, in which the tests open the report: installed where make is root, else its tests are skipped
	command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "make: installing chromium by apt-get"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		else \
			echo "make: chromium is absent, so the tests in a browser are skipped; install it as root" >&2; \
		fi; }

clean: ## remove .venv, caches and everything built
	rm -rf .venv .venv-spark35 .venv-moto build dist demo .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name .git -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +
