# Everything a person does here. `make serve` and `make test` work on a fresh Linux machine with Python 3.11 and make.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
TEST_MODEL := qwen2.5-coder-0.5b-instruct

.PHONY: help serve test check format browser bench lock wheel clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements-dev.lock
	$(RUN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

serve: $(VENV)/.installed ## fetch the default weights, start the server, print how to sign in
	$(RUN)/hanlin serve

test: $(VENV)/.developing check ## every test that needs no GPU and no model hub
	$(RUN)/hanlin models pull $(TEST_MODEL) whisper-base resemblyzer || echo "Without the weights the tests with a real model are skipped."
	$(RUN)/pytest -q -m "not slow" -n 2 --dist loadfile
	$(RUN)/pytest -q -m slow

check: $(VENV)/.developing ## formatting, lint, types, import contract
	$(RUN)/ruff format --check --quiet .
	$(RUN)/ruff check --quiet .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-logo

format: $(VENV)/.developing ## put the code in form
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

bench: $(VENV)/.developing ## the figures of benchmarks/README.md that need no peers
	$(RUN)/python benchmarks/bench_gateway.py

lock: $(VENV)/.developing ## renew the hashed lock files
	$(RUN)/pip-compile -q --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --extra embeddings --extra media --extra pictures --extra speech -o requirements.lock pyproject.toml
	$(RUN)/pip-compile -q --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --extra dev --extra embeddings --extra media --extra pictures --extra speech --extra postgresql --extra traces -o requirements-dev.lock pyproject.toml

wheel: $(VENV)/.installed ## build the wheel into dist/
	$(RUN)/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove the virtual environment and caches; data and weights stay
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
