.DEFAULT_GOAL := help
.PHONY: help demo test check bench build clean dev

BIN := .venv/bin

help: ## Show what there is to make.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## Download the sample project from a sandbox and look at it.
	@./setup.sh
	@$(BIN)/cf-ai demo

dev:
	@./setup.sh --all

test: dev ## Run every test, with coverage; core/ must be covered whole.
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n auto --dist worksteal
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include='src/cf_ai_platform_client/core/*' --fail-under=100 --skip-covered

check: dev ## Check style, types, architecture and workflows.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	.ci/workflows

bench: dev ## Compare with the published client, side by side.
	$(BIN)/python benchmarks/compare.py

build: dev ## Build the wheel and the source distribution into dist/.
	rm -rf dist
	$(BIN)/uv build --no-build-isolation --quiet
	@ls dist

clean: ## Remove what the other targets made.
	rm -rf .venv dist build .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis cf-ai-demo cf-ai-demo-merged
