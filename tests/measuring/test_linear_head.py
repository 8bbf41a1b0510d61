import numpy as np

from martlet.measuring.label_errors import suspects
from martlet.measuring.linear_head import out_of_fold_logits


def test_a_fold_is_answered_by_what_was_not_fitted_on_it() -> None:
    """The labels of a fold do not reach its own answers, but for the choice of two numbers."""
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = random.normal(size=(60, 5)) + 2 * np.eye(3, 5)[labels]
    folds = np.arange(60) // 12
    found = out_of_fold_logits(features, labels, folds, 3)
    assert found.shape == (60, 3)
    assert (found.argmax(axis=1) == labels).mean() > 0.8
    nothing = out_of_fold_logits(random.normal(size=(60, 40)), labels, folds, 3)
    assert (nothing.argmax(axis=1) == labels).mean() < 0.6  # fitted on it, all would be right


def test_flipped_labels_are_the_first_suspects() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 300)
    features = random.normal(size=(300, 20)) + 3 * np.eye(3, 20)[truth]
    labels = truth.copy()
    flipped = random.choice(300, 9, replace=False)
    labels[flipped] = (labels[flipped] + 1) % 3
    found = suspects(out_of_fold_logits(features, labels, np.arange(300) % 5, 3), labels)
    assert len({one.number for one in found[:9]} & set(flipped.tolist())) >= 8


def test_a_constant_feature_and_more_features_than_samples() -> None:
    features = np.hstack([np.ones((12, 1)), np.random.default_rng(2).normal(size=(12, 50))])
    assert np.isfinite(out_of_fold_logits(features, np.arange(12) % 2, np.arange(12) % 3, 2)).all()
