"""Squeeze-and-Excitation and CBAM are the formulas of their papers, in both memory layouts."""

import copy
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.ops.attention import (
    CBAM,
    Attention,
    Order,
    SpatialGate,
    Squeeze,
    SqueezeExcite,
)
from martlet.ops.pool import global_max, max_and_mean_of_channels

SHAPE = (3, 8, 5, 6)
LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
MODES = pytest.mark.parametrize("train", [True, False])
ORDERS = pytest.mark.parametrize("order", get_args(Order))
ALL: list[Callable[[], nn.Module]] = [
    lambda: SqueezeExcite(8, 2),
    lambda: SqueezeExcite(8, 2, squeeze="max"),
    *(lambda order=order: CBAM(8, 2, order=order) for order in get_args(Order)),
]
MODULES = pytest.mark.parametrize("make", ALL, ids=["avg", "max", *get_args(Order)])


def maps(
    layout: torch.memory_format = torch.contiguous_format,
    seed: int = 0,
    shape: tuple[int, ...] = SHAPE,
) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.contiguous(memory_format=layout)


def lively(module: nn.Module, train: bool) -> Any:
    """In double precision, with weights that leave no gate near 0.5."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)  # type: ignore[arg-type]
        nn.init.uniform_(norm.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return module.double().train(train)


def mlp(gate: Any, pooled: Tensor) -> Tensor:
    """Two linear layers with a ReLU between; (batch, channels, 1, 1) -> the same shape."""
    return gate.fc2(gate.fc1(pooled).relu())


def channel_gate(gate: Any, x: Tensor) -> Tensor:
    axes = {"dim": (2, 3), "keepdim": True}
    return mlp(gate, x.mean(**axes)) + mlp(gate, x.amax(**axes))


def spatial_gate(gate: Any, x: Tensor) -> Tensor:
    pooled = torch.stack((x.amax(1), x.mean(1)), dim=1)
    weight, norm = gate.conv.conv.weight, copy.deepcopy(gate.conv.bn)
    return norm(nn.functional.conv2d(pooled, weight, padding=weight.shape[-1] // 2))


def by_the_paper(module: Any, x: Tensor) -> Tensor:
    """CBAM's equations 1 to 3 and Table 3."""
    channel, spatial = module.channel, module.spatial
    if module.order == "parallel":
        return x * (channel_gate(channel, x) + spatial_gate(spatial, x)).sigmoid()
    if module.order == "spatial_first":
        x = x * spatial_gate(spatial, x).sigmoid()
        return x * channel_gate(channel, x).sigmoid()
    x = x * channel_gate(channel, x).sigmoid()
    return x * spatial_gate(spatial, x).sigmoid()


def same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@LAYOUTS
@MODES
@pytest.mark.parametrize("squeeze", get_args(Squeeze))
def test_squeeze_excite(squeeze: Squeeze, train: bool, layout: torch.memory_format) -> None:
    module, x = lively(SqueezeExcite(8, 2, squeeze=squeeze), train), maps(layout)
    pool = torch.mean if squeeze == "avg" else torch.amax
    same(module(x), x * mlp(module, pool(x, (2, 3), keepdim=True)).sigmoid())


def test_other_activation_and_gate() -> None:
    module = lively(SqueezeExcite(8, 2, act=nn.Tanh, gate=nn.Hardsigmoid), False)
    x = maps()
    hidden = torch.tanh(module.fc1(x.mean((2, 3), keepdim=True)))
    torch.testing.assert_close(module(x), x * nn.functional.hardsigmoid(module.fc2(hidden)))


@LAYOUTS
@MODES
@ORDERS
def test_cbam_in_every_order(order: Order, train: bool, layout: torch.memory_format) -> None:
    module, x = lively(CBAM(8, 2, order=order), train), maps(layout)
    expected = by_the_paper(module, x)
    same(module(x), expected)
    for other in set(get_args(Order)) - {order}:
        module.order = other
        assert (by_the_paper(module, x) - expected).abs().max() > 0.01


def test_spatial_gate_is_the_authors() -> None:
    gate = SpatialGate()
    assert gate.conv.conv.weight.shape == (1, 2, 7, 7)
    assert gate.conv.conv.bias is None
    assert gate.conv.bn.momentum == 0.01
    assert gate.conv.bn.weight.item() == 1.0  # the authors start from 0
    assert gate.conv.act is None


@LAYOUTS
@MODES
@MODULES
def test_gradients(make: Callable[[], nn.Module], train: bool, layout: torch.memory_format) -> None:
    module, x = lively(make(), train), maps(layout, shape=(2, 8, 2, 3)).requires_grad_()
    nn.init.ones_(module.get_parameter("fc1.bias" if "fc1" in dir(module) else "channel.fc1.bias"))
    assert torch.autograd.gradcheck(module, (x,))
    module(x).square().sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in module.parameters())


@LAYOUTS
@MODES
@MODULES
def test_layout_is_kept(
    make: Callable[[], nn.Module], train: bool, layout: torch.memory_format
) -> None:
    module, x = lively(make(), train), maps(layout).requires_grad_()
    y = module(x)
    (gradient,) = torch.autograd.grad(y, x, maps(layout, seed=1))
    assert y.is_contiguous(memory_format=layout)
    assert gradient.is_contiguous(memory_format=layout)


@LAYOUTS
@pytest.mark.parametrize("pool", [global_max, max_and_mean_of_channels])
def test_gradient_of_a_shared_largest_value(
    pool: Callable[[Tensor, bool], Tensor], layout: torch.memory_format
) -> None:
    """In training one of those who share it gets the gradient, as in max-pooling."""
    x = torch.zeros(SHAPE).contiguous(memory_format=layout).requires_grad_()
    axes, shared = ((2, 3), 30) if pool is global_max else ((1,), 8)
    for pick_one, receivers in ((True, 1), (False, shared)):
        (gradient,) = torch.autograd.grad(pool(x, pick_one)[:, :1].sum(), x)
        assert set((gradient != 0).sum(axes).unique().tolist()) <= {0, receivers}
        assert gradient.sum(axes).amax().item() == pytest.approx(1.0)


@MODULES
def test_one_picture_of_one_pixel(make: Callable[[], nn.Module]) -> None:
    x = torch.randn(1, 8, 1, 1, dtype=torch.float64)
    assert lively(make(), False)(x).shape == (1, 8, 1, 1)


@pytest.mark.parametrize("hook", ["register_forward_hook", "register_forward_pre_hook"])
def test_watched_layers_are_called(hook: str) -> None:
    module, x, seen = lively(SqueezeExcite(8, 2), False), maps(), []
    expected = module(x)
    getattr(module.fc1, hook)(lambda layer, *_: seen.append(layer))
    torch.testing.assert_close(module(x), expected)
    assert seen == [module.fc1]


@MODULES
def test_compiled_and_exported_is_the_same(make: Callable[[], nn.Module]) -> None:
    module, x = lively(make(), False), maps()
    expected = module(x)
    program = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(x), expected)
    operators = {str(node.target) for node in program.graph.nodes}
    assert "aten.conv2d.default" in operators  # devices know it better than flatten and linear
    assert not operators & {"aten.flatten.using_ints", "aten.permute.default", "aten.max.dim"}
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), expected)


def test_of_takes_names_mappings_and_itself() -> None:
    assert Attention.of(None) is None
    assert Attention.of("se") == Attention("se")
    assert Attention.of({"kind": "cbam", "reduction": 8}) == Attention("cbam", reduction=8)
    placed = Attention("se", placement="pre")
    assert Attention.of(placed, ("pre",)) is placed


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("cabm", "attention 'cabm' is not known; did you mean cbam"),
        (3, "attention '3' is not known; accepted: se, cbam"),
        ({}, "attention={} has no kind; give one of se, cbam"),
        ({"kind": "se", "placement": ["pre"]}, r"placement \"\['pre'\]\" is not known"),
        ({"kind": "se", "reduction": 2.0}, "reduction=2.0 is not accepted; give a whole number"),
        ({"kind": "se", "ratio": 8}, "attention option 'ratio' is not known"),
        ({"kind": "se", "squeeze": "sum"}, "squeeze 'sum' is not known; accepted: avg, max"),
        ({"kind": "cbam", "order": "channel"}, "order 'channel' .* did you mean channel_first"),
        (
            {"kind": "se", "reduction": 0},
            "reduction=0 is not accepted; give a whole number, 1 or more",
        ),
        ({"kind": "se", "reduction": "8"}, "reduction='8' is not accepted"),
        ({"kind": "cbam", "kernel": 4}, "kernel=4 is not accepted; give an odd number"),
        ({"kind": "se", "placement": "past"}, "placement 'past' is not known; did you mean post"),
    ],
)
def test_bad_values(value: Any, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        Attention.of(value, ("pre", "post"))


def test_no_hidden_unit() -> None:
    with pytest.raises(MartletError, match=r"reduction=16 leaves no unit of 8 channels; .* 8"):
        Attention("cbam").build(8)


def test_false_is_none_and_numpys_numbers_are_numbers() -> None:
    assert Attention.of(False) is None
    attention = Attention("cbam", reduction=np.int64(8), kernel=np.int32(3))  # type: ignore[arg-type]
    assert (type(attention.reduction), type(attention.kernel)) == (int, int)


@pytest.mark.parametrize(("gate", "function"), [("tanh", torch.tanh), ("relu", torch.relu)])
def test_another_gate(gate: str, function: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    module = Attention("se", gate=gate, reduction=2).build(8)  # type: ignore[arg-type]
    x = torch.randn(2, 8, 5, 5)
    hidden = torch.relu(module.fc1(x.mean((2, 3), keepdim=True)))
    assert torch.allclose(module(x), x * function(module.fc2(hidden)), atol=1e-6)
    with pytest.raises(MartletError, match=r"^gate 'swish' is not known; accepted: sigmoid, tanh"):
        Attention("se", gate="swish")  # type: ignore[arg-type]
