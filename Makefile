# Thin verbs over the packages of this workspace. `make` alone lists them.
#
# Settings are given as `make demo PORT=5001 DATA_DIR=/var/tmp/pictures`; relative paths are relative to
# the directory make runs in.

PORT     ?= 5000
DATA_DIR ?= .local
IMAGES   ?=
WEIGHTS  ?=
NETWORKS ?=
ONCE     ?=

# Only for these verbs: the tests choose their own.
demo up down: export PORT := $(PORT)
demo up down: export DATA_DIR := $(DATA_DIR)
demo up down: export IMAGES := $(IMAGES)
demo up down: export WEIGHTS := $(WEIGHTS)
demo up down: export NETWORKS := $(NETWORKS)
demo up down: export ONCE := $(ONCE)

# Compiled modules are kept: importing TensorFlow without them takes twice as long, in every process.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that fits; each is run, because a name on PATH may be a shim without a Python behind it.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 \
	&& echo "$$name" && break; done)
BIN   := .venv/bin
LOCAL := $(BIN)/python -m imagesearch_local
TESTS ?= tests
SIZES ?= 100000,1000000
MEASURED ?= 100000

.DEFAULT_GOAL := help
.PHONY: help setup setup-local lock demo up down test test-browser test-milvus test-faults test-compose test-k8s test-alerts bench bench-quick bench-milvus bench-scale quality quantise lint lint-page format docs client audit sbom

help: ## list the verbs and the settings
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=5000              where the API listens, on 127.0.0.1"
	@echo "  DATA_DIR=.local        everything the system remembers; one running stack each"
	@echo "  IMAGES=/photos         the directory to index, and the root under which pictures may be read"
	@echo "  WEIGHTS=imagenet       imagenet | a Keras .h5 file | random:SEED (an untrained network)"
	@echo "  NETWORKS=resnet50=...  networks that make up runs beside VGG16, each with its weights"
	@echo "  ONCE=1                 make demo ends after its searches"
	@echo "  TESTS=tests/unit       make test runs a part"
	@echo "  WORKERS=4              the processes that make test shares the tests out to"

setup: ## install everything, development tools included, into .venv
	@$(call install,dev)

setup-local: # what demo and up need
	@$(call install,local)

demo: setup-local ## index a directory, search it, then serve on http://127.0.0.1:PORT
	@$(LOCAL) demo

up: setup-local ## start the whole system in the foreground
	@$(LOCAL) up

down: ## stop the system of DATA_DIR
	@if ls .venv/.installed-* >/dev/null 2>&1; then $(LOCAL) down; fi

test: setup ## run every test but the long fault rounds
	@$(PYTEST) -n $(WORKERS) $(TESTS)

# Most tests wait for servers, so more processes than cores share them; a part of the tests is one process's work.
WORKERS ?= $(if $(filter tests,$(TESTS)),4,0)
PYTEST := $(BIN)/python -m pytest -m "not faults and not compose and not k8s and not browser and not alerts"

test-browser: setup ## use the page in Chromium (Debian's package chromium), against the whole system
	@$(BIN)/python -m pytest tests/browser -m browser

test-milvus: setup ## run the end-to-end tests against the real Milvus server of the milvus wheel
	@STORE=milvus $(BIN)/python -m pytest tests/e2e

test-faults: setup ## kill, freeze and restart everything in the middle of jobs, and count what is lost or wrong
	@$(BIN)/python -m pytest tests/faults -m faults

test-alerts: setup ## work out when each alert fires, with promtool (Debian's package prometheus)
	@$(BIN)/python -m pytest tests/alerts -m alerts

test-compose: setup ## build the images and run docker-compose.yml on a Docker engine; needs no registry
	@$(BIN)/python -m pytest tests/compose -m compose

test-k8s: setup ## run deploy/k8s in the cluster of KUBECONFIG, or in one that is made (tools/cluster/README.md)
	@$(BIN)/python -m pytest tests/k8s -m k8s

bench: setup ## measure speed on PHOTOS=DIR with WEIGHTS=FILE and WEIGHTS_INT8=FILE (bench/README.md)
	@$(BENCH)

bench-quick: setup ## the same of less, in some minutes
	@QUICK=1 $(BENCH)

BENCH = PYTHONPATH=tests PHOTOS=$(PHOTOS) WEIGHTS=$(WEIGHTS) WEIGHTS_INT8=$(WEIGHTS_INT8) FIGURES=$(FIGURES) \
	RESULTS=$(RESULTS) $(BIN)/python -m bench

bench-milvus: setup ## compare index types at SIZE=1000000 vectors like those of PHOTOS=DIR with WEIGHTS=FILE
	@PYTHONPATH=tests SIZE=$(SIZE) PHOTOS=$(PHOTOS) WEIGHTS=$(WEIGHTS) $(BIN)/python -m bench.milvus

bench-scale: setup ## measure what a path costs at SIZES=100000,1000000, on MEASURED=100000 of them: nothing may grow
	@PYTHONPATH=tests SIZES=$(SIZES) MEASURED=$(MEASURED) $(BIN)/python -m bench.scale

quality: setup ## judge answers over PHOTOS=DIR, one folder a class, with WEIGHTS=FILE
	@PYTHONPATH=tests PHOTOS=$(PHOTOS) WEIGHTS=$(WEIGHTS) $(BIN)/python -m bench.quality
	@PHOTOS=$(PHOTOS) WEIGHTS=$(WEIGHTS) $(BIN)/python -m bench.quality.distances

quantise: setup-local ## make 8-bit weights OUT=FILE of WEIGHTS=FILE, with the photos under PHOTOS=DIR to measure by
	@$(call install,quantise)
	@.venv/quantise/bin/python -m tools.quantise "$(WEIGHTS)" "$(PHOTOS)" "$(OUT)"

lint: setup ## check format, style, types and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

PAGE := services/api/src/imagesearch_api/page/web
# What Debian 12 has: TypeScript 4.8.
TSC  := tsc --noEmit --allowJs --checkJs --strict --target es2022 --module esnext --moduleResolution node --lib dom,dom.iterable,es2022

lint-page: ## check the types of the page (Debian's package node-typescript)
	@command -v tsc >/dev/null || { echo "tsc is not installed: apt-get install node-typescript" >&2; exit 1; }
	@$(TSC) $(PAGE)/*.js

format: setup ## rewrite the code in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: setup ## write docs/settings.md, docs/api, .env.example and the alerts of deploy/k8s again, from what they tell of
	@$(BIN)/python -m tools.settings_page
	@$(BIN)/python -m tools.env_example
	@$(BIN)/python -m tools.prometheus_rule
	@PYTHONPATH=tests $(BIN)/python -m tools.api_document

client: setup ## make the calls of Client from those of AsyncClient (docs/adr/0028-two-clients-one-text.md)
	@$(BIN)/python -m tools.blocking_client

LOCKED := api extractor extractor-gpu indexer

audit: setup ## look for known weaknesses of every pinned package; asks PyPI, and fails where one cannot be asked about
	@$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes \
		$(foreach name,$(LOCKED) dev uv,-r requirements/$(name).txt)

sbom: setup ## list what each image is made of: dist/sbom/*.json, CycloneDX
	@mkdir -p dist/sbom
	@$(foreach name,$(LOCKED),$(BIN)/cyclonedx-py requirements --output-reproducible --of JSON \
		-o dist/sbom/$(name).json requirements/$(name).txt &&) true

lock: setup ## compile requirements/*.txt again (UPGRADE=1 takes newer versions)
	@$(call compile,uv,requirements/uv.in)
	@$(call compile,checks,requirements/checks.in)
	@$(call compile,quantise,services/extractor-worker/pyproject.toml --extra int8 requirements/build.in requirements/quantise.in)
	@$(call compile,all,deploy/local/pyproject.toml services/extractor-worker/pyproject.toml --extra gpu requirements/build.in requirements/dev.in)
	@$(call compile,build,requirements/build.in,-c requirements/all.txt)
	@$(call compile,api,services/api/pyproject.toml,-c requirements/all.txt)
	@$(call compile,extractor,services/extractor-worker/pyproject.toml --extra cpu --extra onnx --extra int8,-c requirements/all.txt)
	@$(call compile,extractor-gpu,services/extractor-worker/pyproject.toml --extra gpu --extra onnx,-c requirements/all.txt)
	@$(call compile,indexer,services/indexer-worker/pyproject.toml,-c requirements/all.txt)
	@$(call compile,local,deploy/local/pyproject.toml requirements/build.in,-c requirements/all.txt)
	@$(call compile,dev,deploy/local/pyproject.toml requirements/build.in requirements/dev.in,-c requirements/all.txt)

# The workspace's own packages are left out: they are installed from the tree.
MEMBERS := imagesearch imagesearch-api imagesearch-extractor imagesearch-indexer imagesearch-client imagesearch-local
compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links $(addprefix --no-emit-package ,$(MEMBERS)) \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) $(2) $(3) --output-file requirements/$(1).txt

install = $(if $(PYTHON),$(PYTHON) requirements/install.py $(1),\
	{ echo "Python 3.11, 3.12 or 3.13 is needed and none was found; install one or name it: make PYTHON=/path" >&2; exit 1; })
