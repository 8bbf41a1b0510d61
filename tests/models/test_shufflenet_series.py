"""The ShuffleNet for recordings is its definition, difference by difference."""

import pytest
import torch
import torch.nn.functional as F
from tests.models.comparison import lively
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model, spec
from martlet.models.shufflenet_series import VARIANTS, ShuffleNetSeries, Variant
from martlet.ops.shuffle import channel_shuffle

SENSORS = 5
FORMS = pytest.mark.parametrize("stem", ["separable", "full"])


def small(**options: object) -> ShuffleNetSeries:
    torch.manual_seed(0)
    options = {"num_classes": 3, "in_chans": SENSORS, "width": 0.25, **options}
    made = create_model("shufflenet_series", **options)
    assert isinstance(made, ShuffleNetSeries)
    return made


def recordings(batch: int, length: int = 40) -> Tensor:
    return torch.randn(batch, 1, length, SENSORS)


@pytest.mark.parametrize("row", VARIANTS, ids=lambda row: row.name)
def test_cost_by_formula(row: Variant) -> None:
    """Each unit halves 128 moments of 9 sensors; every convolution has a bias."""
    params, macs, channels, length, sensors = 0, 0, 1, 128, 9
    if row.sensors == "mixed":
        channels, sensors = sensors, 1
    for number, base in enumerate(row.channels):
        wider, length = int(base * row.width), length // 2
        weights = row.kernel * channels + channels * wider
        biases = channels + wider
        if number == 0 and row.stem == "full":
            weights, biases = 3 * wider, wider
        params += weights + biases + 2 * wider
        macs += weights * length * sensors
        channels = wider
    params += channels * sensors * 6 + 6
    macs += channels * sensors * 6
    with torch.device("meta"):
        found = cost(create_model(row.name), (1, *row.input.shape))
    assert (found.params, found.macs) == (params, macs) == (row.params, row.macs)


def test_mixed_sensors_are_channels() -> None:
    """The first filters are one a sensor; any sensor changes what each of the last maps says."""
    torch.manual_seed(0)
    model = lively(create_model("shufflenet_series_mixed", num_classes=3, in_chans=SENSORS))
    assert isinstance(model, ShuffleNetSeries)
    assert model.units[0].layers[0].weight.shape == (SENSORS, 1, 5, 1)
    x = recordings(2)
    features = model.forward_features(x)
    assert features.shape == (2, 64, 3, 1)
    assert torch.equal(model.units(x[:, 0].transpose(1, 2)[..., None]), features)
    assert model.head_hidden_size == model.pool(features).shape[1] == 64
    assert create_model("shufflenet_series_mixed", kernel=9).units[0].layers[0].kernel_size == (
        9,
        1,
    )


def by_definition(model: ShuffleNetSeries, x: Tensor) -> Tensor:
    """The definition spelled out with torch's own operations."""
    weights = model.state_dict()
    for number, groups in enumerate((8, 8, 16, 16)):
        prefix = f"units.{number}.layers."
        *convolutions, norm = sorted({key.split(".")[3] for key in weights if prefix in key})
        for place in convolutions:
            kernel, bias = weights[f"{prefix}{place}.weight"], weights[f"{prefix}{place}.bias"]
            if place == "0":  # along time
                depthwise = x.shape[1] if kernel.shape[1] == 1 else 1
                x = F.conv2d(x, kernel, bias, (2, 1), (kernel.shape[2] // 2, 0), 1, depthwise)
            else:
                assert kernel.shape[2:] == (1, 1)
                x = F.conv2d(x, kernel, bias)
        mean, var, weight, bias = (
            weights[f"{prefix}{norm}.{name}"]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = F.relu(F.batch_norm(x, mean, var, weight, bias))
        batch, channels, *place = x.shape
        x = x.reshape(batch, groups, channels // groups, *place).transpose(1, 2)
        x = x.reshape(batch, channels, *place)
    x = nn.AdaptiveAvgPool2d((1, x.shape[3]))(x)
    return F.linear(x.flatten(1), weights["classifier.weight"], weights["classifier.bias"])


@FORMS
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("length", [16, 33])
def test_is_the_definition(stem: str, kernel: int, length: int) -> None:
    model = lively(small(stem=stem, kernel=kernel))
    x = recordings(2, length)
    expected = by_definition(model, x)
    assert expected.std() > 0.1
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)


@FORMS
def test_convolutions_never_mix_sensors(stem: str) -> None:
    model = lively(small(stem=stem))
    x = recordings(2)
    changed = x.clone()
    changed[..., 3] += torch.randn(2, 1, 40)
    with torch.inference_mode():
        difference = (model.forward_features(x) - model.forward_features(changed)).abs()
        assert (model(x) - model(changed)).abs().amax(1).min() > 1e-3  # the linear layer does
    assert difference[..., 3].max() > 0.1
    assert not difference[..., [0, 1, 2, 4]].any()


def test_separable_stem_has_one_filter_and_the_full_one_as_many_as_channels() -> None:
    """All maps behind the separable stem's convolutions are one signal, scaled and shifted."""
    x = recordings(1)
    for stem, independent in (("separable", 1), ("full", 3)):  # 3 moments under each kernel
        maps = x
        for layer in small(stem=stem).units[0].layers:
            if isinstance(layer, nn.Conv2d):
                maps = layer(maps)
        centred = (maps - maps.mean((2, 3), keepdim=True)).flatten(2)[0]
        assert torch.linalg.matrix_rank(centred, rtol=1e-4) == independent


def test_weights_start_from_hes_law() -> None:
    for number, unit in enumerate(small(width=4.0).units):
        for layer in (module for module in unit.layers if isinstance(module, nn.Conv2d)):
            assert not layer.bias.any()
            fan_out = layer.weight[0, 0].numel() * layer.out_channels / layer.groups
            if layer.weight.numel() > 500:
                deviation = pytest.approx((2 / fan_out) ** 0.5, rel=0.15)
                assert layer.weight.std().item() == deviation, number


@FORMS
@pytest.mark.parametrize(("batch", "length"), [(1, 16), (3, 128), (2, 1001)])
def test_lengths_and_batches(stem: str, batch: int, length: int) -> None:
    assert small(stem=stem).eval()(recordings(batch, length)).shape == (batch, 3)


@FORMS
def test_parameters_get_gradients(stem: str) -> None:
    """All do, but the biases before a batch normalisation, which takes any constant off again."""
    model = small(stem=stem)
    F.cross_entropy(model(recordings(4)), torch.tensor([0, 1, 2, 0])).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        largest = parameter.grad.abs().max().item()
        layer = model.get_submodule(key.rpartition(".")[0])
        if isinstance(layer, nn.Conv2d) and key.endswith("bias"):
            assert largest < 1e-5, key
        else:
            assert largest > 1e-7, key


def test_dropout_thins_what_the_linear_layer_reads() -> None:
    model = small(drop_rate=0.5)
    x = recordings(8, 32)
    share = (model.forward_head(model.forward_features(x), pre_logits=True) == 0).float().mean()
    without = (model.pool(model.forward_features(x)) == 0).float().mean()
    assert (share - without).item() == pytest.approx(0.5 * (1 - without.item()), abs=0.05)
    assert spec("shufflenet_series").drop_rate == small().dropout.p == 0.0


@pytest.mark.parametrize(("width", "first"), [(1 / 16, 8), (0.3, 16), (0.45, 32), (1.5, 96)])
def test_widths_keep_to_multiples_of_the_groups(width: float, first: int) -> None:
    model = small(width=width)
    for unit in model.units:
        assert unit.layers[-2].num_features % unit.groups == 0
    assert model.units[0].layers[-2].num_features == first
    assert model.eval()(recordings(1)).shape == (1, 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"width": 0.06}, r"^width=0.06 is not accepted; give 0.0625, which leaves a channel"),
        ({"width": float("nan")}, "^width=nan is not accepted; give 0.0625"),
        ({"width": 17.0}, r"^width=17.0 is not accepted; .* to 16\.$"),
        ({"kernel": 4}, "^kernel=4 is not accepted; give an odd number"),
        ({"stem": "depthwise"}, "^stem 'depthwise' is not known; "),
        ({"small_input": True}, "has no option 'small_input'; it has kernel, width, stem"),
    ],
)
def test_bad_options_are_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        small(**options)


@pytest.mark.parametrize("shape", [(2, 40, 5), (2, 2, 40, 5), (2, 1, 15, 5), (2, 1, 40, 6)])
def test_another_input_is_one_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(MartletError, match=r"accepted: \(batch, 1, length, 5\) with a length of"):
        small()(torch.zeros(shape))


def test_without_shuffle_channels_stay_where_they_are() -> None:
    torch.manual_seed(0)
    whole, bare = small().eval(), small(shuffle=False).eval()
    bare.load_state_dict(whole.state_dict())
    x = recordings(1)
    first, other = whole.units[0], bare.units[0]
    assert torch.equal(first(x), channel_shuffle(other(x), first.groups))
    assert not torch.equal(whole(x), bare(x))
