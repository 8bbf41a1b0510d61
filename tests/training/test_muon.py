import pytest
import torch
from torch import Tensor, nn

from martlet.training import muon
from martlet.training.muon import Muon, orthogonal


def test_singular_values_come_near_one() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(3, 6, 20)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    found = torch.linalg.svdvals(orthogonal(matrices))
    assert found.min() > 0.6
    assert found.max() < 1.2
    nearest = left @ right
    assert (orthogonal(matrices) - nearest).abs().max() < 0.3
    assert orthogonal(torch.zeros(1, 2, 3)).abs().max() == 0
    scaled = orthogonal(1000 * matrices)
    torch.testing.assert_close(scaled, orthogonal(matrices), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("columns", [4, 7, 8, 9, 60])
def test_a_long_matrix_by_products_of_squares_comes_to_the_same(columns: int) -> None:
    torch.manual_seed(2)
    scale = torch.logspace(0, -4, 4, dtype=torch.float64)[:, None]
    matrices = scale * torch.randn(2, 4, columns, dtype=torch.float64)
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonal(matrices), x, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(orthogonal(matrices.float()), x.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("columns", [70, 300])
def test_coarse_products_are_as_good(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    matrices = torch.randn(2, 64, columns)

    def made(coarse: bool) -> Tensor:
        monkeypatch.setattr(muon, "multiplies_bfloat16", lambda device: coarse)
        return orthogonal(matrices)

    exact, coarse = made(False), made(True)
    assert coarse.dtype == torch.float32
    assert 0 < (coarse - exact).abs().max() < 0.02
    found, expected = torch.linalg.svdvals(coarse), torch.linalg.svdvals(exact)
    assert found.max() < 1.05 * expected.max()
    assert found.min() > 0.8 * expected.min()


def weights() -> list[nn.Parameter]:
    """Of one shape, of its transpose, of another one, and of two groups of a convolution."""
    torch.manual_seed(1)
    shapes = ((4, 6, 1, 1), (6, 4, 1, 1), (4, 6, 1, 1), (5, 3, 3, 3), (8, 6, 1, 1))
    return [nn.Parameter(torch.randn(shape).double()) for shape in shapes]


ROWS = [4, 6, 4, 5, 4]


def stepped(made: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        for weight in made:
            weight.grad = torch.randn(weight.shape).double()
        optimizer.step()


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, True), (0.9, False), (0.0, False)])
def test_stacked_matrices_move_as_each_by_itself(momentum: float, nesterov: bool) -> None:
    """w ← (1 - lr · decay) w - lr · √max(1, rows / columns) · orthogonal(momentum)."""
    ours, theirs = weights(), weights()
    group = {"params": ours, "rows": ROWS, "weight_decay": 0.1}
    stepped(ours, Muon([group], lr=0.05, momentum=momentum, nesterov=nesterov))
    buffers = [torch.zeros_like(weight) for weight in theirs]
    for seed in range(3):
        torch.manual_seed(seed)
        for weight, rows, buffer in zip(theirs, ROWS, buffers, strict=True):
            gradient = torch.randn(weight.shape).double()
            buffer.mul_(momentum).add_(gradient)
            ahead = gradient + momentum * buffer if nesterov else buffer
            parts = [alone(part.flatten(1)) for part in ahead.split(rows)]
            with torch.no_grad():
                weight.mul_(1 - 0.05 * 0.1).sub_(0.05 * torch.cat(parts).reshape(weight.shape))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)


def alone(matrix: Tensor) -> Tensor:
    """One matrix, scaled by its shape."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    made = orthogonal(wide[None])[0]
    made = made if wide is matrix else made.T
    return made * max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5


def test_other_groups_move_as_sgd() -> None:
    ours, theirs = weights(), weights()
    options = {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}
    matrices = {"params": weights(), "rows": ROWS}
    optimizer = Muon([{"params": ours}, matrices], **options)
    stepped(ours, optimizer)
    stepped(theirs, torch.optim.SGD(theirs, **options))
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def test_the_layout_in_memory_does_not_matter() -> None:
    ours, theirs = weights(), weights()
    for weight in ours:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    for made in (ours, theirs):
        stepped(made, Muon([{"params": made, "rows": ROWS}], lr=0.05, momentum=0.9))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)
