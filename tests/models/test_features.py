"""Feature maps for detectors, held against timm's own."""

from typing import Any

import pytest
import timm
import torch

from martlet.errors import MartletError
from martlet.models import create_model


def test_same_maps_as_timm() -> None:
    torch.manual_seed(0)
    ours = create_model("mobilenet_v2_x1_0", features_only=True).eval()
    theirs = timm.create_model("mobilenetv2_100", features_only=True).eval()
    assert ours.feature_info.channels() == theirs.feature_info.channels()
    assert ours.feature_info.reduction() == theirs.feature_info.reduction()
    x = torch.randn(1, 3, 64, 96)
    assert [m.shape for m in ours(x)] == [m.shape for m in theirs(x)]


def test_levels_can_be_picked() -> None:
    picked = create_model("shufflenet_v2_x1_0", features_only=True, out_indices=(-1, 2))
    assert picked.feature_info.module_name() == ["stage2.3", "stage4.3"]
    assert picked.feature_info.channels() == [116, 464]
    assert [m.shape[1] for m in picked(torch.randn(2, 3, 64, 64))] == [116, 464]


def test_layers_behind_the_last_level_are_left_out() -> None:
    whole = create_model("shufflenet_v2_x1_0")
    part = create_model("shufflenet_v2_x1_0", features_only=True, out_indices=(2,))
    assert not any(key.startswith(("stage3", "stage4", "conv5")) for key in part.state_dict())
    part.load_state_dict(whole.state_dict(), strict=False)
    assert torch.equal(part.state_dict()["conv1.conv.weight"], whole.conv1.conv.weight)


def test_every_weight_of_a_level_gets_a_gradient() -> None:
    model = create_model("shufflenet_v2_x0_5", features_only=True, in_chans=2)
    sum(m.square().mean() for m in model(torch.randn(4, 2, 64, 64))).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(
    ("indices", "sentence"),
    [
        ((5,), "asks for level 5; there are 5: 0 to 4"),
        ((), "asks for no level"),
        (0, "asks for no level"),
        (6, "asks for level -6"),
        ((1.0,), "is not accepted; give a whole number, a sequence"),
        ("1", "is not accepted"),
        (torch.tensor([1]), "is not accepted"),
    ],
)
def test_levels_that_are_not_there(indices: Any, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        create_model("shufflenet_v2_x0_5", features_only=True, out_indices=indices)


def test_same_checks_as_the_whole_network() -> None:
    model = create_model("shufflenet_v2_x0_5", features_only=True)
    with pytest.raises(MartletError, match="too small"):
        model(torch.zeros(1, 3, 16, 16))
    with pytest.raises(MartletError, match="accepted: "):
        model(torch.zeros(3, 64, 64))


def test_accessors_are_timms() -> None:
    ours = create_model("mobilenet_v2_x1_0", features_only=True, out_indices=(1, 3)).feature_info
    theirs = timm.create_model("mobilenetv2_100", features_only=True, out_indices=(1, 3))
    theirs = theirs.feature_info
    assert len(ours) == len(theirs) == 5
    for idx in (None, 2, -1, [0, 4]):
        assert ours.channels(idx) == theirs.channels(idx)
        assert ours.reduction(idx) == theirs.reduction(idx)
        keys = ["num_chs", "reduction", "index"]
        assert ours.get_dicts(keys, idx) == theirs.get_dicts(keys, idx)
    assert ours[-1]["num_chs"] == theirs[-1]["num_chs"] == ours[-1].num_chs
    assert ours.get_dicts()[0] == {**ours.get_dicts(idx=1), "module": ours.module_name()[0]}
    with pytest.raises(KeyError):
        ours[0]["channels"]


def test_one_number_is_the_coarsest_levels() -> None:
    ours = create_model("mobilenet_v2_x1_0", features_only=True, out_indices=2).feature_info
    theirs = timm.create_model("mobilenetv2_100", features_only=True, out_indices=2).feature_info
    assert ours.reduction() == theirs.reduction() == [16, 32]


def test_a_picture_needs_the_size_of_the_last_level_only() -> None:
    model = create_model("shufflenet_v2_x0_5", features_only=True, out_indices=(0, 1)).eval()
    assert [tuple(m.shape[2:]) for m in model(torch.zeros(1, 3, 8, 4))] == [(4, 2), (2, 1)]
    with pytest.raises(MartletError, match="which shrinks it 4 times"):
        model(torch.zeros(1, 3, 8, 3))


def test_levels_without_features() -> None:
    with pytest.raises(MartletError, match="out_indices is for features_only=True"):
        create_model("shufflenet_v2_x0_5", out_indices=(1,))
