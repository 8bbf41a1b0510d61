import numpy as np
import pytest
import torch
from torch import nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.training.evaluate import ToInput, predict_logits


@pytest.mark.parametrize("channels", ["RGB", "L"])
def test_input_is_what_preprocess_gives(channels: str) -> None:
    preprocess = Preprocess(size=9, channels=channels)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 9, 9, len(channels)), np.uint8)
    given = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    found = ToInput(preprocess)(given)
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(found.numpy(), preprocess.normalise(pixels))


def test_a_larger_batch_seen_in_evaluation_can_be_trained_on_later() -> None:
    to_input = ToInput(Preprocess(size=4))
    network = nn.Sequential(nn.Conv2d(3, 2, 4), nn.Flatten())
    pixels = torch.zeros(5, 3, 4, 4, dtype=torch.uint8)
    logits, labels = predict_logits(network, [(pixels, torch.arange(5))], to_input)
    assert (logits.shape, labels.tolist()) == ((5, 2), [0, 1, 2, 3, 4])
    network(to_input(pixels[:3])).sum().backward()
    assert network[0].weight.grad is not None


def test_the_mode_is_put_back() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 4), nn.Flatten(), nn.Dropout()).train()
    batch = (torch.ones(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.long))
    one, _ = predict_logits(network, [batch], ToInput(Preprocess(size=4)))
    again, _ = predict_logits(network, [batch, batch], ToInput(Preprocess(size=4)))
    assert network.training
    np.testing.assert_array_equal(again, np.concatenate([one, one]))
