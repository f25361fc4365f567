"""A place in a buffer of bytes from a stranger: what is taken is checked first.

Every count and length is held against its limit and against the bytes that remain, and lists that
nobody needs (vocabulary, merges, scores) are walked over without an object for their elements.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, NoReturn

from desktop.core.errors import AppError, ErrorCode

Buffer = bytes | bytearray | memoryview | mmap.mmap

MAX_HEADER_BYTES = 64 << 20  # real ones take 1 to 16 MB
MAX_STRING_BYTES = 64 << 20
MAX_ARRAY_ELEMENTS = 1 << 26
MAX_WALKED_ELEMENTS = 8 << 20  # strings and nested arrays, all together: bounds the time
MAX_ARRAY_DEPTH = 3
KEPT_ARRAY_ELEMENTS = 4096
KEPT_STRING_BYTES = 1 << 20
KEPT_BYTES = 16 << 20  # all kept values together

_STRING, _ARRAY, _BOOL = 8, 9, 7
_SCALARS: dict[int, Struct] = {
    0: Struct("<B"),
    1: Struct("<b"),
    2: Struct("<H"),
    3: Struct("<h"),
    4: Struct("<I"),
    5: Struct("<i"),
    6: Struct("<f"),
    _BOOL: Struct("<?"),
    10: Struct("<Q"),
    11: Struct("<q"),
    12: Struct("<d"),
}
U32, U64 = _SCALARS[4], _SCALARS[10]


class NeedMoreBytes(Exception):
    """The buffer ends before the header does, and the file goes on.

    Attributes:
        count: how many bytes from the start of the file are needed to get one step further.
    """

    def __init__(self, count: int) -> None:
        super().__init__(f"at least {count} bytes of the file are needed")
        self.count = count


@dataclass(frozen=True)
class Skipped:
    """A value that was checked but not kept: a long array or string.

    Attributes:
        start, end: where a list of strings lies in the file; 0 for other values.
    """

    kind: int
    count: int
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


class Cursor:
    """Reads on from `pos`; `end` is where the buffer or the file ends, whichever is first."""

    def __init__(self, view: memoryview, file_size: int, path: str) -> None:
        self.view = view
        self.path = path
        self.file_size = file_size
        self.end = min(len(view), file_size)
        self.pos = 0
        self._walk_left = MAX_WALKED_ELEMENTS
        self._keep_left = KEPT_BYTES

    # --- what can go wrong

    def hostile(self, reason: str) -> NoReturn:
        raise AppError(ErrorCode.GGUF_HOSTILE, path=self.path, reason=reason)

    def short(self, need: int) -> NoReturn:
        """`need` bytes from the start are needed and are not in the buffer."""
        if need > self.file_size:
            raise AppError(
                ErrorCode.GGUF_TRUNCATED,
                path=self.path,
                have_bytes=self.file_size,
                need_bytes=need,
            )
        if need > MAX_HEADER_BYTES:
            self.hostile(f"its header is longer than {MAX_HEADER_BYTES >> 20} MiB")
        raise NeedMoreBytes(need)

    # --- reading one thing

    def take(self, count: int) -> int:
        """Claim `count` bytes; their position."""
        start = self.pos
        if start + count > self.end:
            self.short(start + count)
        self.pos = start + count
        return start

    def u32(self) -> int:
        return int(U32.unpack_from(self.view, self.take(4))[0])

    def u64(self) -> int:
        return int(U64.unpack_from(self.view, self.take(8))[0])

    def name(self, limit: int, what: str) -> bytes:
        length = self.u64()
        if not 0 < length <= limit:
            self.hostile(f"{what} has a name of {length} bytes")
        start = self.take(length)
        return bytes(self.view[start : start + length])

    def count(self, limit: int, least_bytes: int, what: str) -> int:
        """A number of things that take at least `least_bytes` each."""
        count = self.u64()
        if count > limit:
            self.hostile(f"it claims {count} {what}")
        if self.pos + count * least_bytes > self.file_size:
            self.short(self.pos + count * least_bytes)
        return count

    # --- values

    def value(self, kind: int, key: str) -> Any:
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar.unpack_from(self.view, self.take(scalar.size))[0]
        if kind == _STRING:
            return self._string(key)
        if kind == _ARRAY:
            return self._array(key, 1)
        self.hostile(f"the value of “{key}” has the unknown type {kind}")

    def _string(self, key: str) -> str | Skipped:
        length = self.u64()
        if length > MAX_STRING_BYTES:
            self.hostile(f"the text “{key}” claims {length} bytes")
        start = self.take(length)
        if length > KEPT_STRING_BYTES or length > self._keep_left:
            return Skipped(_STRING, length)
        self._keep_left -= length
        return str(self.view[start : start + length], "utf-8", "replace")

    def _array(self, key: str, depth: int) -> tuple[Any, ...] | Skipped:
        kind, count = self.u32(), self.u64()
        scalar = _SCALARS.get(kind)
        if count > MAX_ARRAY_ELEMENTS:
            self.hostile(f"the list “{key}” claims {count} elements")
        if scalar is not None:
            start = self.take(count * scalar.size)
            cost = count * 32  # a Python number, not its bytes in the file
            if count > KEPT_ARRAY_ELEMENTS or cost > self._keep_left:
                return Skipped(kind, count)
            self._keep_left -= cost
            raw = self.view[start : self.pos]
            return tuple(value for (value,) in scalar.iter_unpack(raw))
        if kind not in (_STRING, _ARRAY):
            self.hostile(f"the list “{key}” has elements of the unknown type {kind}")
        self._walk_left -= count if kind == _STRING else 8 * count  # by the time they take
        if self._walk_left < 0:
            self.hostile(f"the list “{key}” makes more than {MAX_WALKED_ELEMENTS} elements in all")
        least = 8 if kind == _STRING else 12
        if self.pos + count * least > self.file_size:
            self.short(self.pos + count * least)
        if kind == _ARRAY:
            if depth >= MAX_ARRAY_DEPTH:
                self.hostile(f"the list “{key}” is nested deeper than {MAX_ARRAY_DEPTH} levels")
            for _ in range(count):
                self._array(key, depth + 1)
            return Skipped(kind, count)
        wanted = count <= KEPT_ARRAY_ELEMENTS and depth == 1 and not key.startswith("tokenizer.")
        if wanted and count * 64 <= self._keep_left:
            self._keep_left -= count * 64
            return tuple(self._string(key) for _ in range(count))
        start = self.pos
        self._skip_strings(count, key)
        return Skipped(kind, count, start, self.pos)

    def _skip_strings(self, count: int, key: str) -> None:
        """Walk over `count` strings, checking each length. The one loop that must be fast."""
        unpack: Callable[[memoryview, int], tuple[int]] = U64.unpack_from
        view, end = self.view, self.end
        pos, last = self.pos, end - 8
        for _ in range(count):
            if pos > last:
                self.short(pos + 8)
            (length,) = unpack(view, pos)
            pos += 8 + length
            if pos > end:
                if length > MAX_STRING_BYTES:
                    self.hostile(f"a text of the list “{key}” claims {length} bytes")
                self.short(pos)
        self.pos = pos
