import pytest
import torch
from torch import nn

from martlet.models import create_model, list_models, spec
from martlet.models.class_activation import class_activation, grad_cam, is_exact
from martlet.models.classifier import ImageClassifier
from martlet.models.table import find

# A row of each file.
PICTURES = {find(name)[0]: name for name in list_models() if spec(name).input.kind == "image"}


def network(name: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, **options)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.3)
    return model.eval()


def test_all_networks_of_pictures_but_mobilenet_v3_end_in_a_mean_and_a_linear_layer() -> None:
    with torch.device("meta"):
        found = {name: is_exact(create_model(name, num_classes=2)) for name in PICTURES.values()}
    others = [name for name, exact in found.items() if not exact]
    assert len(found) > 5
    assert [name.partition("_v3")[0] for name in others] == ["mobilenet"]


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "mobilenet_v1_x0_25", "mobilenet_v2_x0_35"])
def test_the_parts_of_a_logit_and_its_bias_are_the_logit(name: str) -> None:
    model = network(name, drop_rate=0.5)
    nn.init.normal_(model.classifier.bias)
    inputs, classes = torch.randn(2, 3, 64, 96), torch.tensor([2, 0])
    maps = class_activation(model, inputs, classes)
    assert maps.shape == (2, 2, 3)
    logits = model(inputs)[[0, 1], classes]
    torch.testing.assert_close(maps.sum((1, 2)) + model.classifier.bias[classes], logits)
    features = model.forward_features(inputs)
    torch.testing.assert_close(maps, grad_cam(model, features, classes), rtol=1e-4, atol=1e-5)


def test_behind_other_layers_the_gradient_stands_for_the_weights() -> None:
    model = network("mobilenet_v3_small_x0_5")
    inputs, classes = torch.randn(2, 3, 64, 64), torch.tensor([1, 1])
    features = model.forward_features(inputs).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model.forward_head(features)[:, 1].sum(), features)
    weights = gradient.mean((2, 3), keepdim=True)  # Grad-CAM's, formula 1
    expected = (weights * features).sum(1)
    assert not is_exact(model)
    torch.testing.assert_close(class_activation(model, inputs, classes), expected.detach())


@pytest.mark.parametrize("name", ["shufflenet_series", "shufflenet_series_mixed"])
def test_of_recordings_the_parts_lie_along_time(name: str) -> None:
    model = network(name, in_chans=4)
    inputs, classes = torch.randn(2, 1, 64, 4), torch.tensor([2, 1])
    maps = class_activation(model, inputs, classes)
    assert maps.shape == (2, 4)
    logits = model(inputs)[[0, 1], classes] - model.classifier.bias[classes]
    torch.testing.assert_close(maps.sum(1), logits)


def test_the_mode_is_put_back_and_nothing_keeps_a_gradient() -> None:
    model = network("mobilenet_v3_small_x0_5").train()
    assert isinstance(model, ImageClassifier)
    found = class_activation(model, torch.randn(2, 3, 32, 32), torch.tensor([0, 0]))
    assert model.training
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
