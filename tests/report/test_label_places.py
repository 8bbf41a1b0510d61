"""Labels that cover neither points nor each other."""

from itertools import combinations

from martlet.report.label_places import MARK, Box, places

FRAME = (0.0, 0.0, 6.0, 4.0)


def overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(along, 0.0)


def test_points_of_a_column_get_labels_apart() -> None:
    spots = [(3.0, 1.0 + 0.05 * number) for number in range(9)]
    found = places(spots, [(0.8, 0.14)] * 9, FRAME)
    assert all(overlap(one, other) < 1e-9 for one, other in combinations(found, 2))
    marks = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in spots]
    assert all(overlap(box, mark) < 1e-9 for box in found for mark in marks)


def test_labels_stay_inside() -> None:
    corners = [(0.05, 0.05), (5.95, 3.95), (0.05, 3.95), (5.95, 0.05)]
    for left, bottom, right, top in places(corners, [(0.8, 0.14)] * 4, FRAME):
        assert left >= 0
        assert bottom >= 0
        assert right <= 6
        assert top <= 4


def test_a_single_label_lies_right_of_its_point() -> None:
    ((left, bottom, right, top),) = places([(3.0, 2.0)], [(0.5, 0.1)], FRAME)
    assert left > 3.0
    assert (bottom + top) / 2 == 2.0
    assert round(right - left, 9) == 0.5


def test_what_is_taken_is_left_alone() -> None:
    ((left, *_),) = places([(3.0, 2.0)], [(0.5, 0.1)], FRAME, [(3.0, 1.9, 4.0, 2.1)])
    assert left < 3.0
