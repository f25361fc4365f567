"""The header of a GGUF file, read as what it is: bytes from a stranger.

Every count, length and offset is checked against the bytes that remain before it is used, and
arrays that nobody needs (vocabulary, merges, scores) are walked over without building an object
for their elements. The parser takes any buffer and the size of the whole file, so that the start
of a remote file will do: it raises `NeedMoreBytes` when the buffer ends before the header does.

Layout (little-endian): magic, version u32, tensors u64, pairs u64; pairs of key, type u32, value;
tensors of name, dims u32, size u64 each, type u32, offset u64; padding; tensor data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.cursor import U64, Buffer, Cursor, NeedMoreBytes, Skipped
from desktop.core.gguf.tensor_types import REMOVED_TYPES, TENSOR_TYPES, TensorType
from desktop.core.gguf.words import clean

__all__ = ["Buffer", "Header", "NeedMoreBytes", "Skipped", "Tensor", "parse_header"]

MAX_PAIRS = 1 << 14
MAX_TENSORS = 1 << 16
MAX_KEY_BYTES = 1024  # the format allows 65,535; real ones take up to 60
MAX_TENSOR_NAME_BYTES = 255  # the engine takes 63; other programs' files go further
MAX_ALIGNMENT = 1 << 20
MAX_TYPE_NUMBER = 255  # the engine of 2026 counts to 42; beyond this it is no type to come
DEFAULT_ALIGNMENT = 32


class Tensor(NamedTuple):
    """One tensor: its offset counts from the start of the data section."""

    name: str
    dims: tuple[int, ...]
    type: TensorType
    offset: int
    weights: int
    size_bytes: int


@dataclass(frozen=True)
class Header:
    """A checked header. Values are numbers, booleans, strings, tuples of them, or `Skipped`."""

    version: int
    alignment: int
    values: dict[str, Any]
    tensors: tuple[Tensor, ...]
    data_offset: int
    file_size: int


def parse_header(buffer: Buffer, file_size: int, path: str = "The file") -> Header:
    """Read and check the header at the start of `buffer`.

    Args:
        buffer: the file's first bytes; all of them, or as many as are at hand.
        file_size: the size of the whole file in bytes.
        path: how errors call the file.

    Raises:
        AppError: GGUF_EMPTY, GGUF_NOT_GGUF, GGUF_VERSION, GGUF_TRUNCATED, GGUF_HOSTILE,
            GGUF_TYPE_UNKNOWN.
        NeedMoreBytes: the header goes on behind the buffer.
    """
    if file_size == 0:
        raise AppError(ErrorCode.GGUF_EMPTY, path=path)
    # mmap has no read-only slices without a copy, and a view keeps a file from being closed.
    with memoryview(buffer) as view:
        return _Parser(view, file_size, path).parse()


class _Parser(Cursor):
    def _pairs(self, count: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        seen: set[bytes] = set()
        for _ in range(count):
            raw = self.name(MAX_KEY_BYTES, "a key")
            key = clean(raw[:256].decode("utf-8", "replace"), 128)
            if raw in seen:
                self.hostile(f"the key “{key}” stands there twice")
            seen.add(raw)
            value = self.value(self.u32(), key)
            if len(raw) <= 256:  # longer keys mean nothing to anyone
                values[raw.decode("utf-8", "replace")] = value
        return values

    # --- tensors

    def _tensor(self, seen: set[bytes]) -> Tensor:
        raw = self.name(MAX_TENSOR_NAME_BYTES, "a tensor")
        name = raw.decode("utf-8", "replace")

        def refuse(what: str) -> NoReturn:
            self.hostile(f"the tensor “{clean(name, 64)}” {what}")

        if raw in seen:
            refuse("stands there twice")
        seen.add(raw)
        n_dims = self.u32()
        if not 1 <= n_dims <= 4:
            refuse(f"has {n_dims} dimensions")
        start = self.take(8 * n_dims)
        dims = tuple(U64.unpack_from(self.view, start + 8 * i)[0] for i in range(n_dims))
        weights = math.prod(dims)
        if weights == 0:
            refuse("has a dimension of 0")
        number = self.u32()
        kind = TENSOR_TYPES.get(number)
        if kind is None:
            if number > MAX_TYPE_NUMBER:
                refuse(f"has type number {number}")
            old = REMOVED_TYPES.get(number)
            known = f"{old}, which engines no longer read" if old else f"number {number}"
            raise AppError(
                ErrorCode.GGUF_TYPE_UNKNOWN,
                path=self.path,
                reason=f"the tensor “{clean(name, 64)}” has the type {known}.",
            )
        if dims[0] % kind.block:
            refuse(f"has rows of {dims[0]} weights; {kind.name} stores them by {kind.block}")
        size = weights // kind.block * kind.block_bytes
        offset = self.u64()
        if weights >= 1 << 63 or size >= 1 << 63 or offset >= 1 << 63:
            refuse("is larger than any file can be")
        return Tensor(name, dims, kind, offset, weights, size)

    def _check_layout(self, tensors: tuple[Tensor, ...], alignment: int, data_offset: int) -> None:
        end, before = 0, ""
        for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
            if tensor.offset % alignment:
                shown = clean(tensor.name, 64)
                self.hostile(f"the tensor “{shown}” does not begin on a multiple of {alignment}")
            if tensor.offset < end:
                names = f"“{clean(before, 64)}” and “{clean(tensor.name, 64)}”"
                self.hostile(f"the tensors {names} overlap")
            end, before = tensor.offset + tensor.size_bytes, tensor.name
        if tensors and data_offset + end > self.file_size:
            raise AppError(
                ErrorCode.GGUF_TRUNCATED,
                path=self.path,
                have_bytes=self.file_size,
                need_bytes=data_offset + end,
            )

    # --- the whole

    def parse(self) -> Header:
        version = self._preamble()
        n_tensors = self.count(MAX_TENSORS, 32 + 1, "tensors")
        n_pairs = self.count(MAX_PAIRS, 8 + 1 + 4 + 1, "keys")
        values = self._pairs(n_pairs)
        alignment = values.get("general.alignment", DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or isinstance(alignment, bool):
            self.hostile("its alignment is not a number")
        if not 1 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
            self.hostile(f"its alignment is {alignment}")
        seen: set[bytes] = set()
        tensors = tuple(self._tensor(seen) for _ in range(n_tensors))
        data_offset = -(-self.pos // alignment) * alignment
        self._check_layout(tensors, alignment, data_offset)
        return Header(version, alignment, values, tensors, data_offset, self.file_size)

    def _preamble(self) -> int:
        magic = bytes(self.view[: min(4, self.end)])
        if magic != b"GGUF"[: len(magic)]:
            raise AppError(
                ErrorCode.GGUF_NOT_GGUF,
                path=self.path,
                reason=f"its first bytes are {magic.hex(' ')}",
            )
        self.take(4)
        version = self.u32()
        if version not in (2, 3):
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            shown = f"{swapped} in big-endian byte order" if swapped in (1, 2, 3) else str(version)
            raise AppError(ErrorCode.GGUF_VERSION, path=self.path, version=shown)
        return version
