# Every target creates or refreshes the virtual environment it needs.
PYTHON ?= python3
VENV := .venv
BENCH_VENV := .venv-bench
NIQUESTS_VENV := .venv-niquests
LOWEST_VENV := .venv-lowest
BIN := $(VENV)/bin
# nltk (of llama-index-core) refuses files that are hard links, which is how uv installs by default.
export UV_LINK_MODE := copy

.PHONY: demo test check test-ray test-niquests test-lowest lint bench notebooks docs serve clean
.DEFAULT_GOAL := demo

define CHECK_PYTHON
@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) was not found; install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than Python 3.11; say make PYTHON=/path/to/a/newer/python"; exit 1; }
endef

$(VENV)/.ready: pyproject.toml
	$(CHECK_PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || { echo "make: the package index could not be reached; check the network and any proxy settings"; exit 1; }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[all]" --group test --group lint --group typing
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/python examples/quickstart.py

# The weights of the small models are fetched once into the user's cache; tests reach no network.
test: $(VENV)/.ready
	@$(BIN)/python -m azure_inference_local models pull smollm2-135m
	@$(BIN)/python -m azure_inference_local models pull minilm-l6-v2-int8
	$(BIN)/python -X dev -m pytest

# What to run while writing: all but what is marked slow. It needs no weights.
check: lint
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile -q

# Ingestion on a local Ray with two workers; Ray is not installed for anything else.
test-ray: $(VENV)/.ray
	$(BIN)/python -m pytest tests/llamaindex/test_ray.py

$(VENV)/.ray: $(VENV)/.ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group ray
	@touch $@

# Where niquests is installed, urllib3-future is what the name urllib3 means; so the environment is one of its own.
test-niquests: $(NIQUESTS_VENV)/.ready
	$(NIQUESTS_VENV)/bin/python -X dev -m pytest tests/core/test_niquests.py

# niquests comes second: urllib3-future replaces the files of urllib3.
$(NIQUESTS_VENV)/.ready: pyproject.toml
	$(CHECK_PYTHON)
	@test -x $(NIQUESTS_VENV)/bin/python || $(PYTHON) -m venv $(NIQUESTS_VENV)
	@$(NIQUESTS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(NIQUESTS_VENV)/bin/uv pip install --quiet --python $(NIQUESTS_VENV)/bin/python --editable . pytest pytest-asyncio pytest-socket pytest-timeout trustme
	@$(NIQUESTS_VENV)/bin/uv pip install --quiet --python $(NIQUESTS_VENV)/bin/python --reinstall-package urllib3-future niquests
	@touch $@

# The oldest versions that pyproject.toml allows, and the main job with them.
test-lowest: $(LOWEST_VENV)/.ready
	$(LOWEST_VENV)/bin/python -m pytest -m "not slow" -n 2 --dist loadfile -q $(LOWEST_TESTS)
	@$(LOWEST_VENV)/bin/python examples/quickstart.py

LOWEST_TESTS := tests/test_alike.py tests/core tests/langchain/test_chat_models.py tests/langchain/test_embeddings.py \
	tests/llamaindex/test_chat.py tests/llamaindex/test_embedding.py tests/local/test_server.py

$(LOWEST_VENV)/.ready: pyproject.toml
	$(CHECK_PYTHON)
	@test -x $(LOWEST_VENV)/bin/python || $(PYTHON) -m venv $(LOWEST_VENV)
	@$(LOWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(LOWEST_VENV)/bin/uv pip install --quiet --python $(LOWEST_VENV)/bin/python --resolution lowest-direct --editable ".[all]"
	@$(LOWEST_VENV)/bin/uv pip install --quiet --python $(LOWEST_VENV)/bin/python hypothesis pytest pytest-asyncio pytest-socket pytest-timeout pytest-xdist
	@touch $@

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/quickstart.py
	$(BIN)/mypy --strict --config-file= --follow-imports=silent tests/types/*.py
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: $(BENCH_VENV)/.ready
	@$(BENCH_VENV)/bin/python benchmarks/run.py; first=$$?; $(BENCH_VENV)/bin/python benchmarks/local_endpoint.py && exit $$first

$(BENCH_VENV)/.ready: pyproject.toml Makefile
	$(CHECK_PYTHON)
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(BENCH_VENV)/bin/uv pip install --quiet --python $(BENCH_VENV)/bin/python --editable ".[langchain,llamaindex,local]" --group bench
	@touch $@

# The better of the small models, so that a reader can follow the answers; without a network, the one that is here.
notebooks: $(VENV)/.notebooks
	@$(BIN)/python -m azure_inference_local models pull qwen2.5-coder-0.5b || true
	@$(BIN)/python notebooks/execute.py

$(VENV)/.notebooks: $(VENV)/.ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group notebooks
	@touch $@

docs: $(VENV)/.docs
	@$(BIN)/python docs/reference.py

$(VENV)/.docs: $(VENV)/.ready
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group docs
	@touch $@

serve: $(VENV)/.ready
	@$(BIN)/python -m azure_inference_local serve

clean:
	rm -rf $(VENV) $(BENCH_VENV) $(NIQUESTS_VENV) $(LOWEST_VENV)
