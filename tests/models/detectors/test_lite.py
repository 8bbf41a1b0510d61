"""Lite: its size, its places, what its numbers mean."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.models.detectors.lite import BINS, Lite, boxes_of


def made(name: str = "shufflenet_v2_x0_5", num_classes: int = 3) -> Lite:
    torch.manual_seed(0)
    return Lite(create_model(name, features_only=True, out_indices=3), num_classes)


def test_it_is_as_light_as_its_kind() -> None:
    """NanoDet-Plus-m has 1.17 M params and 0.9 GFLOPs, of which a MAC is two, for 80 classes."""
    with torch.device("meta"):
        found = cost(made("shufflenet_v2_x1_0", 80).eval(), (1, 3, 320, 320))
    assert found.params == 869_652
    assert found.macs == 360_470_400


@pytest.mark.parametrize("size", [(64, 96), (65, 127), (33, 64)])
def test_places_lie_as_the_maps_do(size: tuple[int, int]) -> None:
    model, x = made().train(), torch.randn(2, 3, *size)
    out = model(x)
    places = model.places(size)
    assert out.shape == (2, len(places), 3 + 4 * BINS + 3)
    assert torch.equal(out[0, :, -3:], places)
    counts = [int((places[:, 2] == stride).sum()) for stride in (8, 16, 32, 64)]
    with torch.no_grad():
        maps = model.neck(model.backbone(x))
    assert counts == [m.shape[2] * m.shape[3] for m in maps]
    first = places[:2].tolist()
    assert first == [[4.0, 4.0, 8.0], [12.0, 4.0, 8.0]]  # x runs first
    assert model.eval()(x).shape == (2, len(places), 3 + 4 * BINS)


def test_an_answer_stands_where_its_place_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    model, size = made().eval(), (65, 96)

    def coordinates(maps: list[Tensor]) -> list[Tensor]:
        """In place of the neck: each map says of its pixels which of the picture they are at."""
        found = []
        for stride, height, width in ((8, 9, 12), (16, 5, 6), (32, 3, 3), (64, 2, 2)):
            y, x = (torch.arange(n) * stride + stride / 2 for n in (height, width))
            found.append(torch.stack(torch.meshgrid(x, y, indexing="xy"))[None])
        return found

    model.neck = Through(coordinates)  # type: ignore[assignment]
    monkeypatch.setattr(model, "_answer", lambda x, level: x)
    assert torch.equal(model(torch.randn(1, 3, *size))[0], model.places(size)[:, :2])


class Through(nn.Module):
    def __init__(self, function: Callable[[list[Tensor]], list[Tensor]]) -> None:
        super().__init__()
        self.function = function

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return self.function(maps)


def test_distances_are_the_mean_of_their_bins_in_strides() -> None:
    places = torch.tensor([[20.0, 12.0, 8.0], [48.0, 48.0, 32.0]])
    logits = torch.full((2, 4 * BINS), -1e4)
    for place, bins in enumerate(((1, 0, 7, 3), (0, 1, 2, 1))):
        for edge, number in enumerate(bins):
            logits[place, edge * BINS + number] = 0.0
    expected = torch.tensor([[12.0, 12.0, 76.0, 36.0], [48.0, 16.0, 112.0, 80.0]])
    assert torch.equal(boxes_of(logits, places), expected)
    logits[0, 1] = logits[0, 2] = 0.0  # left: half at 1, half at 2
    assert boxes_of(logits, places)[0, 0] == 20.0 - 1.5 * 8
    answers = torch.cat((torch.tensor([[0.0, -2.0], [3.0, 0.0]]), logits), 1)[None]
    boxes, scores = made(num_classes=2).decode(answers, places)
    assert torch.equal(boxes[0], boxes_of(logits, places))
    expected = torch.tensor([[0.5, 0.1192], [0.9526, 0.5]])
    torch.testing.assert_close(scores[0], expected, atol=1e-4, rtol=0)


def test_fresh_scores_are_rare_and_every_weight_learns() -> None:
    model = made().train()
    out: Tensor = model(torch.randn(2, 3, 64, 64))
    assert float(out[..., :3].detach().sigmoid().mean()) == pytest.approx(0.01, rel=0.05)
    out[..., :-3].pow(2).sum().backward()
    still = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_fresh_boxes_are_of_about_four_strides() -> None:
    model = made().eval()
    with torch.no_grad():
        answers = model(torch.zeros(1, 3, 64, 64))
    places = model.places((64, 64))
    corners, _ = model.decode(answers, places)
    sides = (corners[0, :, 2:] - corners[0, :, :2]) / places[:, 2:]
    assert 3.5 < float(sides.min()) <= float(sides.max()) < 4.6


def test_levels_share_convolutions_and_not_their_norm() -> None:
    model = made()
    assert sum(p.numel() for p in model.head.parameters()) == 2 * (
        96 * 25 + 96 * 96 + 2 * 4 * 2 * 96
    )


def test_what_it_does_not_take_is_one_sentence() -> None:
    backbone = create_model("shufflenet_v2_x0_5", features_only=True, out_indices=2)
    with pytest.raises(MartletError, match=r"takes 3 levels .* gives 2; give out_indices=3\.$"):
        Lite(backbone, 3)
    with pytest.raises(MartletError, match=r"^num_classes=0 is too small; give 1 or more\.$"):
        made(num_classes=0)
