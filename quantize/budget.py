"""How much of a text is compared, so that all of it fits into the time somebody gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Fewer say too little: of five chunks (1,275 tokens) the interval of a 4-bit file's divergence is a
# tenth of it wide on each side.
FEWEST_CHUNKS = 5
# What is planned of the time that is given; the rest is for what goes slower than it was tried.
_SHARE = 0.9


@dataclass(frozen=True)
class Pace:
    """How fast a file reads the text: seconds until it is loaded, and for each chunk."""

    load_seconds: float
    seconds_per_chunk: float

    def seconds(self, chunks: int) -> float:
        return self.load_seconds + chunks * self.seconds_per_chunk

    def scaled(self, size: float, speed: float) -> Pace:
        """That of a file of another size and speed, both as parts of this one's."""
        return Pace(self.load_seconds * size, self.seconds_per_chunk / speed)


def chunks_for(seconds: float, paces: Iterable[Pace], most: int) -> int:
    """So many chunks fit when each of these reads them; less than `FEWEST_CHUNKS` are too few.

    Args:
        most: more there are not.
    """
    read = list(paces)
    left = _SHARE * seconds - sum(each.load_seconds for each in read)
    each_chunk = sum(each.seconds_per_chunk for each in read)
    return max(0, min(most, int(left / max(each_chunk, 1e-9))))
