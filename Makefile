# On a fresh machine with Python and make, each of these does all that is missing first.
# ARGS goes on to the program: make test ARGS="-k settings", make run ARGS="serve --port 9000"
.PHONY: run test setup lint clean

run:
	@packaging/setup.sh run paddock $(ARGS)

test:
	@packaging/setup.sh run pytest $(ARGS)

setup:
	@packaging/setup.sh sync

lint:
	@packaging/setup.sh run ruff check
	@packaging/setup.sh run ruff format --check
	@packaging/setup.sh run mypy

# The compiled engine stays in uv's cache: making the environment again takes seconds.
clean:
	rm -rf .venv .uv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find desktop quantize tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +
