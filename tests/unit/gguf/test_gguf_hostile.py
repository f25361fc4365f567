"""Whatever a header claims, the real child gives a summary or a refusal, in bounded memory.

The parser's own tests mutate bytes; here whole headers are made wrong on purpose (counts, sizes,
offsets, types, keys) and then cut and spoiled, and go through the child as a stranger's file does.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.header import NeedMoreBytes
from desktop.core.gguf.reader import MEMORY_LIMIT_BYTES, HeaderReader
from desktop.core.gguf.shape import ModelShape
from tests.helpers.gguf_files import (
    ARR,
    BOOL,
    F32,
    I32,
    STR,
    U8,
    U16,
    U32,
    U64,
    Gguf,
    TensorSpec,
    tiny_llama,
)

EXAMPLES = 800
REFUSALS = {
    ErrorCode.GGUF_EMPTY,
    ErrorCode.GGUF_NOT_GGUF,
    ErrorCode.GGUF_VERSION,
    ErrorCode.GGUF_TRUNCATED,
    ErrorCode.GGUF_HOSTILE,
    ErrorCode.GGUF_TYPE_UNKNOWN,
}
EVIL = [0, 1, 31, 255, 1 << 16, (1 << 31) - 1, 1 << 32, 1 << 48, (1 << 63) - 1, 1 << 63]
EVIL += [(1 << 64) - 1, (1 << 64) - 32]  # -1 and -32, read as what they are not

_RIGHT = tiny_llama(n_layers=1, hidden=64, feed_forward=64, type_name="Q8_0")
_number = st.one_of(st.sampled_from(EVIL), st.integers(0, 4096))
_small = st.sampled_from([0, 1, 2, 32, 256, (1 << 31) - 1, (1 << 32) - 1])


@st.composite
def _tensor(draw: Any) -> TensorSpec:
    """One that may be anywhere, of any size and type; names repeat."""
    name = draw(st.sampled_from(["token_embd.weight", "output.weight", "blk.0.attn_q.weight", ""]))
    if draw(st.booleans()):
        name = f"blk.{draw(_small)}.{draw(st.sampled_from(['ffn_up_exps', 'attn_k', 'x' * 300]))}"
    dims = draw(st.one_of(st.just([32, 2]), st.lists(_number, min_size=0, max_size=6)))
    offset = draw(st.one_of(st.none(), _number, st.integers(0, 64).map(lambda place: place * 32)))
    kind = draw(st.sampled_from(["F32", "F16", "Q8_0", "Q4_K"]))
    number = draw(st.one_of(st.none(), st.integers(0, 60), st.sampled_from([255, 256, 1 << 31])))
    return TensorSpec(name, dims, kind, b"", offset, number)


_values = st.one_of(
    st.tuples(st.just(U32), _small),
    st.tuples(st.just(U64), _number),
    st.tuples(st.just(I32), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.tuples(st.just(BOOL), st.booleans()),
    st.tuples(st.just(F32), st.floats(width=32)),
    st.tuples(st.just(STR), st.text(max_size=20)),
    st.tuples(
        st.just(ARR), st.tuples(st.just(I32), st.lists(st.integers(-9, 1 << 30), max_size=9))
    ),
    st.tuples(st.just(ARR), st.tuples(st.just(STR), st.lists(st.text(max_size=5), max_size=9))),
    st.tuples(st.just(ARR), st.just((ARR, [(U8, [1, 2]), (ARR, [(U16, [3])])]))),
)
_keys = st.sampled_from(
    [
        *("general.architecture", "general.alignment", "general.name", "general.file_type"),
        *("split.no", "split.count", "tokenizer.ggml.tokens", "tokenizer.chat_template"),
        *("llama.block_count", "llama.context_length", "llama.embedding_length"),
        *("llama.attention.head_count", "llama.attention.head_count_kv", "llama.expert_count"),
        *("llama.attention.sliding_window", "llama.attention.key_length", "k" * 1025, ""),
    ]
)


@st.composite
def _header(draw: Any) -> bytes:
    """A header that is wrong in a few ways, with bytes changed and its end cut off at times."""
    if draw(st.booleans()):
        made = Gguf()
    else:
        made = Gguf(pairs=list(_RIGHT.pairs), tensors=list(_RIGHT.tensors))
    for key, (kind, value) in draw(st.lists(st.tuples(_keys, _values), max_size=5)):
        made.set(key, kind, value)
    end = sum(-(-tensor.size // 32) * 32 for tensor in made.tensors)
    for tensor in draw(st.lists(_tensor(), max_size=4)):
        if tensor.offset is None:  # where it belongs, if there is such a place
            tensor.offset, end = end % (1 << 64), end + -(-tensor.size // 32) * 32
        made.tensors.append(tensor)
    if draw(st.integers(0, 9)) == 0:
        made.n_tensors = draw(_number)
    if draw(st.integers(0, 9)) == 0:
        made.n_pairs = draw(_number)
    made.version = draw(st.sampled_from([3, 3, 3, 3, 2, 1, 0, 1 << 24]))
    raw = bytearray(made.header())
    for place, number in draw(st.lists(st.tuples(st.integers(0, len(raw)), _number), max_size=3)):
        raw[place : place + 8] = struct.pack("<Q", number)
    if draw(st.integers(0, 4)) == 0:
        del raw[draw(st.integers(0, len(raw))) :]
    return bytes(raw)


@pytest.fixture
def child() -> Iterator[HeaderReader]:
    with HeaderReader(None) as reader:
        yield reader


def _peak_bytes(pid: int) -> int:
    """The most memory the process ever held, as Linux counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_hostile_headers_do_no_harm(child: HeaderReader, tmp_path: Path) -> None:
    path, seen = tmp_path / "stranger.gguf", set[str]()
    child.read_start(_written(path, tiny_llama().to_bytes()), 1 << 40, "first")
    pid = child.worker_pid
    assert pid is not None

    @given(_header(), st.sampled_from([None, 1 << 20, 1 << 40, (1 << 63) - 1]))
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def one(raw: bytes, claimed: int | None) -> None:
        size = len(raw) if claimed is None else max(claimed, len(raw))
        try:
            start = child.read_start(_written(path, raw), size, "stranger.gguf")
            seen.add("read")
            start.summary.to_dict()
            ModelShape.of(start.facts)
        except NeedMoreBytes as more:
            seen.add("more")
            assert len(raw) < more.count <= min(size, 64 << 20)
        except AppError as error:
            seen.add(error.code.value)
            assert error.code in REFUSALS
            assert "stranger.gguf" in str(error.to_dict())
        assert child.worker_pid == pid  # it never died

    one()
    assert seen >= {"read", "more", "gguf_truncated", "gguf_hostile", "gguf_type_unknown"}
    if sys.platform == "linux":
        peak = _peak_bytes(pid)
        print(f"{EXAMPLES} headers: {sorted(seen)}; the child's peak {peak / 1e6:.0f} MB")
        assert peak < 100_000_000


def _written(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw or b"\0")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="other systems bound memory in other ways")
def test_the_child_cannot_take_more_than_its_bound(child: HeaderReader, tmp_path: Path) -> None:
    child.read_start(_written(tmp_path / "m.gguf", tiny_llama().to_bytes()), 1 << 40, "m")
    assert child.worker_pid is not None
    limit = psutil.Process(child.worker_pid).rlimit(psutil.RLIMIT_AS)
    assert limit == (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES)
    assert MEMORY_LIMIT_BYTES <= 200_000_000


def test_the_bound_is_enough_for_the_largest_vocabularies(
    child: HeaderReader, tmp_path: Path
) -> None:
    made = tiny_llama()
    made.set("tokenizer.ggml.tokens", ARR, (STR, [f"token{n:07}" for n in range(262_144)]))
    made.set("tokenizer.ggml.merges", ARR, (STR, [f"to ken{n:07}" for n in range(514_906)]))
    made.set("tokenizer.ggml.scores", ARR, (F32, [0.0] * 262_144))
    path = made.write(tmp_path / "large.gguf")
    assert path.stat().st_size > 15_000_000
    assert child.read(path).vocab_size == 262_144


def test_the_most_that_the_limits_allow_stays_in_the_bound(
    child: HeaderReader, tmp_path: Path
) -> None:
    """65,536 tensors with the longest names, and kept texts and lists up to their limit."""
    many = Gguf()
    for number in range(14):
        many.set(f"text{number}", STR, "😀" * (1 << 18))
    for number in range(200):
        many.set(f"list{number}", ARR, (STR, ["😀"] * 4000))
    many.tensors = [
        TensorSpec(f"blk.{n:05}.{'x' * 240}", (32,), "F32", b"", 128 * n) for n in range(65_536)
    ]
    path = tmp_path / "most.gguf"
    head = many.header()
    assert 30 << 20 < len(head) < 64 << 20
    start = child.read_start(_written(path, head), 1 << 40, "most")
    assert start.header_bytes == len(head)
