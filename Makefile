# Every target sets up what it needs: Python 3.11+ and make are enough to begin with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTO_VENV := .venv-proto
NODE_VENV := .venv-node
CHECKOV_VENV := .venv-checkov
SIMULATOR := tests/aws/node_modules
PROVIDER := tests/identity/node_modules
RECEIVER := tests/otlp/node_modules
PROTOS := $(sort $(wildcard proto/emrgateway/v1/*.proto))
# Named, since a comma would end an argument of call.
EVERYTHING := -e '.[server,sandbox,dev]'
GENERATORS := '.[proto]'
# The Spark that `make fuzz` asks: 3.5, or any other that pyspark has.
SPARK ?= 3.5
FUZZ_VENV := .venv-fuzz-$(SPARK)
MUTATION_VENV := .venv-mutation
MUTATORS := -e '.[server,dev,mutation]'
FUZZERS := -e '.[server,dev,fuzz]' 'pyspark==$(SPARK).*'
PYTEST := $(BIN)/pytest -n 4
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(VENV)/.installed ## See a policy-governed submission happen, end to end
	@$(BIN)/python deploy/demo/demo.py

.PHONY: dev
dev: $(VENV)/.installed ## Leave a sandbox and a gateway running on loopback
	@$(BIN)/emr-gateway dev --policy deploy/demo/policy --caller spiffe://local/ns/data-eng/sa/etl --label team=data-eng

.PHONY: test
test: $(VENV)/.installed | openssl ## Run the whole test suite
	@$(PYTEST)

# As many submissions as asked for; a hundredth of it are killed in the middle, and twenty restarts are rolled.
SOAK ?= 20000
.PHONY: soak
soak: $(VENV)/.installed ## Prove at length what the tests prove in short: make soak SOAK=20000
	@SOAK=$(SOAK) $(BIN)/pytest -s -m "soak or not soak" tests/soak
	@SOAK=$(SOAK) $(BIN)/pytest -s -m soak tests --ignore tests/soak

.PHONY: check
check: lint types proto-check contracts iam issuer otlp chart rules coverage compat ## Run all that CI runs

.PHONY: lint
lint: $(VENV)/.installed ## Lint and check the format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/hadolint deploy/Dockerfile

.PHONY: format
format: $(VENV)/.installed ## Format Python and protobuf files
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/buf format -w

.PHONY: types
types: $(VENV)/.installed ## Type-check
	@$(BIN)/mypy

.PHONY: contracts
contracts: $(VENV)/.installed ## Check who may import whom
	@$(BIN)/lint-imports

.PHONY: coverage
coverage: $(VENV)/.installed | openssl ## Run the tests with the branch coverage gate
	@$(PYTEST) --cov --cov-report=term:skip-covered || \
	  { echo "what failed, once more and by itself: what a busy machine did comes only once"; \
	    $(BIN)/pytest --last-failed --last-failed-no-failures none; }

.PHONY: proto
proto: $(PROTO_VENV)/.installed ## Generate the stubs
	@$(call generate,proto/python)

.PHONY: proto-check
proto-check: $(VENV)/.installed $(PROTO_VENV)/.installed ## Lint the protobuf files; check that the stubs are fresh
	@$(BIN)/buf lint
	@$(BIN)/buf format -d --exit-code
	@if [ -n "$$(git tag --list 'v*')" ]; then \
	  $(BIN)/buf breaking --against ".git#tag=$$(git describe --tags --abbrev=0 --match 'v*')"; fi
	@fresh=$$(mktemp -d) && $(call generate,$$fresh) && touch $$fresh/emrgateway/py.typed && \
	  diff -r -x __pycache__ $$fresh/emrgateway proto/python/emrgateway; \
	  status=$$?; rm -rf $$fresh; [ $$status -eq 0 ] || echo "the stubs are stale: run make proto"; exit $$status

.PHONY: compat
compat: $(VENV)/.installed | openssl ## Test client and stubs at both ends of the supported range
	@$(BIN)/python tests/compat/run.py

# The simulator, the provider and the receiver are Node programs; Node comes as a wheel, so that nothing else is needed.
.PHONY: iam
iam: $(VENV)/.installed $(SIMULATOR)/.installed ## Simulate what AWS's IAM makes of deploy/aws
	@NODE=$(CURDIR)/$(NODE_VENV)/bin/node $(BIN)/pytest tests/aws

.PHONY: issuer
issuer: $(VENV)/.installed $(PROVIDER)/.installed ## Hold the gateway against the tokens of a real OpenID provider
	@NODE=$(CURDIR)/$(NODE_VENV)/bin/node $(BIN)/pytest tests/identity/test_issuer.py

# A collector that is not ours: Elastic's mock of one.
.PHONY: otlp
otlp: $(VENV)/.installed $(RECEIVER)/.installed ## Send spans and metrics to a receiver of others' making
	@NODE=$(CURDIR)/$(NODE_VENV)/bin/node $(BIN)/pytest -n 2 tests/otlp

.PHONY: chart
chart: $(VENV)/.installed $(CHECKOV_VENV)/.installed ## Ask checkov about the chart and the image
	@CHECKOV=$(CHECKOV_VENV)/bin/checkov $(BIN)/pytest tests/deploy/test_checkov.py

.PHONY: rules
rules: $(VENV)/.installed | prometheus ## Try the alerts, and the dashboard on a live gateway, with Prometheus itself
	@promtool check rules --lint=all deploy/prometheus/rules.yaml
	@promtool test rules tests/deploy/rules.tests.yaml
	@PROMETHEUS=prometheus $(BIN)/pytest tests/deploy/test_dashboard.py

# Docker where its daemon answers, else buildah; deploy/README.md says what BUILD may hold.
IMAGE ?= emr-gateway:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
.PHONY: image
image: ## Build the container image: make image IMAGE=name:tag BUILDER=buildah BUILD='more flags'
	@builder=$(BUILDER); [ -n "$$builder" ] || \
	  for builder in docker buildah none; do $$builder info >/dev/null 2>&1 && break; done; \
	[ $$builder != none ] || \
	  { echo "make image needs docker or buildah; on Debian or Ubuntu: apt-get install buildah"; exit 1; }; \
	$$builder build -f deploy/Dockerfile -t $(IMAGE) --build-arg VERSION=$(lastword $(subst :, ,$(IMAGE))) \
	  --build-arg REVISION=$$(git rev-parse HEAD) $(BUILD) .

.PHONY: bench
bench: $(VENV)/.installed ## Measure the steps of one call beside boto3's own cost, and a whole gateway
	@$(BIN)/python -m tests.bench.steps
	@$(BIN)/python -m tests.bench.judging
	@$(BIN)/python -m tests.bench.overload
	@$(BIN)/python -m tests.bench.serving
	@$(BIN)/python -m tests.bench.watching
	@$(BIN)/python -m tests.bench.telemetry

.PHONY: fuzz
fuzz: $(FUZZ_VENV)/.installed | java ## Hold policy against Spark itself (SPARK=3.5) and the naive evaluator, at length
	@$(FUZZ_VENV)/bin/python -m pytest -n 2 tests/fuzz

.PHONY: mutation
mutation: $(MUTATION_VENV)/.installed ## Change the policy engine in a few thousand ways; see which the tests miss
	@$(MUTATION_VENV)/bin/python -m tests.mutation.run

.PHONY: clean
clean: ## Remove what make made
	rm -rf .venv .venv-* $(SIMULATOR) $(PROVIDER) $(RECEIVER) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutation .coverage*

# The tests of TLS make their certificates with it.
.PHONY: openssl
openssl:
	@command -v openssl >/dev/null || \
	  { echo "the tests need the openssl command; on Debian or Ubuntu: apt-get install openssl"; exit 1; }

.PHONY: prometheus
prometheus:
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || \
	  { echo "make rules needs prometheus and promtool; on Debian or Ubuntu: apt-get install prometheus"; exit 1; }

# Spark's own parsers run on it.
.PHONY: java
java:
	@command -v java >/dev/null || \
	  { echo "make fuzz needs Java 17 or newer; on Debian or Ubuntu: apt-get install openjdk-17-jre-headless"; exit 1; }

$(VENV)/.installed: pyproject.toml
	@$(call venv,$(VENV),$(EVERYTHING))

$(PROTO_VENV)/.installed: pyproject.toml
	@$(call venv,$(PROTO_VENV),$(GENERATORS))

$(FUZZ_VENV)/.installed: pyproject.toml
	@$(call venv,$(FUZZ_VENV),$(FUZZERS))

$(MUTATION_VENV)/.installed: pyproject.toml
	@$(call venv,$(MUTATION_VENV),$(MUTATORS))

$(NODE_VENV)/.installed: pyproject.toml
	@$(call venv,$(NODE_VENV),'.[node]')

$(CHECKOV_VENV)/.installed: pyproject.toml
	@$(call venv,$(CHECKOV_VENV),'.[checkov]')

$(SIMULATOR)/.installed: tests/aws/package.json tests/aws/package-lock.json | $(NODE_VENV)/.installed
	@$(call packages,tests/aws)

$(PROVIDER)/.installed: tests/identity/package.json tests/identity/package-lock.json | $(NODE_VENV)/.installed
	@$(call packages,tests/identity)

$(RECEIVER)/.installed: tests/otlp/package.json tests/otlp/package-lock.json | $(NODE_VENV)/.installed
	@$(call packages,tests/otlp)

# packages FOLDER: install what its lock names.
define packages
cd $(1) && PATH=$(CURDIR)/$(NODE_VENV)/bin:$$PATH npm ci --silent --no-audit --no-fund && touch node_modules/.installed
endef

# venv FOLDER WHAT: make a virtual environment with WHAT in it.
define venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")' || exit 1; \
$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
  { echo "this Python has no venv module; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }; \
echo "setting up $(1) (a minute or two the first time)"; \
$(PYTHON) -m venv $(1) && $(1)/bin/pip install --quiet --disable-pip-version-check $(2) && touch $(1)/.installed
endef

# generate FOLDER: write the stubs there.
define generate
PATH=$(CURDIR)/$(PROTO_VENV)/bin:$$PATH $(PROTO_VENV)/bin/python -m grpc_tools.protoc -I proto \
  --python_out=$(1) --grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)
endef
