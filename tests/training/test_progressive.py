import pytest
import torch

from martlet.training.progressive import shrunk, side_at


def test_sides_grow_in_steps_and_are_full_for_the_end() -> None:
    sides = [side_at(224, step / 100, 0.5) for step in range(100)]
    assert sides == sorted(sides)
    assert sides[0] == 112
    assert all(side % 8 == 0 for side in sides)
    assert sides[60] < 224
    assert set(sides[70:]) == {224}
    assert len(set(sides)) == 15  # shapes that a GPU meets


@pytest.mark.parametrize(
    ("side", "start", "first"), [(32, 0.5, 16), (28, 0.4, 12), (30, 0.9, 28), (8, 0.1, 4)]
)
def test_small_pictures_grow_by_four_pixels(side: int, start: float, first: int) -> None:
    assert side_at(side, 0, start) == first
    assert side_at(side, 0.7, start) == side


def test_shrinking_keeps_means_and_memory_and_full_inputs_are_left_alone() -> None:
    picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    inputs = picture.contiguous(memory_format=torch.channels_last)
    found = shrunk(inputs, 0.0, 0.5)
    assert found.shape == (2, 3, 16, 16)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.mean((2, 3)), inputs.mean((2, 3)), atol=0.02, rtol=0)
    assert shrunk(inputs, 0.7, 0.5) is inputs
