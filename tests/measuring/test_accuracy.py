import numpy as np
import pytest
import torch

from martlet.measuring.accuracy import called, evaluation, number_of

CLASSES = tuple("abcdefg")


def test_figures_of_a_case_counted_by_hand() -> None:
    labels = np.array([0, 0, 0, 1])
    logits = np.full((4, 3), -5, np.float32)
    logits[[0, 1, 2, 3], [0, 0, 1, 1]] = 5  # one "a" taken for a "b"
    found = evaluation(logits, labels, "abc")
    assert found.metrics["top1"] == 0.75
    assert found.metrics["balanced_top1"] == pytest.approx((2 / 3 + 1) / 2)  # "c" has no picture
    assert found.metrics["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.confusion.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert found.metrics["per_class"][1] == {
        "class": "b",
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
        "support": 1,
    }
    assert "top5" not in found.metrics


def test_loss_and_top5_agree_with_torch() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(50, 7)).astype(np.float32)
    labels = generator.integers(0, 7, 50)
    found = evaluation(logits, labels, CLASSES).metrics
    scores, truth = torch.from_numpy(logits), torch.from_numpy(labels)
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(scores, truth).item())
    five = scores.topk(5).indices
    assert found["top5"] == pytest.approx((five == truth[:, None]).any(1).float().mean().item())


@pytest.mark.parametrize("noun", ["pictures", "windows"])
def test_the_number_of_samples_has_their_name(noun: str) -> None:
    found = evaluation(np.eye(3, dtype=np.float32), np.arange(3), "abc").metrics
    named = called(found, noun)
    assert (named[noun], named.get("noun", "pictures")) == (3, noun)
    assert set(named) - {noun, "noun"} == set(found) - {"pictures"}
    assert number_of(named) == (3, noun)


def test_metrics_of_earlier_versions_count_pictures_of_any_data() -> None:
    assert number_of({"pictures": 7, "noun": "pixels"}) == (7, "pixels")
    assert number_of({"pictures": 7}) == (7, "pictures")
    with pytest.raises(KeyError):
        number_of({"noun": "pixels"})
