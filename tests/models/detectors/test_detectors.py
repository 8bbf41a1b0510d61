"""A detector by its name, on any network of pictures."""

import pytest
import torch

from martlet.errors import MartletError
from martlet.models import create_model, list_models, spec
from martlet.models.detectors import DETECTORS, Lite


def test_by_name() -> None:
    model = create_model("shufflenet_v2_x0_5", detector="lite", num_classes=4)
    assert isinstance(model, Lite)
    assert (model.num_classes, model.in_chans) == (4, 3)
    gray = create_model("mobilenet_v2_x0_5", detector="lite", num_classes=2, in_chans=1)
    assert gray.eval()(torch.randn(1, 1, 64, 64)).shape == (1, 85, 2 + 32)


@pytest.mark.parametrize("name", [n for n in list_models() if spec(n).input.kind == "image"])
@pytest.mark.parametrize(
    "detector",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "lite" else pytest.mark.long)
        for name in DETECTORS
    ],
)
def test_every_network_of_pictures_is_a_backbone(name: str, detector: str) -> None:
    with torch.device("meta"):
        model = create_model(name, detector=detector, num_classes=3).eval()
        side = 256
        answers = model(torch.empty(1, 3, side, side))
    assert answers.shape[1] == len(model.places((side, side)))


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("resnet18", {"detector": "light"}, r"^detector 'light' is not known; did you mean lite"),
        ("resnet18", {"detector": "lite", "features_only": True}, "exclude each other"),
        ("hybridsn", {"detector": "lite"}, r"^detector='lite' does not fit hybridsn; it takes no"),
        ("resnet18", {"detector": 3}, r"detector=3 is not accepted"),
    ],
)
def test_what_does_not_fit(name: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        create_model(name, **options)  # type: ignore[call-overload]
