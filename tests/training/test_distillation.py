from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.training.distillation import Teacher, distilled
from martlet.training.recipe import Recipe

OUTPUTS = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
ANSWERS = torch.tensor([[2.0, 0.0, -1.0], [-1.0, 1.0, 4.0]])


def test_the_loss_is_hintons(recipe: Recipe) -> None:
    given = replace(recipe, distill_weight=0.3, distill_temperature=2.0)
    mine, its = (F.softmax(logits / 2, dim=1) for logits in (OUTPUTS, ANSWERS))
    divergence = (its * (its / mine).log()).sum(1).mean()
    found = distilled(torch.tensor(5.0), OUTPUTS, ANSWERS, given)
    assert found.item() == pytest.approx(0.7 * 5.0 + 0.3 * 4 * divergence.item())
    same = distilled(torch.tensor(5.0), ANSWERS, ANSWERS, given)
    assert same.item() == pytest.approx(0.7 * 5.0)


class Corner(nn.Module):
    """Answers with a picture's upper left corner, and its side."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, :, 0, 0], torch.full((len(x), 1), float(x.shape[-1]))], dim=1)


def test_inputs_become_the_teachers_and_answers_the_students() -> None:
    pictures = torch.full((2, 3, 8, 8), 0.5, requires_grad=True)
    scale, shift = torch.tensor([1.0, 2.0, 4.0]).view(-1, 1, 1), torch.tensor(1.0)
    teacher = Teacher(Corner(), scale, shift, side=16, order=torch.tensor([3, 2, 0]))
    found = teacher(pictures)
    assert found.tolist() == [[16.0, 3.0, 1.5]] * 2
    assert not found.requires_grad
