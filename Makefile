# offctl: two commands matter, `make demo` and `make test`. Both prepare what they need.
SHELL := /bin/sh
VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: help demo test conformance coverage mutants nightly rotations stunnels proto deb deb-test integration integration-host integration-trixie integration-nightly integration-power integration-speed vm clean

help:
	@echo "make demo          the whole path on three simulated hosts, under a minute"
	@echo "make demo KEEP=1   the same, then left running for you to play with"
	@echo "make test          format, lint, types, imports, unit and component tests"
	@echo "make conformance   the verifier from outside, one process for each vector"
	@echo "make coverage      every branch of trust core, planners and guards has a test, or it fails"
	@echo "make mutants       the trust core with one thing wrong at a time: fails when no test notices"
	@echo "make nightly       the agent killed at every moment, and at 2,000 pairs of them; some minutes"
	@echo "make rotations     100 rotations of a tunnel's key under 100 requests a second (root); a quarter of an hour"
	@echo "make stunnels      tunnels between the stunnels of Debian 11, 12 and 13, every pair (root); some minutes"
	@echo "make deb           the Debian packages, into build/deb"
	@echo "make deb-test      the packages again, twice the same, and their life in clean chroots of Debian 12"
	@echo "                   and 13, booted (root; RELEASES=bookworm: of one)"
	@echo "make integration   the packages on virtual hosts with real ZFS, LXC and systemd (root, Debian)"
	@echo "make integration-host   one Proxmox host in all its parts, and tunnels between two; long"
	@echo "make integration-trixie   the part of it that is about packages, on Debian 13"
	@echo "make integration-nightly   the agent killed at every step of building a real host; long"
	@echo "make integration-power   the power of a host cut at 50 random moments; CUTS=, SEED=, SECONDS= choose"
	@echo "make integration-speed  the doors to ZFS beside forking zfs, as ratios of one run"
	@echo "make vm            three such hosts and a coordinator, left running for you to play with"
	@echo "make proto         regenerate the committed gRPC stubs"
	@echo "make clean         remove the virtual environment and caches"

$(READY): pyproject.toml requirements/debian12.txt requirements/develop.txt packaging/bootstrap
	@packaging/bootstrap $(VENV)
	@touch $@

demo: $(READY)
	@KEEP=$(KEEP) $(BIN)/python -m demo

test: $(READY)
	@$(BIN)/python -m pytest -n 2

conformance: $(READY)
	@$(BIN)/python -m conformance -- $(BIN)/python -m conformance.verifier

# Each of these rooms by the tests that are about them, every branch of it.
coverage: $(READY)
	@mkdir -p build
	@COVERAGE_FILE=build/coverage $(BIN)/python -m pytest -n 2 -p no:cacheprovider \
	    --cov --cov-config=requirements/coverage.toml --cov-report=term-missing --cov-fail-under=100 \
	    tests/trust tests/planner tests/agent tests/common tests/tunnels/test_simulated.py

mutants: $(READY)
	@PYTHONPATH=tests:. $(BIN)/python -m mutants.everywhere

nightly: $(READY)
	@PYTHONPATH=tests:. $(BIN)/python -m crash.everywhere --pairs 2000 --seconds 3600

rotations: $(READY)
	@PYTHONPATH=tests:. $(BIN)/python -m tunnels.test_rotations 100

stunnels: $(READY)
	@packaging/tools
	@PYTHONPATH=tests:. $(BIN)/python -m tunnels.versions build/stunnels

proto: $(READY)
	@$(BIN)/python packaging/stubs.py

deb:
	@packaging/deb

deb-test: $(READY)
	@RELEASES="$(RELEASES)" packaging/deb-test $(BIN)/python

# Two tests at a time: a guest that waits for its next look leaves a core idle. The first half of FLEET
# begins with what makes the scene, the second with what can do without it meanwhile.
SUITES := integration/suites
PYTEST := $(BIN)/python -m pytest -n 2 -p no:cacheprovider --durations=10
FLEET  := install service upgrade smoke reboot network power plan
HOST   := example adopt scenarios accidents pct order tunnels guests datasets containers tunnel_accidents hanging
integration: $(READY)
	@$(BIN)/python -m integration.rig build
	@$(PYTEST) --dist worksteal $(FLEET:%=$(SUITES)/test_%.py)

integration-host: $(READY)
	@$(BIN)/python -m integration.rig build
	@$(PYTEST) --dist loadfile $(HOST:%=$(SUITES)/test_%.py)

integration-trixie: $(READY)
	@RIG_RELEASE=trixie $(BIN)/python -m pytest -p no:cacheprovider --durations=10 \
	    $(SUITES)/test_smoke.py $(SUITES)/test_install.py

# Named, because it is not collected otherwise.
integration-nightly: $(READY)
	@$(BIN)/python -m pytest -p no:cacheprovider --capture=sys $(SUITES)/every_step.py

# Two hours at most, or SECONDS.
integration-power: $(READY)
	@$(BIN)/python -m pytest -p no:cacheprovider --capture=sys $(SUITES)/power_cuts.py

# COUNT=200 datasets of each kind.
integration-speed: $(READY)
	@$(BIN)/python -m pytest -p no:cacheprovider $(SUITES)/speed.py

vm: $(READY)
	@$(BIN)/python -m integration.vm

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
