"""A scene at once gives what window by window gives, and trains as a batch of windows does."""

import pytest
import torch
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.models.hybridsn import HybridSN
from martlet.models.whole_scene import OnTiles, WholeScene, logits_at, map_macs

WINDOW, BANDS = 11, 13


def network(num_classes: int = 3, drop_rate: float = 0.0, **options: object) -> HybridSN:
    torch.manual_seed(0)
    sizes = {"num_classes": num_classes, "in_chans": BANDS, "window": WINDOW}
    made = create_model("hybridsn", **(sizes | options), drop_rate=drop_rate)
    assert isinstance(made, HybridSN)
    return made


def scene(batch: int, rows: int, columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 1, BANDS, rows, columns, generator=generator)


FORMS = pytest.mark.parametrize("form", ["hybrid", "2d", "3d"])


@FORMS
@pytest.mark.parametrize("num_classes", [3, 0])
def test_every_pixel_has_the_logits_of_its_window(num_classes: int, form: str) -> None:
    model, x = network(num_classes, convolutions=form).eval(), scene(2, 14, 13)
    with torch.inference_mode():
        found = WholeScene(model)(x)
        assert found.shape == (2, num_classes or 128, 4, 3)
        for row in range(4):
            for column in range(3):
                window = x[..., row : row + WINDOW, column : column + WINDOW]
                torch.testing.assert_close(
                    found[:, :, row, column], model(window), atol=1e-5, rtol=1e-5
                )


def test_a_part_of_a_scene_gives_that_part_of_the_answer() -> None:
    """Tiles that share the border of a window are exact."""
    model, x = WholeScene(network().eval()), scene(1, 20, 16)
    with torch.inference_mode():
        whole = model(x)
        for first, last in ((0, 5), (5, 10)):
            tile = model(x[..., first : last + WINDOW - 1, :])
            torch.testing.assert_close(tile, whole[:, :, first:last], atol=1e-6, rtol=1e-5)


@FORMS
def test_large_kernels_are_done_in_frequencies(form: str) -> None:
    model = network(window=19, convolutions=form).eval()
    dense, x = WholeScene(model), scene(1, 60, 45)
    for change in (1.0, -2.0):  # weights that change are seen
        with torch.no_grad():
            model.fc1.weight.mul_(change)
            found = dense(x)
        direct = dense(x)  # with gradients: as a convolution
        assert direct.requires_grad
        assert not torch.equal(found, direct)
        torch.testing.assert_close(found, direct.detach(), atol=1e-5, rtol=1e-5)


@FORMS
def test_values_and_gradients_are_those_of_the_windows(form: str) -> None:
    x = scene(2, 15, 14)
    places = torch.tensor([[0, 0, 0], [1, 4, 3], [0, 0, 1], [0, 2, 2], [0, 0, 0]])
    targets = torch.tensor([0, 1, 2, 0, 1])
    windows = torch.stack(
        [x[n, :, :, r : r + WINDOW, c : c + WINDOW] for n, r, c in places.tolist()]
    )
    found = []
    for logits in (lambda m: logits_at(m, x, places), lambda m: m(windows)):
        model = network(convolutions=form).train()
        made = logits(model)
        torch.nn.functional.cross_entropy(made, targets).backward()
        found.append((made, {name: p.grad for name, p in model.named_parameters()}))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_each_window_has_a_dropout_of_its_own() -> None:
    model = network(drop_rate=0.5).train()
    one = logits_at(model, scene(1, 12, 12), torch.tensor([[0, 0, 0], [0, 0, 0]]))
    assert not torch.equal(one[0], one[1])


def test_windows_and_tiles_go_through_the_same_weights() -> None:
    model, x, places = network(drop_rate=0.5).eval(), scene(1, 13, 12), torch.tensor([[0, 2, 1]])
    either = OnTiles(model)
    assert not either.training
    window = x[..., 2 : 2 + WINDOW, 1 : 1 + WINDOW]
    torch.testing.assert_close(either((x, places)), either(window), atol=1e-5, rtol=1e-5)
    assert torch.equal(either(window), model(window))
    either.train()
    assert model.training


@FORMS
@pytest.mark.parametrize("shape", [(11, 11), (14, 20)])
def test_macs_of_the_convolutions_are_those_counted(shape: tuple[int, int], form: str) -> None:
    model = network(convolutions=form)
    whole = cost(WholeScene(model), (1, 1, BANDS, *shape)).macs
    places = (shape[0] - WINDOW + 1) * (shape[1] - WINDOW + 1)
    linear = sum(layer.weight.numel() for layer in model.modules() if isinstance(layer, nn.Linear))
    assert map_macs(model, *shape) == whole - places * linear


@pytest.mark.parametrize("shape", [(1, 1, 13, 10, 20), (1, 1, 12, 20, 20), (1, 13, 20, 20)])
def test_what_is_no_scene(shape: tuple[int, ...]) -> None:
    with pytest.raises(MartletError, match=r"the scene has shape .*; accepted: \(batch, 1, 13, r"):
        WholeScene(network())(torch.zeros(shape))
