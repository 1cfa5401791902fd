# The verbs of this project. `make` alone prints them.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
BENCH  := $(VENV)/.installed-bench
PEERS  := .venv-peers
EXTRAS := train,wandb,sweep,calibration,rig,stream,grpc,viewer,docs,dev

# One thread per test worker: more of them would fight for the cores that xdist already uses.
WORKERS ?= 2
PYTEST  := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: tensorrt-bindings gentl help env train test lint format types layers test-fast test-slow bench bench-peers tune-peers bench-learned bench-calibration bench-capture docs check clean

help:  ## print these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

env: $(STAMP)  ## create .venv and install exact versions (constraints.txt)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

train: env  ## train the default experiment on the built-in synthetic world; ARGS="..." overrides
	$(BIN)/python train.py experiment=ssl_multiview $(ARGS)

test: lint types layers test-fast  ## everything that must hold before a commit (under 10 minutes)

lint: env  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: env  ## let ruff rewrite the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: env  ## pyright
	$(BIN)/pyright

layers: env  ## import-linter: who may import whom
	$(BIN)/lint-imports

test-fast: env  ## pytest without the slow tests
	$(PYTEST) -n $(WORKERS)

test-slow: env  ## pytest, the slow tests alone
	$(PYTEST) -n $(WORKERS) -m "slow and not bench and not hardware" --timeout 900

$(BENCH): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench]"
	touch $@

bench: $(BENCH)  ## measure; installs the peers we compare with
	$(PYTEST) -m bench --timeout 3600

$(PEERS)/.installed: constraints-peers.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --no-deps -r constraints-peers.txt
	touch $@

bench-peers: $(STAMP) $(PEERS)/.installed  ## compare with aniposelib, Pose2Sim, EKS and pycolmap; ARGS="..."
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.peers.bench docs/benchmarks $(ARGS)

tune-peers: $(STAMP) $(PEERS)/.installed  ## choose the peers' settings on training scenes
	for world in body25b hand21-C hand21-E; do \
	  OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.peers.tune $$world $(ARGS) || exit 1; done

bench-learned: env  ## measure released bundles against the bars; ARGS="--quick"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.learned.bench docs/benchmarks $(ARGS)

tensorrt-bindings: env  ## fetch the Python bindings of TensorRT 10.16 and 11 for a test; no TensorRT, no GPU
	mkdir -p .cache/tensorrt_bindings
	for package in tensorrt_cu13_bindings==10.16.1.11 tensorrt_cu13_bindings==11.4.0.106 cuda-bindings==13.5.0 \
	  cuda-pathfinder==1.9.1; do \
	  $(BIN)/python -m pip download --quiet --no-deps -d .cache/tensorrt_bindings $$package || exit 1; done

gentl:  ## build the simulated GenTL producer with g++; ARGS="address thread" adds sanitizer builds
	$(MAKE) --no-print-directory -C deploy/gentl_simulator all $(ARGS)

bench-calibration: $(STAMP) $(PEERS)/.installed  ## calibrate beside OpenCV and aniposelib; ARGS="--only peers"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.calibration.bench $(ARGS)

bench-capture: env  ## measure capture before simulated cameras; ARGS="--realtime"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.capture.bench docs/benchmarks $(ARGS)

docs: env  ## build the documentation; warnings are errors
	$(BIN)/mkdocs build --strict

check:  ## what CI runs
	.ci/run

clean:  ## remove what tools wrote, keep .venv
	rm -rf site build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
