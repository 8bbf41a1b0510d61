"""timm's contract, held against timm's own network."""

import pytest
import timm
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.models import ImageClassifier, create_model


@pytest.fixture
def model() -> ImageClassifier:
    torch.manual_seed(0)
    return create_model("mobilenet_v2_x0_35", num_classes=10).eval()


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.randn(2, 3, 64, 64)


@pytest.mark.parametrize(
    ("name", "timms", "features", "hidden"),
    [
        ("mobilenet_v2_x0_35", "mobilenetv2_035", 1280, 1280),
        ("mobilenet_v3_small", "mobilenetv3_small_100", 576, 1024),
    ],
)
def test_same_contract_as_timm(
    name: str, timms: str, features: int, hidden: int, pictures: torch.Tensor
) -> None:
    for create, known in ((create_model, name), (timm.create_model, timms)):
        network = create(known, num_classes=10).eval()
        maps = network.forward_features(pictures)
        assert maps.shape == (2, features, 2, 2)
        assert network.num_features == features
        assert network.head_hidden_size == hidden
        assert network.num_classes == 10
        assert network.forward_head(maps).shape == (2, 10)
        assert network.forward_head(maps, pre_logits=True).shape == (2, hidden)
        network.reset_classifier(4)
        assert network.num_classes == 4
        assert network(pictures).shape == (2, 4)
        network.reset_classifier(0)
        assert network(pictures).shape == (2, hidden)


def test_reset_leaves_the_features_alone(model: ImageClassifier, pictures: torch.Tensor) -> None:
    before = model.forward_features(pictures)
    model.double().reset_classifier(3)
    assert isinstance(model.classifier, nn.Linear)
    assert model.classifier.weight.dtype == torch.float64
    assert model.classifier.weight.abs().max() < 0.1
    assert not model.classifier.bias.any()
    torch.testing.assert_close(model.float().forward_features(pictures), before)


def test_dropout_works_in_training_only(pictures: torch.Tensor) -> None:
    model = create_model("shufflenet_v2_x0_5", num_classes=0, drop_rate=0.5)
    features = model.forward_features(pictures).detach() + 1.0
    share = (model.train().forward_head(features) == 0).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.05)
    assert (model.eval().forward_head(features) != 0).all()


def test_negative_classes(model: ImageClassifier) -> None:
    with pytest.raises(MartletError, match="num_classes=-2 is negative"):
        model.reset_classifier(-2)


def test_the_classifier_by_timms_names(model: ImageClassifier) -> None:
    theirs = timm.create_model("mobilenetv2_035", num_classes=10)
    for network in (model, theirs):
        network.reset_classifier(4, global_pool="avg")
        assert network.get_classifier() is network.classifier
        network.reset_classifier(0)
        assert isinstance(network.get_classifier(), nn.Identity)
    with pytest.raises(MartletError, match="global_pool='max' is not accepted; a network keeps"):
        model.reset_classifier(4, global_pool="max")


@pytest.mark.parametrize("value", ["5", 2.5, None, True])
def test_classes_that_are_no_number(model: ImageClassifier, value: object) -> None:
    with pytest.raises(MartletError, match=f"num_classes={value!r} is not accepted; give a whole"):
        model.reset_classifier(value)  # type: ignore[arg-type]


def test_one_picture_of_one_pixel_at_the_end_has_no_variance(model: ImageClassifier) -> None:
    x = torch.randn(1, 3, 32, 32)
    assert model(x).shape == (1, 10)
    with pytest.raises(MartletError, match="give a batch of two or more, or a larger picture"):
        model.train()(x)
    for enough in (torch.randn(2, 3, 32, 32), torch.randn(1, 3, 33, 32)):
        assert model(enough).isfinite().all()
