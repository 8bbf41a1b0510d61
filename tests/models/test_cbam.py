"""CBAM's options. Its figures are in docs/family.md, outputs are compared in weights/."""

import pytest
import torch

from martlet.models import create_model
from martlet.ops.attention import CBAM


@pytest.mark.parametrize("order", ["spatial_first", "parallel"])
def test_other_orders_of_table_3(order: str) -> None:
    attention = {"kind": "cbam", "order": order}
    network = create_model("resnet20", attention=attention)
    first = next(module for module in network.modules() if isinstance(module, CBAM))
    assert first.order == order
    assert network(torch.randn(2, 3, 32, 32)).isfinite().all()
