# make setup    an environment in .venv, from pinned requirements, and the ROS messages in .overlay
# make demo     the whole job on a drawn scene, or on real frames: make demo SEQUENCE=path/to/MOT17-09-FRCNN
# make test     every test, and those of the lowest versions; one: make test ARGS='test/tracking -k parity'
# make test-lowest  tests without ROS on the lowest versions of packages, those of Ubuntu 24.04
# make lint     style, types and import walls
# make bench    minutes of measurements, beside other trackers: make bench WEIGHTS=path/to/osnet.pth
# make lock     write down what requirements resolve to, and the hashes, after they have changed
# make audit    ask whether vulnerabilities of what is locked are known
# make clean    remove what was made
#
# ROS_DISTRO=kilted     on another distribution of ROS, with an environment of its own
# PYTHON=python3.12     make the environment from another interpreter
# PIP_ARGS=...          for pip, as --extra-index-url with the index of PyTorch's CPU builds

PYTHON ?= python3
PIP_ARGS ?=
SEQUENCE ?=
WEIGHTS ?=
ARGS ?=

# In the environment the name is that of the ROS installation that is sourced, which stays out.
ifneq ($(origin ROS_DISTRO),command line)
ROS_DISTRO := jazzy
endif
ifeq ($(filter jazzy kilted,$(ROS_DISTRO)),)
$(error ROS_DISTRO=$(ROS_DISTRO) is not supported: jazzy or kilted)
endif
SUFFIX := $(if $(filter-out jazzy,$(ROS_DISTRO)),-$(ROS_DISTRO))

VENV := .venv$(SUFFIX)
OVERLAY := .overlay$(SUFFIX)
PEERS := .peers
LOWEST := .venv-lowest
TOOLS := .tools
PIP := python -m pip --disable-pip-version-check -qq
# From the lock, which is complete: no file whose hash is not in it.
LOCKED := --require-hashes --no-deps
WHEELS := $(LOCKED) --only-binary :all:
# Everything that runs ROS runs in this environment.
ROS := . $(OVERLAY)/env.sh &&

# A ROS installation that is sourced stays out: its packages are of another Python.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH ROS_DISTRO

LOCK := requirements/lock
TORCH := $(shell sed -n 's/^torch==//p' requirements/runtime.txt)
INTERFACES := CMakeLists.txt package.xml tools/build_overlay.py \
	$(wildcard msg/* srv/* action/* config/* launch/* scripts/* tools/vision_msgs/* tools/vision_msgs/msg/*)

.PHONY: setup demo test test-lowest lint format bench lock audit clean

setup: $(OVERLAY)/.built

# An environment in folder $(1), with PyTorch first: the CPU build where there is no GPU, if an index
# or a folder that pip knows has it.
define make-environment
@$(PYTHON) -m venv $(1)
@if nvidia-smi --list-gpus >/dev/null 2>&1 \
	|| ! $(1)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) -r $(LOCK)/torch-cpu.txt 2>/dev/null; then \
	echo "Installing PyTorch with CUDA: there is a GPU, or no CPU build whose hash is known"; \
	$(1)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) -r $(LOCK)/torch.txt; \
fi
endef

$(VENV)/.installed: pyproject.toml $(wildcard $(LOCK)/*.txt)
	@$(PYTHON) tools/check_machine.py
	@echo "Installing packages into $(VENV)"
	$(call make-environment,$(VENV))
	@$(VENV)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) \
		-r $(LOCK)/common.txt -r $(LOCK)/$(ROS_DISTRO).txt
	@$(VENV)/bin/$(PIP) install $(PIP_ARGS) $(LOCKED) --no-build-isolation -r $(LOCK)/sources.txt
	@$(VENV)/bin/$(PIP) install --no-deps --no-build-isolation --editable .
	@$(VENV)/bin/python -m pip --disable-pip-version-check check
	@touch $@

$(OVERLAY)/.built: $(VENV)/.installed $(INTERFACES)
	@echo "Building messages into $(OVERLAY)"
	@$(VENV)/bin/python tools/build_overlay.py $(OVERLAY)
	@touch $@

demo: setup
	@$(ROS) python -m tools.demo $(if $(SEQUENCE),--sequence '$(SEQUENCE)') $(ARGS)

# Field checks: message setters take any type otherwise. One thread for each process: small networks
# spend more time waiting for threads than they save by them, beside nodes that want the cores, too.
test: setup
	@$(ROS) ROS_PYTHON_CHECK_FIELDS=1 OMP_NUM_THREADS=1 python -m pytest $(ARGS)

# Without arguments, on the first distribution, and where these old versions have wheels.
ifeq ($(strip $(ARGS)$(SUFFIX)),)
ifneq ($(shell $(PYTHON) -c 'import sys; print(sys.version_info < (3, 13))'),False)
test: test-lowest
endif
endif

# What needs neither ROS, PyTorch nor TrackEval; a test that does is skipped and says so.
LOWEST_TESTS := $(addprefix test/,bags camera_motion cli evaluation files messages online \
	refinement reid replay tools tracking test_packages.py test_pipeline.py)

test-lowest: $(LOWEST)/.installed
	@PYTHONPATH='$(CURDIR)' OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest \
		--allow-missing-packages $(LOWEST_TESTS) $(ARGS)

$(LOWEST)/.installed: $(LOCK)/lowest.txt
	@echo "Installing the lowest versions into $(LOWEST)"
	@$(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) -r $<
	@touch $@

lint: setup
	@$(ROS) ruff check .
	@$(ROS) ruff format --check .
	@$(ROS) mypy
	@$(ROS) lint-imports

format: setup
	@$(ROS) ruff check --fix .
	@$(ROS) ruff format .

bench: setup $(PEERS)/.installed
	@$(ROS) python benchmarks/association.py --peers $(PEERS)
	@$(ROS) python benchmarks/camera_motion.py
	@$(ROS) python benchmarks/refinement.py --peers $(PEERS)
	@$(ROS) python benchmarks/aflink.py
	@$(ROS) python benchmarks/aflink_scores.py
	@$(if $(WEIGHTS),$(ROS) python benchmarks/reid.py $(WEIGHTS) --boxmot-python $(PEERS)/bin/python)
	@$(ROS) python benchmarks/threads.py
	@$(ROS) python benchmarks/node_latency.py
	@$(ROS) python benchmarks/node_soak.py

# Other trackers, to measure beside; boxmot and the rest disagree with our pins.
$(PEERS)/.installed: benchmarks/peers_requirements.txt
	$(call make-environment,$(PEERS))
	@$(PEERS)/bin/$(PIP) install $(PIP_ARGS) torch==$(TORCH) -r benchmarks/peers_requirements.txt
	@touch $@

$(TOOLS)/.installed: $(LOCK)/tools.txt
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) -r $<
	@touch $@

lock: $(TOOLS)/.installed
	@$(TOOLS)/bin/python tools/lock_requirements.py $(PIP_ARGS)

audit: $(TOOLS)/.installed
	@$(TOOLS)/bin/python tools/audit.py $(ARGS)

clean:
	rm -rf .venv* .overlay* $(PEERS) $(TOOLS) build install log dist demo_output *.egg-info \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
