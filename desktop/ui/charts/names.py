"""Where the names of a plot's points go, so that nothing covers anything."""

from __future__ import annotations

from collections.abc import Sequence

# In pixels: left, top, right, bottom.
Box = tuple[float, float, float, float]


def place_names(
    places: Sequence[tuple[float, float, float]],
    sizes: Sequence[tuple[float, float]],
    taken: Sequence[Box],
    room: Box,
    gap: float,
) -> list[Box | None]:
    """Where each point's name goes, in pixels: beside it, covering nothing; None where it cannot.

    Args:
        places: x, y and radius of each point, the most important first.
        sizes: width and height of the names of the first points; the others have none.
        taken: what no name may cover besides the points and one another.
    """
    covered = [(x - r, y - r, x + r, y + r) for x, y, r in places]
    covered += taken
    found: list[Box | None] = []
    for (x, y, r), (width, height) in zip(places, sizes, strict=False):
        right, left = x + r + gap, x - r - gap - width
        middle, above, below = y - height / 2, y - r - height, y + r
        spots = (
            (right, middle),
            (left, middle),
            (right, above + r / 2),
            (right, below - r / 2),
            (left, above + r / 2),
            (left, below - r / 2),
            (x - width / 2, above),
            (x - width / 2, below),
        )
        boxes = ((a, b, a + width, b + height) for a, b in spots)
        box = next(
            (each for each in boxes if _inside(each, room) and not _hits(each, covered)), None
        )
        if box is not None:
            covered.append(box)
        found.append(box)
    return found


def _inside(box: Box, room: Box) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]


def _hits(box: Box, covered: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    return any(left < c and right > a and top < d and bottom > b for a, b, c, d in covered)
