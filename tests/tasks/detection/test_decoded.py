"""A detector as it is exported."""

import torch

from martlet.models import create_model
from martlet.tasks.detection.decoded import Decoded
from martlet.tasks.detection.rows import selected
from martlet.tasks.detection.selecting import Selecting


def test_its_selected_boxes_are_those_of_evaluation() -> None:
    torch.manual_seed(0)
    detector = create_model("shufflenet_v2_x0_5", detector="lite", num_classes=3)
    detector.answer.bias.data[:3] = -1.0  # type: ignore[union-attr, operator, index]
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = Selecting(detector.eval())(x).numpy()
        decoded = Decoded(detector, (64, 96))(x)
    assert decoded.shape == (2, len(detector.places((64, 96))), 4 + 3)
    assert decoded[..., 4:].min() >= 0
    found = selected(decoded[..., :4].numpy(), decoded[..., 4:].numpy(), (64, 96))
    assert (expected[..., 5] >= 0).sum() > 10
    torch.testing.assert_close(
        torch.from_numpy(found), torch.from_numpy(expected), atol=1e-3, rtol=0
    )
