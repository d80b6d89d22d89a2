SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.NOTPARALLEL:

# The first of them that is installed.
PYTHON ?= $(or $(shell for name in python3.11 python3.12 python3.13; do command -v $$name && break; done),python3.11)
VENV := .venv
BIN := $(VENV)/bin
LOCKS := drift policy mlserver
# What the pipelines are compiled with is what the images are called.
IMAGES := data model drift serving dashboard
IMAGE_REPOSITORY := $(or $(VOLCAST_IMAGE_REPOSITORY),volcast)
IMAGE_TAG := $(or $(VOLCAST_IMAGE_TAG),latest)

# Each source but the sample has a store of its own, unless one is named.
ifeq ($(STORE)$(VOLCAST_STORE),)
ifneq ($(filter-out sample,$(SOURCE)),)
STORE := var/$(SOURCE)
endif
endif

# SOURCE, SOURCE_PATH, STORE and AS_OF reach every command as the settings they are.
$(foreach name,SOURCE SOURCE_PATH STORE AS_OF,$(if $($(name)),$(eval export VOLCAST_$(name) := $($(name)))))

PORT_OPTION := $(if $(PORT),--port $(PORT))

# The environment is as old as the lock it was made from: another lock, another stamp.
stamp = $(1)/.stamp-$(2)-$(shell cat requirements/bootstrap.txt requirements/$(3).txt pyproject.toml | cksum | cut -d' ' -f1)
DEV := $(call stamp,$(VENV),dev,lock)
# The drift check's detectors need other versions of nearly everything.
DRIFT_VENV := .venv-drift
DRIFT := $(call stamp,$(DRIFT_VENV),drift,drift)
# The linters of what goes to a cluster pin what they need exactly, and differently.
POLICY_VENV := .venv-policy
POLICY := $(call stamp,$(POLICY_VENV),policy,policy)
COMMA := ,
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
# Go programs, as old as the list of their versions; a machine without Go has none.
TOOLS := .tools/.stamp-$(shell cksum requirements/tools.txt | cut -d' ' -f1)
# Where the test tools were once installed they stay.
RUN := $(if $(wildcard $(VENV)/.stamp-dev-*),$(DEV),$(call stamp,$(VENV),run,lock))
# A terminal sees how far an installation is; a log does not want it.
UV_QUIET = $$([ -t 2 ] || echo --quiet)

.PHONY: help setup run evaluate ingest features train infer drift api metrics brief dash docs test test-slow test-stats test-deploy test-images test-cluster test-all bench bench-serving check lint generated policies render lock tools kind-up kind-down build

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: SOURCE=sample|csv|yfinance|synthetic SOURCE_PATH=dir STORE=dir|s3://bucket/prefix AS_OF=YYYY-MM-DD PORT=8090 PYTHON=python3.11"

setup: $(RUN) ## Make .venv from the hashed locks

run: $(RUN) $(DRIFT) ## Train if there is no champion, forecast, and print the forecast with its record
	@$(BIN)/volcast run

evaluate: $(RUN) ## Walk forward on several symbols, side by side: SYMBOLS=SPY,QQQ,IWM ABLATION=1
	@$(BIN)/volcast run --pipeline evaluate $(subst $(COMMA), ,$(SYMBOLS)) $(if $(ABLATION),--ablation)

ingest features train infer drift: $(RUN)
	@$(BIN)/volcast $@
drift: $(DRIFT)
ingest: ## Fetch rows and validate them
features: ## Compute features and labels
train: ## Train a candidate, judge it and, if it passes, promote it
infer: ## Forecast the newest session
drift: ## Compare the newest sessions with the champion's training rows

api: $(RUN) ## Serve the champion over HTTP on port 8080
	@$(BIN)/python -m serving $(PORT_OPTION)

metrics: $(RUN) ## Serve metrics of the store on port 9108
	@$(BIN)/python -m serving.exporter $(PORT_OPTION)

brief: $(RUN) ## Serve the brief of the day, and answers to questions, on port 8081
	@$(BIN)/python -m serving.brief $(PORT_OPTION)

dash: $(RUN) ## Show the forecast, its reasons and its record as a page on port 8501
	@$(BIN)/python -m serving.dashboard $(PORT_OPTION)

docs: $(DEV) ## Build the documentation as a site in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open site/index.html, or with a search: $(BIN)/python -m http.server -d site 8000"

TEST_GROUPS := slow stats deploy images cluster
PYTEST = $(BIN)/python -m pytest -n auto --dist loadgroup

test: $(DEV) $(DRIFT) ## Run the tests of the library, serving and pipelines, 10 minutes
	@$(PYTEST) -m 'not ($(subst $(SPACE), or ,$(TEST_GROUPS)))'

test-slow test-stats test-deploy test-images: test-%: $(DEV) $(DRIFT)
	@$(PYTEST) -m $*
test-slow: ## Run kills, outages, S3, several symbols and a browser
test-stats: ## Run trials with many seeds and goals on whole sets
test-deploy: ## Test chart, manifests and schedules (needs Go, promtool and amtool)
test-images: ## Build the images, and run them and compose (needs Docker)
test-cluster: $(DEV) $(DRIFT) ## Install a release on the cluster of kubectl's context, and run the steps there (needs images of `make test-images`)
	@VOLCAST_TEST_CLUSTER="$${VOLCAST_TEST_CLUSTER-$$(kubectl config current-context 2>/dev/null || true)}" \
	  $(BIN)/python -m pytest -p no:randomly -m cluster tests/cluster
test-all: test $(TEST_GROUPS:%=test-%) ## Run all of them

bench: $(DEV) $(DRIFT) ## Run the benchmarks, 16 minutes: TRIALS=60 of the drift check
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.growth
	@$(BIN)/python -m bench.brief
	@$(BIN)/python -m bench.drift $(TRIALS)

bench-serving: $(DEV) ## Measure the server against three others, 16 minutes: QUICK=1 MINUTES=10
	@$(BIN)/python -m bench.serving $(if $(QUICK),--quick) $(if $(MINUTES),--minutes $(MINUTES))

check: lint generated policies ## Lint, types, generated files that are up to date, and the policies

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

generated: $(DEV)
	@sum() { cat requirements/*.txt pipelines/compiled/* helm/volcast/files/dashboards/* helm/volcast/README.md src/volcast/core/xnys.csv | cksum; }; before=$$(sum); \
	$(MAKE) --no-print-directory lock render; \
	[ "$$before" = "$$(sum)" ] || { echo "Locks, compiled pipelines, dashboards, the chart's README or the sessions were out of date; they are new now: read the difference and commit it." >&2; exit 1; }

policies: $(DEV) $(POLICY) $(TOOLS) ## Check images, chart and manifests with schemas and linters (needs Go and promtool)
	@manifests/policies/check.sh

render: $(DEV) ## Write the compiled pipelines, dashboards, the chart's README and the sessions that are committed
	@$(BIN)/python -m pipelines.compile
	@$(BIN)/python -m serving.dashboards
	@$(BIN)/python -m docs.hooks
	@$(BIN)/python -m volcast.core.xnys

# Pure Python in source form alone: kfp and kfp-server-api. All else has a wheel wherever the images run.
lock: $(DEV) ## Make the locks from pyproject.toml; pins that still fit are kept
	@compile() { $(BIN)/uv pip compile -q "$$@" --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock"; }; \
	compile pyproject.toml --extra all --group dev -o requirements/lock.txt; \
	echo uv | compile - -o requirements/bootstrap.txt; \
	for name in $(LOCKS); do \
	  compile --group $$name -o requirements/$$name.txt \
	    $$(test ! -f requirements/$$name-overrides.txt || echo --override requirements/$$name-overrides.txt); \
	done
	@wheels() { $(BIN)/uv pip install -q --dry-run --only-binary :all: --no-binary kfp --no-binary kfp-server-api \
	  --python-version 3.11 --python-platform "$$@" --target $(VENV)/no-such-folder; }; \
	for platform in x86_64-manylinux_2_36 aarch64-manylinux_2_36; do \
	  wheels $$platform --no-deps --require-hashes -r requirements/drift.txt || exit; \
	  for image in $(filter-out drift,$(IMAGES)); do \
	    wheels $$platform -c requirements/lock.txt --group image-$$image || exit; \
	  done; \
	done

tools: $(TOOLS) ## Build helm, kustomize, kind and the linters of manifests from source (needs Go, 5 minutes, once)

kind-up: $(RUN) $(TOOLS) ## Bring volcast up on a kind cluster of its own, half an hour at first (docs/kind.md)
	@PATH="$(CURDIR)/.tools/bin:$$PATH" manifests/kind/up.sh

kind-down: ## Remove that cluster with its store and registry
	@manifests/kind/down.sh

build: ## Build the images with Docker: IMAGES="data model drift serving dashboard"
	@command -v docker >/dev/null || { echo "make build needs a Docker engine." >&2; exit 2; }
	@for name in $(IMAGES); do \
	  case $$name in serving|dashboard) from=serving;; *) from=components;; esac; \
	  echo "Building $(IMAGE_REPOSITORY)/$$name:$(IMAGE_TAG) ..." >&2; \
	  docker build --quiet --file $$from/Dockerfile --build-arg EXTRA=$$name $(if $(BASE),--build-arg BASE=$(BASE)) \
	    --build-arg INDEX_URL --build-arg SOURCE_URL=$(SOURCE_URL) \
	    --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	    --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
	    --tag $(IMAGE_REPOSITORY)/$$name:$(IMAGE_TAG) .; \
	done

$(VENV)/.stamp-%:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "volcast needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@# A venv cut short has no pip; it is made again.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing about $(if $(filter dev-%,$*),310,210) packages into $(VENV), once, 2 GB on disk ..." >&2
	@{ $(BIN)/python -m pip install -q --require-hashes -r requirements/bootstrap.txt && \
	  $(BIN)/uv pip install $(UV_QUIET) --compile-bytecode --python $(BIN)/python -e '.[all]' $(if $(filter dev-%,$*),--group dev) \
	    --constraints requirements/lock.txt --build-constraints requirements/lock.txt; } || \
	{ echo "uv could not install them; trying pip, which knows this machine's package index ..." >&2; \
	  $(BIN)/python -m pip install --no-deps --require-hashes -r requirements/lock.txt && \
	  $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .; }
	@touch $@

# Every target that needs one of them needs .venv first, which has uv.
define install_next_to
	@$(1)/bin/python -c '' 2>/dev/null || $(BIN)/uv venv -q --clear --python $(3) $(1)
	@echo "Installing $$(grep -c '==' requirements/$(2).txt) packages into $(1), once ..." >&2
	@$(BIN)/uv pip sync $(UV_QUIET) --python $(1)/bin/python --require-hashes requirements/$(2).txt || \
	{ echo "uv could not install them; trying pip, which knows this machine's package index ..." >&2; \
	  $(BIN)/python -m pip --python $(1)/bin/python install --no-deps --require-hashes -r requirements/$(2).txt; }
	@touch $@
endef

# alibi-detect needs numpy 1, which no later Python has; uv finds or fetches one that does.
$(DRIFT_VENV)/.stamp-%:
	$(call install_next_to,$(DRIFT_VENV),drift,'>=3.11$(COMMA)<3.13')
	@find $(DRIFT_VENV)/lib -type d \( -name tests -o -path '*/pyarrow/include' \) -prune -exec rm -rf {} +
	@# Nor does it use Arrow Flight, or the descriptions of AWS services but S3.
	@rm -f $(DRIFT_VENV)/lib/python*/site-packages/pyarrow/*flight*
	@find $(DRIFT_VENV)/lib -path '*/botocore/data/*' -prune -type d ! -name s3 ! -name sts ! -name 'sso*' -exec rm -rf {} +

$(POLICY_VENV)/.stamp-%:
	$(call install_next_to,$(POLICY_VENV),policy,$(BIN)/python)

$(TOOLS):
	@command -v go >/dev/null || { echo "make tools builds programs written in Go; install Go 1.24 or newer." >&2; exit 2; }
	@mkdir -p .tools/bin
	@echo "Building $$(grep -c '@' requirements/tools.txt) programs into .tools/bin, once ..." >&2
	@for program in $$(grep '@' requirements/tools.txt); do \
	  GOFLAGS=-trimpath GOBIN=$(CURDIR)/.tools/bin go install "$$program"; \
	done
	@touch $@
