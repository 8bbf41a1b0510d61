"""Where labels of points go, so that they cover neither points nor each other."""

from collections.abc import Sequence

Box = tuple[float, float, float, float]  # left, bottom, right, top
GAP = 0.07  # between a point's middle and its label
MARK = 0.06  # half of a point's side, as an obstacle
STEPS = (0.0, 0.16, 0.32, 0.5, 0.7, 0.95)  # how far up or down a label may move


def places(
    spots: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    taken: Sequence[Box] = (),
) -> list[Box]:
    """A box for each label, in the order of the spots; all lengths are in one unit, as inches.

    spots: the points. sizes: width and height of each label. taken: boxes to be left free.
    Of some dozens of places around its point a label gets the one that covers least, the nearest
    of equal ones.
    """
    marks = [mark_of(spot) for spot in spots]
    found: list[Box] = []
    for (x, y), size in zip(spots, sizes, strict=True):
        choices = _choices(x, y, *size)
        covered = [
            _outside(box, frame) * 4
            + sum(_overlap(box, other) for other in (*taken, *found))
            + sum(_overlap(box, mark) for mark in marks)
            for box in choices
        ]
        found.append(choices[min(range(len(choices)), key=lambda one: (covered[one], one))])
    return found


def mark_of(spot: tuple[float, float]) -> Box:
    """What a point covers."""
    x, y = spot
    return x - MARK, y - MARK, x + MARK, y + MARK


def _choices(x: float, y: float, width: float, height: float) -> list[Box]:
    """Right and left of the point, above and below it; farther ones last."""
    boxes = []
    for step in STEPS:
        for up in (step, -step) if step else (0.0,):
            for left in (x + GAP, x - GAP - width):
                boxes.append((left, y + up - height / 2, left + width, y + up + height / 2))
        for bottom in (y + GAP + step, y - GAP - step - height):
            boxes.append((x - width / 2, bottom, x + width / 2, bottom + height))
    return boxes


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(along, 0.0)


def _outside(box: Box, frame: Box) -> float:
    """The area of a box beyond the frame."""
    return (box[2] - box[0]) * (box[3] - box[1]) - _overlap(box, frame)
