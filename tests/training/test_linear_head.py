import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import nn

from martlet.errors import MartletError
from martlet.models import create_model
from martlet.training.linear_head import (
    STRENGTHS,
    fit_head,
    fold_scores,
    pooled_features,
    put_head,
)

COLOURS = 3


def clouds(count: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of three overlapping classes, one of them constant, and labels."""
    random = np.random.default_rng(0)
    labels = random.integers(0, COLOURS, count)
    features = random.normal(size=(count, width)) + random.normal(size=(COLOURS, width))[labels]
    features[:, 0] = 7.0
    return features.astype(np.float32), labels


@pytest.mark.parametrize(("count", "width"), [(60, 8), (20, 40)])
def test_left_out_answers_are_those_of_fits_without_the_sample(count: int, width: int) -> None:
    """Against scikit-learn's ridge regression, fitted once for each sample."""
    features, labels = clouds(count, width)
    head = fit_head(features, labels, COLOURS)
    assert head.strength in STRENGTHS[1:-1]
    deviation = features.std(axis=0, dtype=np.float64)
    x = (features - features.mean(axis=0, dtype=np.float64)) / np.where(deviation > 0, deviation, 1)
    targets = np.eye(COLOURS)[labels]
    whole = Ridge(alpha=head.strength).fit(x, targets).predict(x)
    ratio = head.logits(features) / whole  # the scale that makes logits of them
    np.testing.assert_allclose(ratio, np.full_like(ratio, ratio[0, 0]), rtol=1e-6)
    for sample in (0, 5, 19):
        rest = np.delete(np.arange(count), sample)
        one = Ridge(alpha=head.strength).fit(x[rest], targets[rest]).predict(x[[sample]])
        np.testing.assert_allclose(head.left_out[sample], ratio[0, 0] * one[0], rtol=1e-6)


@pytest.mark.parametrize(("count", "width", "largest"), [(60, 8, 20), (24, 40, 5)])
def test_what_is_alike_is_left_out_together(count: int, width: int, largest: int) -> None:
    """Against fits without the group: one with more members than directions, and with fewer."""
    features, labels = clouds(count, width)
    keys = ["large"] * largest + ["pair"] * 2 + [str(number) for number in range(count)]
    head = fit_head(features, labels, COLOURS, keys[:count])
    deviation = features.std(axis=0, dtype=np.float64)
    x = (features - features.mean(axis=0, dtype=np.float64)) / np.where(deviation > 0, deviation, 1)
    targets = np.eye(COLOURS)[labels]
    scale = (head.logits(features) / Ridge(alpha=head.strength).fit(x, targets).predict(x))[0, 0]
    for group in (np.arange(largest), np.arange(largest, largest + 2), np.array([count - 1])):
        rest = np.delete(np.arange(count), group)
        left = Ridge(alpha=head.strength).fit(x[rest], targets[rest]).predict(x[group])
        np.testing.assert_allclose(head.left_out[group], scale * left, rtol=1e-5)


def test_copies_are_no_evidence() -> None:
    """Noise that is there twice would be answered by its own copy."""
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(40, 200)), 2, axis=0)
    labels = np.repeat(random.integers(0, 2, 40), 2)
    keys = [str(number // 2) for number in range(80)]
    fooled, honest = fit_head(features, labels, 2), fit_head(features, labels, 2, keys)
    assert (fooled.left_out.argmax(axis=1) == labels).all()
    assert (honest.left_out.argmax(axis=1) == labels).mean() < 0.8
    once = fit_head(features[::2], labels[::2], 2)
    np.testing.assert_allclose(honest.left_out[::2], once.left_out, rtol=0.02)
    of_one = fit_head(features, labels, 2, ["all"] * 80)  # nothing would be left
    np.testing.assert_array_equal(of_one.left_out, fooled.left_out)


def test_the_strength_and_the_scale_have_the_least_errors() -> None:
    features, labels = clouds(80, 10)
    head = fit_head(features, labels, COLOURS)

    def cross_entropy(scale: float) -> float:
        logits = torch.from_numpy(scale * head.left_out)
        return float(nn.functional.cross_entropy(logits, torch.from_numpy(labels)))

    assert cross_entropy(1.0) < min(cross_entropy(0.9), cross_entropy(1.1))
    assert (head.left_out.argmax(axis=1) == labels).mean() > 0.8


def test_a_class_without_samples_and_features_that_are_all_alike() -> None:
    features, labels = clouds(30, 5)
    head = fit_head(features, labels, COLOURS + 1)
    assert head.weight.shape == (COLOURS + 1, 5)
    assert (head.logits(features).argmax(axis=1) < COLOURS).all()
    flat = fit_head(np.ones((30, 5), np.float32), labels, COLOURS)
    assert np.isfinite(flat.weight).all()
    assert np.isfinite(flat.bias).all()
    assert (flat.logits(features).argmax(axis=1) == np.bincount(labels).argmax()).all()


def test_folds_share_no_content() -> None:
    """Each sample is there twice: a fold with one of the two would know its class for sure."""
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(30, 500)), 2, axis=0)
    labels = np.repeat(random.integers(0, 2, 30), 2)
    keys = [str(number // 2) for number in range(60)]
    scores = fold_scores(features, labels, keys, classes=2, folds=5, seed=0)
    assert len(scores) == 5
    assert np.mean(scores) < 0.75
    apart = fold_scores(features, labels, [str(n) for n in range(60)], 2, 5, 0)
    assert np.mean(apart) > 0.9
    few = fold_scores(features[:4], labels[:4], keys[:4], classes=2, folds=5, seed=0)
    assert len(few) == 2


def test_features_are_what_the_classifier_takes() -> None:
    torch.manual_seed(0)
    model = create_model("shufflenet_v2_x0_5", num_classes=COLOURS, small_input=True, drop_rate=0.5)
    pictures = torch.rand(6, 3, 16, 16)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    batches = [(pictures[:4], labels[:4]), (pictures[4:], labels[4:])]
    features, targets = pooled_features(model, batches, lambda samples: samples)
    assert features.shape == (6, model.head_hidden_size)
    head = fit_head(features, targets, COLOURS)
    put_head(model, head)
    found = model.eval()(pictures).detach().numpy()
    np.testing.assert_allclose(found, head.logits(features), atol=1e-4)


def test_what_has_no_features() -> None:
    batches = [(torch.rand(2, 3, 16, 16), torch.tensor([0, 1]))]
    with pytest.raises(MartletError, match="pooled features, and Linear has none; leave it out"):
        pooled_features(nn.Linear(2, 2), batches, lambda samples: samples)
    model = create_model("shufflenet_v2_x0_5", num_classes=0, small_input=True)
    with pytest.raises(MartletError, match="pooled features, and ShuffleNetV2 has none"):
        pooled_features(model, batches, lambda samples: samples)
    model.reset_classifier(2)
    boxes = [(samples, torch.rand(2, 4)) for samples, _ in batches]
    with pytest.raises(MartletError, match="is for one class a sample"):
        pooled_features(model, boxes, lambda samples: samples)
    with torch.no_grad():
        model.conv5.conv.weight.fill_(float("nan"))
    with pytest.raises(MartletError, match="NaN or infinite, so the first weights are damaged"):
        pooled_features(model, batches, lambda samples: samples)
