"""The quick way through batch normalisation and ReLU6 gives PyTorch's numbers."""

import pytest
import torch
from torch import Tensor, nn

from martlet.ops.norm import FEWEST_VALUES, MOST_CHANNELS, activate, batch_norm

SHAPES = [(8, 24, 40, 40), (4, 58, 36, 36), (3, 116, 29, 31), (23, 7, 41, 41)]


def channels_last(shape: tuple[int, ...], seed: int = 0, offset: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator) + offset
    return x.contiguous(memory_format=torch.channels_last)


def norm_with_weights(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        norm.weight.copy_(torch.rand(channels, generator=generator) + 0.5)
        norm.bias.copy_(torch.randn(channels, generator=generator))
    return norm


def is_ours(y: Tensor) -> bool:
    return "_BatchNorm" in type(y.grad_fn).__name__


@pytest.mark.parametrize("shape", SHAPES)
def test_output_gradients_and_statistics(shape: tuple[int, ...]) -> None:
    x = channels_last(shape, offset=3.0).requires_grad_()
    reference = x.detach().double().requires_grad_()
    gradient = channels_last(shape, seed=2)
    ours, theirs = norm_with_weights(shape[1]), norm_with_weights(shape[1]).double()

    y, exact = batch_norm(x, ours), theirs(reference)
    assert is_ours(y)
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.backward(gradient.contiguous())  # in the other layout: must not matter
    exact.backward(gradient.double())

    close = {"rtol": 2e-4, "atol": 2e-5, "check_dtype": False}
    torch.testing.assert_close(y, exact, **close)
    torch.testing.assert_close(x.grad, reference.grad, **close)
    assert x.grad is not None
    assert x.grad.is_contiguous(memory_format=torch.channels_last)
    scale = gradient.numel() ** 0.5
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None
        assert its.grad is not None
        assert (mine.grad - its.grad).abs().max() < 1e-6 * scale
    for mine, its in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6, check_dtype=False)


@pytest.mark.parametrize(
    "case",
    [
        "small",
        "wide",
        "evaluation",
        "no gradient",
        "channels first",
        "double",
        "hooked",
        "momentum",
    ],
)
def test_torch_itself_where_it_is_no_slower(case: str) -> None:
    channels = MOST_CHANNELS + 1 if case == "wide" else 16
    side = 16 if case == "small" else 64
    x = channels_last((8, channels, side, side)).requires_grad_(case != "no gradient")
    assert (x.numel() < FEWEST_VALUES) == (case == "small")
    if case == "channels first":
        x = x.contiguous()
    norm = nn.BatchNorm2d(channels, momentum=None if case == "momentum" else 0.1)
    norm.train(case != "evaluation")
    if case == "double":
        x, norm = x.double(), norm.double()
    seen: list[nn.Module] = []
    if case == "hooked":
        norm.register_forward_hook(lambda module, _, __: seen.append(module))
    y = batch_norm(x, norm)
    assert not is_ours(y)
    assert (len(seen) == 1) == (case == "hooked")
    copy = nn.BatchNorm2d(channels, dtype=x.dtype).train(norm.training)
    assert torch.equal(y, copy(x))


@pytest.mark.parametrize("channels", [16, MOST_CHANNELS + 16])
def test_gradient_of_a_part_arrives_in_one_piece(channels: int) -> None:
    x, other = channels_last((4, channels, 64, 64)).requires_grad_(), channels_last((4, 8, 64, 64))
    weight = channels_last((4, 8 + channels, 64, 64), seed=3)
    reference = x.detach().double().requires_grad_()
    exact = norm_with_weights(channels).double()(reference)
    exact.backward(weight[:, 8:].double())

    y = batch_norm(x, norm_with_weights(channels))
    assert is_ours(y) == (channels == 16)
    arrived: list[Tensor] = []
    assert y.grad_fn is not None
    y.grad_fn.register_prehook(lambda gradients: arrived.append(gradients[0]))
    (torch.cat((other, y), dim=1) * weight).sum().backward()
    torch.testing.assert_close(x.grad, reference.grad, rtol=1e-3, atol=1e-5, check_dtype=False)
    assert is_ours(y) or arrived[0].is_contiguous(memory_format=torch.channels_last)


def test_relu6_is_clipped_in_place_without_a_copy() -> None:
    x = (channels_last((2, 3, 5, 5)) * 5).requires_grad_()
    middle = x * 1
    y = activate(middle, nn.ReLU6(inplace=True))
    assert y.data_ptr() == middle.data_ptr()
    y.backward(torch.ones_like(y))
    reference = x.detach().clone().requires_grad_()
    nn.functional.relu6(reference).sum().backward()
    assert torch.equal(y, nn.functional.relu6(x))
    assert reference.grad is not None
    assert x.grad is not None
    assert torch.equal(x.grad, reference.grad)
    assert 0 < x.grad.sum() < x.numel()


def test_hard_swish_keeps_its_input_without_a_copy() -> None:
    x = (channels_last((2, 3, 5, 5)) * 5).requires_grad_()
    middle = x * 1
    y = activate(middle, nn.Hardswish(inplace=True))
    assert y.grad_fn is not None
    assert y.grad_fn._saved_self.data_ptr() == middle.data_ptr()  # type: ignore[attr-defined]
    assert torch.equal(y, nn.functional.hardswish(x))
    with torch.no_grad():
        inference = x * 1
        assert activate(inference, nn.Hardswish(inplace=True)).data_ptr() == inference.data_ptr()


def test_hooks_on_the_activation_are_called() -> None:
    act, seen = nn.ReLU6(inplace=True), []
    act.register_forward_hook(lambda *_: seen.append(1))
    x = channels_last((2, 3, 4, 4)).requires_grad_()
    assert torch.equal(activate(x * 1, act), nn.functional.relu6(x))
    assert seen == [1]


@pytest.mark.parametrize("act", [nn.ReLU(inplace=True), nn.ReLU6(), nn.Hardswish()])
def test_other_activations_are_called(act: nn.Module) -> None:
    x = channels_last((2, 3, 4, 4)).requires_grad_()
    assert torch.equal(activate(x * 1, act), act(x * 1))


def test_compiled_takes_torch_own_path() -> None:
    x = channels_last((8, 16, 64, 64)).requires_grad_()
    norm, act = nn.BatchNorm2d(16), nn.ReLU6(inplace=True)

    def block(x: Tensor) -> Tensor:
        return activate(batch_norm(x * 1, norm), act)

    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), block(x))
