import numpy as np

from martlet.report.mistakes import most_confused


def test_most_confused_leaves_the_diagonal_out():
    counts = np.array([[50, 3, 0], [7, 40, 3], [0, 0, 30]])
    assert most_confused(counts, 5) == [(1, 0, 7), (0, 1, 3), (1, 2, 3)]
    assert most_confused(counts, 1) == [(1, 0, 7)]
    assert most_confused(np.diag([1, 2]), 5) == []
