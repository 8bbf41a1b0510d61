"""A network without its numbers."""

import torch
from torch import nn

from martlet.ops.bare import without_data


def test_same_structure_on_meta_and_the_network_untouched() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    calls: list[object] = []
    network.register_forward_hook(lambda *_: calls.append(_))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    bare = without_data(network)
    assert bare(torch.empty(2, 3, 8, 8, device="meta")).shape == (2, 4, 6, 6)
    assert all(value.is_meta for value in bare.state_dict().values())
    assert not bare.training
    assert calls == []
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
