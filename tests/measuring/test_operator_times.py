"""Shares of time by kind of operator: what is told apart, and that nothing is lost."""

from typing import Any

import pytest
import torch

from martlet import create_model
from martlet.errors import MartletError
from martlet.measuring.operator_times import kind_of, operator_times, shares


@pytest.mark.parametrize(
    ("name", "shapes", "kind"),
    [
        ("aten::mkldnn_convolution", [[1, 8, 9, 9], [16, 8, 1, 1], [16]], "1×1 convolution"),
        ("aten::mkldnn_convolution", [[1, 8, 9, 9], [8, 1, 3, 3], []], "depthwise convolution"),
        ("aten::mkldnn_convolution", [[1, 3, 9, 9], [8, 3, 3, 3], []], "convolution"),
        ("aten::mkldnn_convolution", [[1, 240, 9, 9], [60, 80, 1, 1], []], "1×1 convolution"),
        ("aten::_slow_conv2d_forward", [], "convolution"),
        ("aten::native_batch_norm", [], "normalisation"),
        ("aten::addmm", [], "linear"),
        ("aten::add_", [], "element-wise"),
        ("aten::hardswish_", [], "element-wise"),
        ("aten::max_pool2d_with_indices", [], "pooling"),
        ("aten::mean", [], "pooling"),
        ("aten::cat", [], "copy"),
        ("_ChannelsLastShuffle", [], "copy"),
        ("aten::empty", [], "other"),
    ],
)
def test_an_operator_has_a_kind(name: str, shapes: list[Any], kind: str) -> None:
    assert kind_of(name, shapes) == kind


def test_a_network_has_the_kinds_that_it_is_made_of(capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    model = create_model("shufflenet_v1_g3_x0_25").train()
    times = operator_times(model, (1, 3, 64, 64), calls=5)
    assert model.training  # a copy was run
    assert all(weight.is_contiguous() for weight in model.parameters())
    assert {
        *("1×1 convolution", "depthwise convolution", "convolution", "normalisation"),
        *("element-wise", "copy", "pooling", "linear"),
    } <= set(times)
    assert list(times.values()) == sorted(times.values(), reverse=True)
    assert sum(shares(times).values()) == pytest.approx(1.0)
    assert capfd.readouterr().err == ""


def test_too_few_calls_are_refused() -> None:
    with pytest.raises(MartletError, match=r"^calls=1 is not accepted; give 5 or more\.$"):
        operator_times(create_model("shufflenet_v2_x0_5"), (1, 3, 64, 64), calls=1)
