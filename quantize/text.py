"""A text as a model reads it: how many tokens, and whether two models read it alike."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from quantize import tool

CHUNK_TOKENS = 512
# llama-imatrix and llama-perplexity refuse less.
FEWEST_CHUNKS = 2
# Some 2,000 chunks of English: more than anybody evaluates on, and read in seconds. What is behind
# it is not counted.
MOST_BYTES = 4 << 20
_COUNT = re.compile(r"Total number of tokens: (\d+)")


@dataclass(frozen=True)
class Text:
    """Attributes:
    sha256: of the file.
    tokens: so many of this model's, within `MOST_BYTES`.
    reading: the same for models that make the same tokens of it.
    """

    sha256: str
    tokens: int
    reading: str

    @property
    def chunks(self) -> int:
        return self.tokens // CHUNK_TOKENS


def read(tokenizer: Path, model: Path, text: Path, cancel: CancelToken) -> Text:
    """Tokenize a text with a model's vocabulary; no weights are read.

    Args:
        tokenizer: llama-tokenize.

    Raises:
        AppError: TEXT_TOO_SHORT, PATH_UNREADABLE, ENGINE_TOOL_FAILED, CANCELLED.
    """
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="paddock-text-") as folder:
        start = Path(folder) / "text.txt"
        try:
            with text.open("rb") as source, start.open("wb") as copy:
                while block := source.read(MOST_BYTES):
                    cancel.raise_if_cancelled()
                    digest.update(block)
                    if not copy.tell():
                        copy.write(block.removesuffix(b"\n"))  # as the tools do
        except OSError as error:
            reason = error.strerror or str(error)
            raise AppError(ErrorCode.PATH_UNREADABLE, path=str(text), reason=reason) from error
        tokens, reading = _tokenize(tokenizer, model, start, cancel)
    if tokens < FEWEST_CHUNKS * CHUNK_TOKENS:
        reason = f"It has {tokens} tokens, and {FEWEST_CHUNKS * CHUNK_TOKENS} are needed."
        raise AppError(ErrorCode.TEXT_TOO_SHORT, path=str(text), reason=reason)
    return Text(digest.hexdigest(), tokens, reading)


def _tokenize(tokenizer: Path, model: Path, text: Path, cancel: CancelToken) -> tuple[int, str]:
    """How many tokens, and a hash of them."""
    reading = hashlib.sha256()
    count: int | None = None

    def take(line: str) -> None:
        nonlocal count
        found = _COUNT.match(line)
        if found is not None:
            count = int(found[1])
        else:
            reading.update(line.encode())

    # As llama-perplexity and llama-imatrix read it: special tokens are plain text.
    command: list[str | Path] = [tokenizer, "-m", model, "-f", text, "--show-count", "--no-escape"]
    command += ["--no-parse-special", "--log-disable"]
    tool.run(command, cancel, take, most_lines=100)
    if count is None:
        raise tool.failed(tokenizer.name, "It did not say how many tokens the text has.")
    return count, reading.hexdigest()
