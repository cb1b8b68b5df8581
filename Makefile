# Only Python 3.11+ (with venv), git and make are needed; everything else is installed below .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
EXTRA ?= cpu
LOCK = constraints/$(EXTRA).txt

# Without its caches each run compiles everything anew, and each command that a test starts does so too.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test quick check bench screenshots lock clean

install: $(VENV)/.installed

# pip refuses a project folder in hash mode, so the locks go in first, hashed, and the project after them
# without dependencies, built by the locked build tools.
$(VENV)/.installed: pyproject.toml $(LOCK) constraints/dev.txt constraints/build.txt hatch_build.py package.json package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dashcam needs Python 3.11 or newer; call: make PYTHON=python3.12 install")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r constraints/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	$(BIN)/dashcam demo $(DEMO_ARGS)

# Many of the slow tests wait for processes more than they work: three at a time keep two cores busy.
WORKERS = 3
# The fuzzing runs by itself: Hypothesis takes constants from whatever modules are loaded beside it, and would
# send other requests each time.
FUZZ = tests/server/test_schemathesis.py
test: install
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --durations=25 --durations-min=10 --ignore=$(FUZZ) $(TEST_ARGS)
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(FUZZ)

quick: install
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -p no:faker -p no:schemathesis -m "not slow" --ignore=$(FUZZ) $(TEST_ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	@for script in tests/bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Pictures of every page for the documentation, of the demo's drive.
# All of them; the best are copied to docs/pictures by hand.
SCREENSHOTS = build/screenshots
screenshots: install
	$(BIN)/python -m tests.web.screenshots $(SCREENSHOTS) $(SCREENSHOT_ARGS)

# Locks are universal (every system and Python we support), hashed, and name no index host.
UVC = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock:
	$(BIN)/python -m pip install --quiet uv
	printf 'hatchling>=1.27\neditables>=0.5\nnodejs-wheel-binaries>=22\n' | $(UVC) - -o constraints/build.txt
	$(UVC) pyproject.toml -o constraints/base.txt
	$(UVC) pyproject.toml --extra cpu -o constraints/cpu.txt
	$(UVC) pyproject.toml --extra gpu -o constraints/gpu.txt
	$(UVC) pyproject.toml --extra cpu --extra alpr -o constraints/alpr.txt
	$(UVC) pyproject.toml --extra cpu --extra dev -c constraints/cpu.txt -o constraints/dev.txt
	$(UVC) pyproject.toml --extra coral -o constraints/coral.txt
	$(UVC) pyproject.toml --extra ocr-classic -o constraints/ocr-classic.txt

clean:
	rm -rf $(VENV) build dist .demo .pytest_cache .mypy_cache .ruff_cache
