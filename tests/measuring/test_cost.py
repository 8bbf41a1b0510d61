"""`cost` against closed forms and fvcore; it must not touch the model."""

import copy
import warnings
from collections import Counter
from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fvcore compiles with torch.jit, which is going away
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

PRODUCTS = {"conv", "linear", "matmul", "addmm", "bmm", "mm", "einsum"}


class Function(nn.Module):
    """A module around a function."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def test_one_convolution_by_hand() -> None:
    found = cost(nn.Conv2d(8, 12, 3, padding=1, groups=4), (1, 8, 5, 7))
    assert found.params == 12 * 2 * 9 + 12
    assert found.macs == 12 * 2 * 9 * 5 * 7
    assert found.activations == 12 * 5 * 7
    assert found.bytes_moved == 4 * (8 * 35 + 12 * 18 + 12 + 12 * 35)
    assert found.peak_activation_bytes == 4 * (8 * 35 + 12 * 35)
    assert found.uncounted == Counter()


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (nn.Linear(5, 3), (2, 5), 30),
        (nn.Linear(5, 3, bias=False), (2, 4, 5), 120),
        (nn.Conv1d(3, 4, 5), (1, 3, 9), 3 * 4 * 5 * 5),
        (nn.Conv3d(1, 8, (3, 3, 7)), (1, 1, 25, 25, 30), 8 * 63 * 23 * 23 * 24),
        (nn.Conv2d(4, 6, 3, stride=2, dilation=2), (2, 4, 11, 11), 2 * 24 * 9 * 16),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (2, 4, 5, 5), 2 * 4 * 3 * 9 * 25),
        (nn.ConvTranspose1d(4, 6, 3), (1, 4, 5), 4 * 6 * 3 * 5),
        (nn.ConvTranspose3d(4, 6, 2, stride=2), (1, 4, 3, 3, 3), 4 * 6 * 8 * 27),
        (nn.AvgPool2d(2), (1, 3, 4, 4), 0),
        (Function(lambda x: x @ x.mT), (2, 3, 4), 2 * 3 * 4 * 3),
        (Function(lambda x: x[0] @ x[0, 0]), (2, 3, 4), 12),
        (Function(lambda x: torch.dot(x[0], x[1])), (2, 9), 9),
        (Function(lambda x: torch.einsum("bnd,bmd->bnm", x, x)), (2, 3, 4), 72),
        (Function(lambda x: torch.baddbmm(x @ x.mT, x, x.mT)), (2, 3, 4), 144),
        (Function(lambda x: torch.addbmm(x[0] @ x[0].T, x, x.mT)), (2, 3, 4), 36 + 72),
        (Function(lambda x: torch.addmv(x[0], x, x[0])), (3, 3), 9),
        (nn.LSTM(4, 5), (7, 1, 4), 7 * 4 * 5 * (4 + 5)),
        (nn.GRU(4, 5, bidirectional=True), (7, 2, 4), 2 * 2 * 7 * 3 * 5 * (4 + 5)),
        (nn.Sequential(), (2, 3), 0),
    ],
)
def test_closed_forms(layer: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    assert cost(layer, shape).macs == macs


def test_attention() -> None:
    positions, width, heads = 10, 16, 4
    layer = nn.TransformerEncoderLayer(width, heads, 32, batch_first=True)
    projections = positions * (4 * width * width + 2 * width * 32)
    scores = 2 * positions * positions * width  # all heads together
    assert cost(layer, (1, positions, width)).macs == projections + scores
    attention = Function(lambda x: nn.functional.scaled_dot_product_attention(x, x, x))
    assert cost(attention, (2, heads, positions, 8)).macs == 2 * 2 * heads * 8 * positions**2


VISION = torchvision.models
PICTURE = (1, 3, 64, 64)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mobilenet_v3_small": (VISION.mobilenet_v3_small, PICTURE),
    "densenet121": (VISION.densenet121, PICTURE),
    "swin_t": (VISION.swin_t, PICTURE),  # attention by matrix products
    "r3d_18": (VISION.video.r3d_18, (1, 3, 4, 32, 32)),
    "lraspp": (  # a dict of maps
        lambda: VISION.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None),
        PICTURE,
    ),
    "mixer": (lambda: timm.create_model("mixer_s32_224"), (1, 3, 224, 224)),
    "ours": (lambda: create_model("shufflenet_v1_g3_x0_5"), PICTURE),
    "hybridsn": (lambda: create_model("hybridsn"), (1, 1, 30, 25, 25)),
}
LARGE = ("densenet121", "lraspp", "mixer", "r3d_18", "swin_t")


@pytest.mark.filterwarnings("ignore")  # fvcore's tracing has many to give
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name in LARGE else ()) for name in NETWORKS],
)
def test_agrees_with_fvcore(name: str) -> None:
    build, shape = NETWORKS[name]
    model, x = build().eval(), torch.randn(shape)
    found = cost(model, shape)
    fvcore = FlopCountAnalysis(model, x).unsupported_ops_warnings(False)
    products = {
        module: sum(counts[kind] for kind in PRODUCTS)
        for module, counts in fvcore.by_module_and_operator().items()
    }
    assert found.macs == products[""]
    assert {row.name: row.macs for row in found.by_module()}.items() <= products.items()
    activations = ActivationCountAnalysis(model, x).unsupported_ops_warnings(False)
    assert found.activations == activations.total()
    assert found.params == sum(p.numel() for p in model.parameters())


def test_fused_attention_of_a_whole_network() -> None:
    """By hand: what the libraries' own counters see depends on the kernel that a processor gets."""
    patches, width, depth, hidden, classes = 14 * 14, 192, 12, 768, 1000
    tokens = patches + 1  # and the one that is classified
    projections = tokens * (4 * width * width + 2 * width * hidden)  # q, k, v, output; two layers
    scores = 2 * tokens * tokens * width  # q·k and what they weigh, all heads together
    embedding, classifier = patches * width * (3 * 16 * 16), width * classes
    macs = embedding + depth * (projections + scores) + classifier
    assert macs == 28_901_376 + 12 * (87_146_496 + 14_902_656) + 192_000 == 1_253_683_200
    with torch.device("meta"):
        found = cost(timm.create_model("vit_tiny_patch16_224"), (1, 3, 224, 224))
    assert found.macs == macs


def test_rows_add_up() -> None:
    found = cost(create_model("shufflenet_v2_x0_5"), (1, 3, 224, 224))
    assert sum(row.macs for row in found.layers) == found.macs
    assert sum(row.params for row in found.layers) == found.params
    whole = found.by_module()[0]
    assert (whole.name, whole.type, whole.output_shape) == ("", "ShuffleNetV2", (1, 1000))
    assert (whole.params, whole.macs, whole.bytes_moved) == (
        found.params,
        found.macs,
        found.bytes_moved,
    )
    first = found.layers[0]
    assert (first.name, first.type) == ("conv1.conv", "Conv2d")
    assert (first.output_shape, first.params, first.macs) == ((1, 24, 112, 112), 648, 8_128_512)
    assert found.layers[-1].name == "classifier"


def test_uncounted_names_everything_else() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(),
    )
    found = cost(model, (1, 3, 8, 8))
    assert found.uncounted == Counter(["native_batch_norm", "relu", "max_pool2d_with_indices"])


def test_operators_without_macs_in_words() -> None:
    found = cost(Function(lambda x: torch.i0(x.relu()).relu_().clone()), (1, 3))
    assert found.without_macs() == "relu 2, i0 1, clone 1"
    assert cost(nn.Linear(3, 4), (1, 3)).without_macs() == ""


def test_bytes_of_views_and_copies() -> None:
    assert cost(nn.Flatten(), (1, 3, 4)).bytes_moved == 0
    assert cost(Function(lambda x: x.mT.contiguous()), (1, 3, 4)).bytes_moved == 2 * 4 * 12
    gate = Function(lambda x: x * x.mean((2, 3), keepdim=True).expand_as(x))
    mean, product = 4 * (50 + 2), 4 * (50 + 2 + 50)  # an expanded value is read once
    assert cost(gate, (1, 2, 5, 5)).bytes_moved == mean + product


def test_batch_normalisation_writes_no_statistics() -> None:
    for layer, values in ((nn.BatchNorm2d(3), 4 * 3), (nn.BatchNorm2d(3, affine=False), 2 * 3)):
        found = cost(layer, (2, 3, 5, 5))
        assert found.bytes_moved == 4 * (2 * 150 + values)
        assert found.peak_activation_bytes == 4 * 2 * 150
        assert found.uncounted == Counter(native_batch_norm=1)


def test_peak_follows_what_is_alive() -> None:
    kilo = 4 * 1000
    relu = nn.ReLU(inplace=True)
    chain = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU())
    assert cost(relu, (1000,)).peak_activation_bytes == kilo
    assert cost(chain, (1000,)).peak_activation_bytes == 2 * kilo
    skip = Function(lambda x: x + x.sin().cos())  # x waits for the sum
    assert cost(skip, (1000,)).peak_activation_bytes == 3 * kilo
    early = Function(lambda x: (x.sin(), x.cos().tan().exp()))  # the first output waits too
    assert cost(early, (1000,)).peak_activation_bytes == 3 * kilo
    view = Function(lambda x: x[:10].exp())  # a view keeps the whole alive
    assert cost(view, (1000,)).peak_activation_bytes == kilo + 40
    assert cost(nn.Identity(), (1000,)).peak_activation_bytes == kilo


def test_module_that_is_called_twice() -> None:
    layer = nn.Linear(4, 4)
    found = cost(nn.Sequential(layer, layer), (1, 4))
    assert (found.params, found.macs) == (20, 32)
    assert [row.params for row in found.layers] == [20, 0]
    assert [row.calls for row in found.by_module()] == [1, 2]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_not_touched(training: bool) -> None:
    model = create_model("shufflenet_v2_x0_5", num_classes=3).train(training)
    calls: list[int] = []
    model.conv1.register_forward_hook(lambda *_: calls.append(1))
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    before = copy.deepcopy(model.state_dict())
    gradients = {name: p.grad for name, p in model.named_parameters()}
    random_state = torch.get_rng_state()
    cost(model, (1, 3, 224, 224))
    assert calls == [1]
    assert [m.training for m in model.modules()] == [training] * len(list(model.modules()))
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert all(p.grad is gradients[name] for name, p in model.named_parameters())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert model.conv1.conv.weight.device.type == "cpu"
    model(torch.randn(2, 3, 64, 64))
    assert calls == [1, 1]


def test_same_cost_in_training_mode_half_precision_and_without_data() -> None:
    with torch.device("meta"):
        model = create_model("mobilenet_v2_x0_35")
    shape = (1, 3, 96, 96)
    expected = cost(create_model("mobilenet_v2_x0_35"), shape)
    assert cost(model, shape) == expected
    assert cost(model.half().eval(), shape) == expected


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
def test_weights_made_in_the_forward_pass() -> None:
    for normed in (
        torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        torch.nn.utils.weight_norm(nn.Conv2d(3, 4, 3)),
    ):
        assert cost(normed, (1, 3, 5, 5)).macs == 4 * 27 * 9


def test_constants_on_the_cpu_are_taken_along() -> None:
    ramp = Function(lambda x: x + torch.arange(4.0) * torch.ones(4))
    assert cost(ramp, (2, 4)).uncounted["add"] == 1


@pytest.mark.parametrize(
    ("model", "shape", "sentence"),
    [
        (nn.ReLU(), (), "is no input; give positive sizes"),
        (nn.ReLU(), (0, 3), "is no input; give positive sizes"),
        (nn.ReLU(), (1, -3, 8, 8), "is no input; give positive sizes"),
        (nn.Conv2d(3, 4, 1), (1, 4, 8, 8), r"\(1, 4, 8, 8\) does not run through Conv2d: .*chan"),
        (Function(lambda x: x * x.sum().item()), (3,), "does not run through Function"),
    ],
)
def test_what_cannot_be_counted(model: nn.Module, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        cost(model, shape)
