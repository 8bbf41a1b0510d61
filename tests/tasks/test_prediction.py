import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from martlet.errors import MartletError
from martlet.tasks.prediction import Prediction, rank, softmax

CLASSES = ("ant", "bee", "cat", "dog")


@given(
    arrays(np.float32, array_shapes(max_dims=3), elements=st.floats(-(2.0**99), 2.0**99, width=32))
)
def test_softmax_is_that_of_torch(logits: np.ndarray) -> None:
    expected = torch.softmax(torch.from_numpy(logits).double(), -1).numpy()
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-9, atol=1e-12)


def test_rank_is_topk_of_torch() -> None:
    logits = np.random.default_rng(0).standard_normal(4).astype(np.float32)
    values, indices = torch.softmax(torch.from_numpy(logits).double(), 0).topk(3)
    found = rank("a.jpg", logits, CLASSES, 3)
    assert [label for label, _ in found.top] == [CLASSES[i] for i in indices]
    assert [probability for _, probability in found.top] == pytest.approx(values.tolist())
    assert (found.path, found.label, found.probability) == ("a.jpg", *found.top[0])
    assert found.error is None


def test_equal_classes_keep_their_order_and_top_may_exceed_them() -> None:
    found = rank("a.jpg", np.zeros(4, np.float32), CLASSES, 99)
    assert found.top == tuple((name, 0.25) for name in CLASSES)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_no_number_is_an_error_of_that_picture(value: float) -> None:
    found = rank("a.jpg", np.array([0, 1, value, 3], np.float32), CLASSES, 2)
    assert found == Prediction("a.jpg", error="the network's output for a.jpg is not a number.")


def test_logits_that_do_not_fit() -> None:
    with pytest.raises(MartletError, match=r"shape \(3,\) do not fit 4 classes"):
        rank("a.jpg", np.zeros(3), CLASSES, 1)
    with pytest.raises(MartletError, match="top=0 is not accepted"):
        rank("a.jpg", np.zeros(4), CLASSES, 0)
