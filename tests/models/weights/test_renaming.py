"""What does not fit is one sentence, whichever library it comes from."""

import pytest
import torch
import torchvision
from torch import Tensor

from martlet.errors import MartletError
from martlet.models.weights.renaming import convert

SMALL = "shufflenet_v2_x0_5"


@pytest.fixture
def state() -> dict[str, Tensor]:
    return dict(torchvision.models.shufflenet_v2_x0_5().state_dict())


def without(state: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name != key}


def test_each_misfit_is_counted_and_named(state: dict[str, Tensor]) -> None:
    say = "the weights are not those of torchvision's shufflenet_v2_x0_5: "
    one = torch.zeros(1)
    cases = {
        "1 missing (such as 'stage2.0.main.0.conv.weight').": without(
            state, "stage2.0.branch2.0.weight"
        ),
        "1 missing (such as 'classifier.weight').": without(state, "fc.weight"),
        "1 unexpected (such as 'extra.weight').": state | {"extra.weight": one},
        "1 unexpected (such as '').": state | {"": one},
        # a shortcut in a unit that has none
        "1 unexpected (such as 'stage2.1.shortcut.0.conv.weight').": state
        | {"stage2.1.branch1.0.weight": one},
        "1 of another shape (such as 'conv5.conv.weight', (1024, 9, 1, 1) instead of "
        "(1024, 192, 1, 1)).": state | {"conv5.0.weight": torch.zeros(1024, 9, 1, 1)},
    }
    for sentence, wrong in cases.items():
        with pytest.raises(MartletError) as caught:
            convert(wrong, "torchvision", SMALL)
        assert str(caught.value) == say + sentence


def test_weights_of_something_else(state: dict[str, Tensor]) -> None:
    with pytest.raises(MartletError, match=r"\d+ of another shape \(such as [^)]*\) instead of"):
        convert(state, "torchvision", "shufflenet_v2_x1_0")
    with pytest.raises(MartletError, match=r"not those of timm's mobilenet_v2_x1_0: \d+ missing"):
        convert(state, "timm", "mobilenetv2_100")
    with pytest.raises(MartletError, match=r"\d+ missing \(such as [^)]*\)\.$"):
        convert({}, "torchvision", SMALL)
    with pytest.raises(MartletError, match="library 'tim' is not known; did you mean timm"):
        convert(state, "tim", SMALL)
    with pytest.raises(MartletError, match="timm are known for hybridsn; accepted: mobilenet_v1"):
        convert(state, "timm", "hybridsn")


def test_half_precision_and_old_files(state: dict[str, Tensor]) -> None:
    old = {key: tensor.half() for key, tensor in state.items() if "num_batches" not in key}
    found = convert(old, "torchvision", SMALL).state
    assert found.keys() == convert(state, "torchvision", SMALL).state.keys()
    assert found["classifier.weight"].dtype == torch.float32
    assert found["conv1.bn.num_batches_tracked"].dtype == torch.int64


def test_nothing_is_renamed_twice(state: dict[str, Tensor]) -> None:
    found = convert(state, "torchvision", SMALL).state
    assert len(found) == len(state)
    assert sorted(t.sum().item() for t in found.values()) == sorted(
        t.sum().item() for t in state.values()
    )


@pytest.mark.parametrize("shape", [(), (3,), (0,), (3, 0, 3, 3)])
@pytest.mark.parametrize(
    ("library", "name", "key", "ours"),
    [
        ("timm", "mobilenetv1_100", "conv_stem.weight", "stem.conv.weight"),
        ("timm", "mobilenetv1_100", "classifier.weight", "classifier.weight"),
        ("torchvision", "resnet18", "conv1.weight", "conv1.conv.weight"),
        ("pytorchcv", "shufflenet_g1_w1", "features.init_block.conv.weight", "conv1.conv.weight"),
        ("pytorchcv", "shufflenetv2_w2", "features.final_block.conv.weight", "conv5.conv.weight"),
        (
            *("shufflenet_authors", "shufflenet_v1_g3_x1_0"),
            *("features.0.branch_main_1.3.weight", "stage2.0.depthwise.conv.weight"),
        ),
    ],
)
def test_tensors_of_too_few_dimensions(
    library: str, name: str, key: str, ours: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(MartletError, match=f"1 of another shape .such as '{ours}'"):
        convert({key: torch.zeros(shape)}, library, name)
