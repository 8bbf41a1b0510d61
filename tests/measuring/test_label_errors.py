import numpy as np
import pytest

from martlet.measuring.label_errors import suspects


def test_other_answers_than_the_label_highest_loss_first() -> None:
    shares = [[0.9, 0.05, 0.05], [0.3, 0.6, 0.1], [0.05, 0.85, 0.1], [0.1, 0.1, 0.8]]
    logits = np.log(np.array(shares)).astype(np.float32) + 7
    found = suspects(logits, np.array([0, 0, 2, 2]))
    assert [one[:3] for one in found] == [(2, 2, 1), (1, 0, 1)]
    assert found[0][3:] == pytest.approx((0.1, 0.85), abs=1e-5)


def test_flipped_labels_come_first() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 400)
    logits = random.normal(size=(400, 4)) + 3 * np.eye(4)[truth]
    flipped = random.choice(400, 12, replace=False)
    labels = truth.copy()
    labels[flipped] = (truth[flipped] + 1) % 4
    found = suspects(logits, labels)
    assert len({one.number for one in found[:12]} & set(flipped.tolist())) >= 9


def test_beyond_the_reach_of_probabilities_the_order_holds() -> None:
    logits = np.array([[0, 900], [0, 2000], [0, 950]], np.float32)
    assert [one.number for one in suspects(logits, np.zeros(3, np.int64))] == [1, 2, 0]


def test_where_all_agree_there_is_none() -> None:
    assert suspects(np.eye(3), np.arange(3)) == []
    assert suspects(np.zeros((0, 3)), np.zeros(0, np.int64)) == []
