# Every target sets up what it needs and is quick the second time. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
DEV    := PYTHONPATH=dev $(BIN)/python -m
COMPILE := $(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --no-header $(addprefix --upgrade-package ,$(UPGRADE))
UV     := $(COMPILE) pyproject.toml

# What local runs install, on every platform: shipped with the package.
LOCAL_PINS := operator/src/mlrun_operator/sdk/backends/local/mlrun.txt

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@echo "==> Python environment in $(VENV)"
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed (mlrun runs on Python 3.11 only); set PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "installing Debian's python3-venv"; apt-get update -qq && apt-get install -qq -y python3-venv; }
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --require-hashes -r requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready ## The Python environment for everything below

.PHONY: demo
demo: setup ## A function becomes a Job, a pod, a dataset in S3 and a status: on a real Kubernetes
	@$(DEV) demo

.PHONY: test
test: setup lint types verify unit conformance histories charts alerts integration e2e ## All tests, from nothing: real API server, real node, real S3
	@echo "all tests passed"

.PHONY: lint
lint: setup ## ruff, import contracts, YAML, workflows
	@echo "==> lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/yamllint --strict crds charts/*/values.yaml charts/*/Chart.yaml examples
	@$(BIN)/zizmor --offline --quiet --persona=pedantic --no-progress .github

.PHONY: types
types: setup ## mypy, strict; and Pyright for the SDK as users see it
	@echo "==> types"
	@$(BIN)/mypy
	@$(BIN)/mypy tests/typing/sdk_surface.py
	@$(BIN)/basedpyright --pythonpath $(BIN)/python

.PHONY: generate
generate: setup ## Write crds/, kustomize/ and the generated pages of docs/ from the code
	@$(BIN)/python -m mlrun_operator.schema
	@$(DEV) podtypes
	@$(DEV) chartgen
	@$(DEV) docgen
	@$(DEV) dashboard
	@$(DEV) argocd snippet

.PHONY: verify
verify: setup ## Fail where generated files differ from their sources
	@echo "==> generated files"
	@$(BIN)/python -m mlrun_operator.schema --check
	@$(DEV) podtypes --check
	@$(DEV) chartgen --check
	@$(DEV) docgen --check
	@$(DEV) dashboard --check
	@$(DEV) argocd snippet --check

# What is locked stays at its version where that still fits; UPGRADE="aiohttp urllib3" moves these.
.PHONY: locks
locks: setup ## Resolve requirements/*.txt anew (UPGRADE=packages that move to their newest version)
	@echo uv | $(COMPILE) -o requirements/bootstrap.txt -
	@echo pip-audit | $(COMPILE) -o requirements/audit.txt -
	@$(UV) --extra operator --extra otel -o requirements/operator.txt
	@$(UV) --extra wrapper --extra sql -o requirements/wrapper.txt
	@$(UV) --extra mlrun -o requirements/mlrun.txt
	@$(UV) --extra mlrun --universal --no-annotate -c requirements/mlrun.txt -o $(LOCAL_PINS)
	@$(UV) --extra mlrun --extra ml -o requirements/ml.txt
	@$(UV) --extra operator --extra otel --extra sdk --extra data --extra cli --extra wrapper --extra sql --extra mlrun --extra ml --group build --group lint --group test -o requirements/dev.txt

# In an environment of its own, so that nothing that is audited has to be installed for it.
$(VENV)/audit/.ready: requirements/audit.txt
	@$(PYTHON) -m venv --clear $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch $@

.PHONY: audit
audit: $(VENV)/audit/.ready ## Compare requirements/*.txt with known advisories; fails where it cannot (OSV_URL=a mirror)
	@PYTHONPATH=dev $(VENV)/audit/bin/python -m audit

.PHONY: unit
unit: setup ## Tests that need no cluster
	@echo "==> unit tests"
	@$(BIN)/pytest -q -n 2 tests/unit tests/wrapper

.PHONY: first-hour
first-hour: setup ## From nothing to a local run with each pip that people have, timed (FIRST_HOUR=a filter of tests)
	@echo "==> the first hour"
	@$(BIN)/pytest -q -n 0 tests/install -k '$(FIRST_HOUR)'

# One process of plain mlrun beside as many wrappers at a time as there are cores (CONFORMANCE_JOBS). One program:
# `.venv/bin/pytest tests/conformance -k sweeps/grid`.
.PHONY: conformance
conformance: setup ## Small programs of every mlrun method, under plain mlrun and here: the outcomes are compared
	@echo "==> conformance with mlrun"
	@$(BIN)/pytest -q -n 0 tests/conformance

# HISTORIES is how many (2000 take a minute on two cores), FIRST the first seed.
.PHONY: histories
histories: setup ## Random histories of runs against an in-memory Kubernetes (HISTORIES=2000 FIRST=0)
	@echo "==> histories"
	@PYTHONPATH=tests $(BIN)/python -m histories --count $${HISTORIES:-2000} --first $${FIRST:-0}

.PHONY: integration
integration: cluster images ## The operator's process against the real API server
	@echo "==> integration tests"
	@$(BIN)/pytest -q -n 3 tests/integration

.PHONY: e2e
e2e: cluster images ## Whole runs on the real node
	@echo "==> end-to-end tests"
	@$(BIN)/pytest -q -n 3 tests/e2e

.PHONY: gitops
gitops: cluster images ## A real Argo CD, built from source, drives the operator from Git; Flux's kstatus judges alike
	@echo "==> GitOps tests"
	@$(BIN)/pytest -q tests/gitops

.PHONY: queueing
queueing: cluster ## A real Kueue, built from source, queues, preempts, suspends and resumes runs
	@echo "==> queueing tests"
	@$(BIN)/pytest -q -n 3 tests/queueing

.PHONY: prove
prove: cluster images ## The long proofs, hours: histories, death at every request, long outages, 2,000 runs under fire
	@PROVE=1 $(BIN)/pytest -q tests/integration/test_operator_faults.py tests/integration/test_operator_schedules.py
	@FLOOD_MIB=1024 $(BIN)/pytest -q -n 0 tests/wrapper/test_wrapper_process.py -k flood
	@PYTHONPATH=tests $(BIN)/python -m histories --count $${HISTORIES:-30000}
	@PYTHONPATH=tests $(BIN)/python -m histories --real --count $${REAL_HISTORIES:-300} --jobs 4
	@PYTHONPATH=tests $(BIN)/python -m prove

.PHONY: bench
bench: cluster images ## Latency, throughput and cost beside the floor, the usual design and the Job controller
	@PYTHONPATH=tests:dev $(BIN)/python -m bench

.PHONY: bench-sdk
bench-sdk: deploy ## Submissions a second, how late `wait` returns and log lines come
	@PYTHONPATH=tests:dev $(BIN)/python -m bench_sdk

.PHONY: bench-wrapper
bench-wrapper: setup ## Time and memory of the wrapper against a bare script
	@PYTHONPATH=tests:tests/wrapper $(BIN)/python -m bench_wrapper

.PHONY: cluster
cluster: setup ## A real Kubernetes and a real S3 (CLUSTER=embedded|current|kind)
	@$(DEV) devcluster up

.PHONY: images
images: setup ## Build the operator's and the wrapper's image and load them into the cluster (ALL_IMAGES=1: wrapper-ml, too)
	@$(DEV) devcluster images

.PHONY: reproducible
reproducible: setup ## Build every image twice from nothing and compare (IMAGE=operator: only that one)
	@$(DEV) devcluster reproduce $(IMAGE)

.PHONY: image-sizes
image-sizes: setup ## How large the built images are, and what is in them
	@$(DEV) devcluster measure

.PHONY: package
package: setup ## Wheel and sdist in dist/, with the locked build tools
	@rm -rf dist && $(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist

.PHONY: charts
charts: cluster images ## The charts: values, schemas, objects, kustomize; install, upgrade, rollback, uninstall
	@echo "==> charts"
	@$(BIN)/pytest -q tests/charts

.PHONY: alerts
alerts: setup ## Alert rules and the dashboard's questions, by Prometheus' own promtool
	@echo "==> alerts"
	@$(BIN)/pytest -q tests/alerts

.PHONY: bench-metrics
bench-metrics: setup ## What the metrics cost
	@PYTHONPATH=tests $(BIN)/python -m bench_metrics

.PHONY: deploy
deploy: cluster images ## CRDs and operator into the cluster
	@$(DEV) deploy

.PHONY: cluster-down
cluster-down: setup ## Stop the cluster and leave nothing behind
	@$(DEV) devcluster down

.PHONY: clean
clean: ## Remove caches and the environment; the downloads and builds in the user's cache stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .cluster
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
