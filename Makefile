# make setup        install pinned packages into .venv and build the ROS messages into .overlay
# make demo         track, refine and score a drawn scene, or a sequence: make demo SEQUENCE=path/to/MOT17-09-FRCNN
# make test         run all tests, or some: make test ARGS='test/tracking -k parity'
# make test-lowest  run the tests without ROS with the lowest supported versions of packages
# make test-extra   run the tests that need other trackers and detection libraries
# make lint         check style, types and import layers
# make format       format the code
# make docs         write the documentation site to site/
# make bench        run the benchmarks, beside other trackers: make bench WEIGHTS=path/to/osnet.pth
# make lock         resolve requirements/*.txt and write versions and hashes to requirements/lock
# make audit        look up known vulnerabilities of the locked packages
# make clean        remove environments, builds and caches
#
# ROS_DISTRO=kilted     use another ROS distribution, in a separate environment
# PYTHON=python3.12     create the environments with another interpreter
# PIP_ARGS=...          options for pip, such as --extra-index-url for PyTorch's CPU builds

PYTHON ?= python3
PIP_ARGS ?=
SEQUENCE ?=
WEIGHTS ?=
ARGS ?=

# Only the command line counts: the environment has the name of the sourced ROS installation.
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
EXTRA := .venv-extra
TOOLS := .tools
PIP := python -m pip --disable-pip-version-check -qq
# The lock lists all packages; pip rejects files with other hashes.
LOCKED := --require-hashes --no-deps
WHEELS := $(LOCKED) --only-binary :all:
# Environment variables of ROS.
ROS := . $(OVERLAY)/env.sh &&

# A sourced ROS installation is not used: its packages are for another Python.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH ROS_DISTRO

LOCK := requirements/lock
TORCH := $(shell sed -n 's/^torch==//p' requirements/runtime.txt)
INTERFACES := CMakeLists.txt package.xml tools/build_overlay.py \
	$(wildcard msg/* srv/* action/* config/* launch/* scripts/* tools/vision_msgs/* tools/vision_msgs/msg/*)

.PHONY: setup demo test test-lowest test-extra lint format docs bench lock audit clean

setup: $(OVERLAY)/.built

# Create an environment in folder $(1) and install PyTorch: without a GPU the CPU build, if pip finds
# it.
define make-environment
@$(PYTHON) -m venv $(1)
@if nvidia-smi --list-gpus >/dev/null 2>&1 \
	|| ! $(1)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) -r $(LOCK)/torch-cpu.txt 2>/dev/null; then \
	echo "Installing PyTorch with CUDA: there is a GPU, or pip finds no locked CPU build"; \
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

# Without the first variable message fields accept any type. One thread per process is fastest for
# small networks in several processes.
test: setup
	@$(ROS) ROS_PYTHON_CHECK_FIELDS=1 OMP_NUM_THREADS=1 python -m pytest $(ARGS)

# Without ARGS, on Jazzy, and with a Python for which the lowest versions have wheels.
ifeq ($(strip $(ARGS)$(SUFFIX)),)
ifneq ($(shell $(PYTHON) -c 'import sys; print(sys.version_info < (3, 13))'),False)
test: test-lowest
endif
endif

# Tests of these folders that need ROS, PyTorch or TrackEval are skipped with the reason.
LOWEST_TESTS := $(addprefix test/,bags camera_motion cli evaluation files messages online \
	refinement reid replay tools tracking test_packages.py test_pipeline.py test_public_api.py \
	test_settings.py test_strongsort.py)

test-lowest: $(LOWEST)/.installed
	@PYTHONPATH='$(CURDIR)' OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest \
		--allow-missing-packages $(LOWEST_TESTS) $(ARGS)

$(LOWEST)/.installed: $(LOCK)/lowest.txt
	@echo "Installing the lowest versions into $(LOWEST)"
	@$(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/$(PIP) install $(PIP_ARGS) $(WHEELS) -r $<
	@touch $@

# The libraries of $(EXTRA) need other versions than the lock has.
test-extra: $(EXTRA)/.installed
	@PYTHONPATH='$(CURDIR)' OMP_NUM_THREADS=1 $(EXTRA)/bin/python -m pytest --allow-missing-packages \
		test/examples test/test_adapters.py test/test_deepsort.py \
		test/experiments/test_comparison.py $(ARGS)

$(EXTRA)/.installed: requirements/extra.txt
	$(call make-environment,$(EXTRA))
	@$(EXTRA)/bin/$(PIP) install $(PIP_ARGS) torch==$(TORCH) -r requirements/extra.txt
	@touch $@

lint: setup
	@$(ROS) ruff check .
	@$(ROS) ruff format --check .
	@$(ROS) mypy
	@$(ROS) lint-imports

format: setup
	@$(ROS) ruff check --fix .
	@$(ROS) ruff format .

docs: setup
	@$(ROS) NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "The site is in site/index.html"

bench: setup $(PEERS)/.installed
	@$(ROS) python benchmarks/association.py --peers $(PEERS)
	@$(ROS) python benchmarks/assignment.py
	@$(ROS) python benchmarks/accuracy.py --only clean --peers $(PEERS)
	@$(ROS) python benchmarks/camera_motion.py
	@$(ROS) python benchmarks/camera_motion_drive.py
	@$(ROS) python benchmarks/refinement.py --peers $(PEERS)
	@$(ROS) python benchmarks/aflink.py
	@$(ROS) python benchmarks/aflink_scores.py
	@$(ROS) python benchmarks/accuracy.py --links --trackers strongsort robust
	@$(if $(WEIGHTS),$(ROS) python benchmarks/reid.py $(WEIGHTS) --boxmot-python $(PEERS)/bin/python)
	@$(ROS) python benchmarks/threads.py
	@$(ROS) python benchmarks/node_latency.py
	@$(ROS) python benchmarks/node_soak.py

# Other trackers for comparison, in an environment of their own: they need other versions.
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
	rm -rf .venv* .overlay* $(PEERS) $(TOOLS) build install log dist site demo_output *.egg-info \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
