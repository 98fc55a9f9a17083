# make setup    an environment in .venv, from pinned requirements, and the ROS messages in .overlay
# make demo     the whole job on a drawn scene, or on real frames: make demo SEQUENCE=path/to/MOT17-09-FRCNN
# make test     every test; one: make test ARGS='test/tracking -k parity'
# make lint     style, types and import walls
# make bench    minutes of measurements, beside other trackers: make bench WEIGHTS=path/to/osnet.pth
# make lock     write down what the environment holds, after requirements have changed
# make clean    remove what was made
#
# PYTHON=python3.12     make the environment from another interpreter
# PIP_ARGS=...          for pip, as --extra-index-url with the index of PyTorch's CPU builds

PYTHON ?= python3
PIP_ARGS ?=
SEQUENCE ?=
WEIGHTS ?=
ARGS ?=

VENV := .venv
OVERLAY := .overlay
PEERS := .peers
PIP := python -m pip --disable-pip-version-check -qq
# Everything that runs ROS runs in this environment.
ROS := . $(OVERLAY)/env.sh &&

# A ROS installation that is sourced stays out: its packages are of another Python.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH

REQUIREMENTS := pyproject.toml $(wildcard requirements/*.txt)
TORCH := $(shell sed -n 's/^torch==//p' requirements/runtime.txt)
INTERFACES := CMakeLists.txt package.xml tools/build_overlay.py \
	$(wildcard msg/* srv/* action/* config/* launch/* scripts/* tools/vision_msgs/* tools/vision_msgs/msg/*)

.PHONY: setup demo test lint format bench lock clean

setup: $(OVERLAY)/.built

# An environment in folder $(1), with PyTorch first: the CPU build where there is no GPU, if an index
# or a folder that pip knows has it.
define make-environment
@$(PYTHON) -m venv $(1)
@nvidia-smi --list-gpus >/dev/null 2>&1 \
	|| $(1)/bin/$(PIP) install $(PIP_ARGS) torch==$(TORCH)+cpu 2>/dev/null \
	|| echo "No CPU build of PyTorch found: installing the larger one (see PIP_ARGS in the Makefile)"
endef

$(VENV)/.installed: $(REQUIREMENTS)
	@$(PYTHON) tools/check_machine.py
	@echo "Installing packages into $(VENV)"
	$(call make-environment,$(VENV))
	@$(VENV)/bin/$(PIP) install $(PIP_ARGS) -c requirements/lock.txt \
		-r requirements/runtime.txt -r requirements/ros.txt -r requirements/dev.txt
	@$(VENV)/bin/$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(OVERLAY)/.built: $(VENV)/.installed $(INTERFACES)
	@echo "Building messages into $(OVERLAY)"
	@$(VENV)/bin/python tools/build_overlay.py $(OVERLAY)
	@touch $@

demo: setup
	@$(ROS) python tools/demo.py $(if $(SEQUENCE),--sequence '$(SEQUENCE)') $(ARGS)

# Field checks: message setters take any type otherwise.
test: setup
	@$(ROS) ROS_PYTHON_CHECK_FIELDS=1 python -m pytest $(ARGS)

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
	@$(if $(WEIGHTS),$(ROS) python benchmarks/reid.py $(WEIGHTS) --boxmot-python $(PEERS)/bin/python)
	@$(ROS) python benchmarks/node_latency.py

# Other trackers, to measure beside; boxmot and the rest disagree with our pins.
$(PEERS)/.installed: benchmarks/peers_requirements.txt
	$(call make-environment,$(PEERS))
	@$(PEERS)/bin/$(PIP) install $(PIP_ARGS) torch==$(TORCH) -r benchmarks/peers_requirements.txt
	@touch $@

lock: setup
	@$(VENV)/bin/python tools/lock_requirements.py > requirements/lock.new
	@mv requirements/lock.new requirements/lock.txt

clean:
	rm -rf $(VENV) $(OVERLAY) $(PEERS) build install log dist demo_output *.egg-info \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
