"""torchvision's weights in our networks: the same output, and no key out of place."""

from collections.abc import Callable
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models._api import WeightsEnum

from swiftlet.errors import SwiftletError
from swiftlet.models import create_model, list_models, spec
from swiftlet.models.weights.torchvision import from_torchvision

NAMES = [name for name in list_models() if spec(name).weights is not None]
SMALL = "shufflenet_v2_x0_5"


def theirs(name: str, **options: int) -> nn.Module:
    """torchvision's network with random weights and random BatchNorm statistics."""
    torch.manual_seed(0)
    make: Callable[..., nn.Module] = getattr(
        torchvision.models, name.removesuffix("_x1_0") if name.startswith("mobilenet") else name
    )
    model = make(**options)
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return model.eval()


def test_the_networks_that_torchvision_has() -> None:
    assert ["mobilenet_v2_x1_0", *list_models("shufflenet_v2_*")] == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_same_output(name: str, layout: torch.memory_format) -> None:
    source = theirs(name)
    model = create_model(name).eval()
    model.load_state_dict(from_torchvision(source.state_dict(), name))
    x = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        expected = source(x)
        found = model.to(memory_format=layout)(x.contiguous(memory_format=layout))
    assert expected.std() > 0.1
    assert (found - expected).abs().max() <= 1e-5


@pytest.mark.parametrize("name", ["mobilenet_v2", SMALL])
def test_other_classes_and_aliases(name: str) -> None:
    source = theirs(name, num_classes=5)
    model = create_model(name, num_classes=5).eval()
    model.load_state_dict(from_torchvision(source.state_dict(), name))
    x = torch.randn(1, 3, 64, 64)
    assert (model(x) - source(x)).abs().max() <= 1e-5


def without(state: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name != key}


def test_what_does_not_fit_is_one_sentence() -> None:
    state = theirs(SMALL).state_dict()
    say = "the weights are not those of torchvision's shufflenet_v2_x0_5: they "
    cases = {
        "lack stage2.0.main.0.conv.weight.": without(state, "stage2.0.branch2.0.weight"),
        "lack classifier.weight.": without(state, "fc.weight"),
        "have unknown extra.weight.": state | {"extra.weight": torch.zeros(1)},
        # a shortcut in a unit that has none
        "have unknown stage2.1.shortcut.0.conv.weight.": state
        | {"stage2.1.branch1.0.weight": torch.zeros(1)},
        r"do not fit: conv5.conv.weight is (1024, 9, 1, 1) instead of (1024, 192, 1, 1).": state
        | {"conv5.0.weight": torch.zeros(1024, 9, 1, 1)},
    }
    for sentence, wrong in cases.items():
        with pytest.raises(SwiftletError) as caught:
            from_torchvision(wrong, SMALL)
        assert str(caught.value) == say + sentence
    with pytest.raises(SwiftletError, match=r"do not fit: .* and \d+ more"):
        from_torchvision(state, "shufflenet_v2_x1_0")
    with pytest.raises(SwiftletError, match=r"they lack .* and \d+ more"):
        from_torchvision({}, SMALL)
    with pytest.raises(SwiftletError, match=r"accepted: mobilenet_v2_\*, shufflenet_v2_\*"):
        from_torchvision(state, "shufflenet_v1_g1_x1_0")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """torchvision's download, answered with random weights."""
    source = theirs(SMALL)
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: source.state_dict())
    return source


def test_pretrained(shelf: nn.Module) -> None:
    model, x = create_model(SMALL, pretrained=True).eval(), torch.randn(1, 3, 64, 64)
    assert torch.equal(model(x), shelf(x))


@pytest.mark.parametrize("num_classes", [0, 7])
def test_pretrained_features_with_a_fresh_classifier(shelf: nn.Module, num_classes: int) -> None:
    model = create_model(SMALL, num_classes=num_classes, pretrained=True).eval()
    whole = create_model(SMALL, pretrained=True).eval()
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(model.forward_features(x), whole.forward_features(x))
    assert model(x).shape == (1, num_classes or 1024)


@pytest.mark.parametrize("name", NAMES)
def test_torchvision_knows_the_weights(name: str) -> None:
    weights = spec(name).weights
    assert weights is not None
    entry = torchvision.models.get_weight(weights.name)
    assert entry.meta["num_params"] == spec(name).params
    assert entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] == weights.top1
    assert entry.transforms().resize_size == [weights.resize]
    assert entry.transforms().crop_size == [spec(name).input.height]


def test_pretrained_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        SwiftletError, match="shufflenet_v1_g1_x1_0 has no known weights; use one of"
    ):
        create_model("shufflenet_v1_g1_x1_0", pretrained=True)
    with pytest.raises(SwiftletError, match="in_chans=1 does not fit pretrained=True"):
        create_model(SMALL, in_chans=1, pretrained=True)

    def fail(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", fail)
    with pytest.raises(SwiftletError, match=r"the download failed .*no route to host"):
        create_model(SMALL, pretrained=True)
