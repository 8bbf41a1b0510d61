import numpy as np
import torch
from torch import nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.to_input import ToInput
from martlet.training.evaluate import predict_logits


def test_a_larger_batch_seen_in_evaluation_can_be_trained_on_later() -> None:
    to_input = ToInput(Preprocess(size=4))
    network = nn.Sequential(nn.Conv2d(3, 2, 4), nn.Flatten())
    pixels = torch.zeros(5, 4, 4, 3, dtype=torch.uint8)
    logits, labels = predict_logits(network, [(pixels, torch.arange(5))], to_input)
    assert (logits.shape, labels.tolist()) == ((5, 2), [0, 1, 2, 3, 4])
    network(to_input(pixels[:3])).sum().backward()
    assert network[0].weight.grad is not None


def test_the_mode_is_put_back() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 4), nn.Flatten(), nn.Dropout()).train()
    batch = (torch.ones(2, 4, 4, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.long))
    one, _ = predict_logits(network, [batch], ToInput(Preprocess(size=4)))
    again, _ = predict_logits(network, [batch, batch], ToInput(Preprocess(size=4)))
    assert network.training
    np.testing.assert_array_equal(again, np.concatenate([one, one]))
