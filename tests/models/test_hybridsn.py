"""HybridSN is the paper's, difference by difference."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model, spec
from martlet.models.hybridsn import HybridSN

BANDS, WINDOW = 14, 10  # a small cube


def small(num_classes: int = 3, **options: object) -> HybridSN:
    torch.manual_seed(0)
    made = create_model(
        "hybridsn", num_classes=num_classes, in_chans=BANDS, window=WINDOW, **options
    )
    assert isinstance(made, HybridSN)
    return made


def cubes(batch: int) -> Tensor:
    return torch.randn(batch, 1, BANDS, WINDOW, WINDOW)


def in_meta(name: str, **options: object) -> torch.nn.Module:
    with torch.device("meta"):
        return create_model(name, **options)


def test_layers_of_table_1() -> None:
    found = cost(in_meta("hybridsn"), (1, 1, 30, 25, 25))
    assert [(row.name, row.params, row.output_shape) for row in found.layers if row.params] == [
        ("conv1", 512, (1, 8, 24, 23, 23)),
        ("conv2", 5_776, (1, 16, 20, 21, 21)),
        ("conv3", 13_856, (1, 32, 18, 19, 19)),
        ("conv4", 331_840, (1, 64, 17, 17)),
        ("fc1", 4_735_232, (1, 256)),
        ("fc2", 32_896, (1, 128)),
        ("classifier", 2_064, (1, 16)),
    ]
    assert found.params == 5_122_176
    assert found.macs / 1e6 == pytest.approx(247.68, abs=0.005)


def test_layers_of_the_two_forms_that_its_title_joins() -> None:
    rows = {
        form: [
            (row.name, row.output_shape)
            for row in cost(in_meta("hybridsn", convolutions=form), (1, 1, 30, 25, 25)).layers
            if row.params
        ]
        for form in ("2d", "3d")
    }
    head = [("fc1", (1, 256)), ("fc2", (1, 128)), ("classifier", (1, 16))]
    # As many maps as channels and bands make in Table I: 8 · 24, 16 · 20, 32 · 18.
    assert rows["2d"] == [
        ("conv1", (1, 192, 23, 23)),
        ("conv2", (1, 320, 21, 21)),
        ("conv3", (1, 576, 19, 19)),
        ("conv4", (1, 64, 17, 17)),
        *head,
    ]
    assert rows["3d"] == [
        ("conv1", (1, 8, 24, 23, 23)),
        ("conv2", (1, 16, 20, 21, 21)),
        ("conv3", (1, 32, 18, 19, 19)),
        *head,
    ]
    assert create_model("hybridsn", convolutions="3d", window=9).fc1.in_features == 576 * 3 * 3


def page() -> dict[str, object]:
    """What the page's python blocks define."""
    text = (Path(__file__).parents[2] / "docs" / "hybridsn.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        exec(block, names)
    return names


def by_keras(x: Tensor, kernels: list[Tensor], biases: list[Tensor]) -> Tensor:
    """The authors' network with channels last, for cubes (batch, rows, columns, bands, 1)."""
    for kernel, bias in zip(kernels[:3], biases[:3], strict=True):
        rows, columns, bands = kernel.shape[:3]
        patches = x.unfold(1, rows, 1).unfold(2, columns, 1).unfold(3, bands, 1)
        x = F.relu(torch.einsum("nhwbirck,rckio->nhwbo", patches, kernel) + bias)
    x = x.reshape(*x.shape[:3], -1)
    patches = x.unfold(1, 3, 1).unfold(2, 3, 1)
    x = F.relu(torch.einsum("nhwirc,rcio->nhwo", patches, kernels[3]) + biases[3])
    x = x.reshape(len(x), -1)
    x = F.relu(x @ kernels[4] + biases[4])
    x = F.relu(x @ kernels[5] + biases[5])
    return x @ kernels[6] + biases[6]


def test_is_the_authors_network_with_the_axes_in_kerass_order() -> None:
    torch.manual_seed(0)
    side = WINDOW - 8
    shapes = [(3, 3, 7, 1, 8), (3, 3, 5, 8, 16), (3, 3, 3, 16, 32), (3, 3, (BANDS - 12) * 32, 64)]
    shapes += [(side * side * 64, 256), (256, 128), (128, 3)]
    kernels = [torch.randn(shape) * (2 / np.prod(shape[:-1])) ** 0.5 for shape in shapes]
    biases = [0.1 * torch.randn(shape[-1]) for shape in shapes]
    arrays = [array for pair in zip(kernels, biases, strict=True) for array in pair]
    model = small().eval()
    model.load_state_dict(page()["from_keras"]([a.numpy() for a in arrays], BANDS, WINDOW))
    x = cubes(2)
    expected = by_keras(x.permute(0, 3, 4, 2, 1), kernels, biases)
    assert expected.std() > 0.1
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


def test_weights_start_as_kerass() -> None:
    for name, layer in small(num_classes=500).named_children():
        if not hasattr(layer, "weight"):
            continue
        bound = (
            6 / ((layer.weight.shape[0] + layer.weight.shape[1]) * layer.weight[0, 0].numel())
        ) ** 0.5
        largest = layer.weight.abs().max().item()
        assert 0.9 * bound < largest <= bound, name
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        assert not layer.bias.any()


def test_a_fresh_classifier_starts_the_same_way() -> None:
    model = small()
    kept = model.fc2.weight.clone()
    model.reset_classifier(1000)
    bound = (6 / (128 + 1000)) ** 0.5
    assert 0.99 * bound < model.classifier.weight.abs().max().item() <= bound
    assert torch.equal(model.fc2.weight, kept)


def test_both_dropouts_thin_by_the_rate_of_the_row() -> None:
    model = create_model("hybridsn_salinas")
    assert model.dropout.p == spec("hybridsn_salinas").drop_rate == 0.4
    seen: list[tuple[torch.Size, float]] = []
    model = small(drop_rate=0.4)
    model.dropout.register_forward_hook(
        lambda _, x, y: seen.append((x[0].shape, ((y == 0) & (x[0] > 0)).sum() / (x[0] > 0).sum()))
    )
    model(cubes(64))
    assert [shape for shape, _ in seen] == [(64, 256), (64, 128)]
    assert [share.item() for _, share in seen] == pytest.approx([0.4, 0.4], abs=0.03)
    assert small(drop_rate=0.1).dropout.p == 0.1


@pytest.mark.parametrize(("bands", "window"), [(13, 9), (15, 11), (30, 25)])
@pytest.mark.parametrize("batch", [1, 3])
def test_sizes_and_batches(bands: int, window: int, batch: int) -> None:
    model = create_model("hybridsn", num_classes=3, in_chans=bands, window=window).eval()
    assert model(torch.randn(batch, 1, bands, window, window)).shape == (batch, 3)


def test_every_parameter_gets_a_gradient() -> None:
    model = small()
    F.cross_entropy(model(cubes(4)), torch.tensor([0, 1, 2, 0])).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"in_chans": 12}, r"^in_chans=12 is too small; .* 13 or more\.$"),
        ({"window": 8}, r"^window=8 is too small; the convolutions need 9 or more\.$"),
        ({"small_input": True}, "has no option 'small_input'; it has window"),
        ({"convolutions": "2-d"}, r"^convolutions '2-d' is not known; did you mean 2d\?$"),
        ({"features_only": True}, "does not fit hybridsn; it takes no pictures"),
    ],
)
def test_what_leaves_no_output_is_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        create_model("hybridsn", **options)


@pytest.mark.parametrize("shape", [(2, BANDS, WINDOW, WINDOW), (2, 1, BANDS, 9, WINDOW)])
def test_another_input_is_one_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(MartletError, match=r"accepted: \(batch, 1, 14, 10, 10\), which is"):
        small()(torch.zeros(shape))
