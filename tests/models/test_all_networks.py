"""What holds for every network in the table."""

from math import log10

import pytest
import torch

from swiftlet.measuring.cost import cost
from swiftlet.models import create_model, list_models, spec
from swiftlet.models.spec import as_number

# Run on every plain run; the others are built and counted without data, and run as `slow`.
FEW = (
    "shufflenet_v1_g3_x0_5",
    "shufflenet_v1_g8_x0_25",
    "shufflenet_v2_x0_5",
    "mobilenet_v2_x0_35",
)
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in list_models() if name not in FEW]
ALL = pytest.mark.parametrize("name", list_models())
RUN = pytest.mark.parametrize("name", [*FEW, *SLOW])
FORMS = pytest.mark.parametrize("small_input", [False, True])


@ALL
def test_params_and_macs_are_the_rows_and_the_papers(name: str) -> None:
    """MACs within 1 % of the printed ones; a note says why where they are not, and only there."""
    row = spec(name)
    with torch.device("meta"):
        found = cost(create_model(name), (1, *row.input.shape))
    assert found.params == row.params
    assert found.macs == row.macs
    classifier = found.layers[-1]
    assert classifier.name == "classifier"
    macs = found.macs if row.paper.with_classifier else found.macs - classifier.macs
    if row.paper.macs is not None:
        assert agrees(macs, row.paper.macs) == (row.note == "" or "params" in row.note)
    if row.paper.params is not None:
        assert agrees(row.params, row.paper.params, 0.035) or "params" in row.note


def agrees(ours: int, printed: str, tolerance: float = 0.01) -> bool:
    """Within one percent, or the printed figure when rounded to as many digits."""
    theirs = as_number(printed)
    digits = len(printed[:-1].replace(".", ""))
    half_unit = 10 ** (int(log10(theirs)) + 1 - digits) / 2
    return abs(ours - theirs) <= max(tolerance * theirs, half_unit)


@RUN
@FORMS
def test_two_sizes_and_two_batches(name: str, small_input: bool) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, small_input=small_input).eval()
    reduction = spec(name).small_reduction if small_input else spec(name).reduction
    for batch, height, width in ((1, 2 * reduction, 3 * reduction), (2, reduction + 1, reduction)):
        x = torch.randn(batch, 3, height, width)
        rows, columns = -(-height // reduction), -(-width // reduction)
        assert model.forward_features(x).shape == (batch, model.num_features, rows, columns)
        assert model(x).shape == (batch, 3)


@RUN
@FORMS
def test_every_parameter_gets_a_gradient(name: str, small_input: bool) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, small_input=small_input)
    model = model.to(memory_format=torch.channels_last)
    side = 16 if small_input else 64
    x = torch.randn(4, 3, side, side).contiguous(memory_format=torch.channels_last)
    torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 0])).backward()
    without = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@RUN
def test_trains_in_bfloat16(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3).to(memory_format=torch.channels_last)
    x = torch.randn(4, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
    assert logits.dtype == torch.bfloat16
    torch.nn.functional.cross_entropy(logits.float(), torch.tensor([0, 1, 2, 0])).backward()
    gradients = [p.grad for p in model.parameters()]
    assert all(g is not None and g.dtype == torch.float32 and g.isfinite().all() for g in gradients)


@RUN
def test_evaluation_is_deterministic_and_by_picture(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, drop_rate=0.5)
    model(torch.randn(4, 3, 64, 64))  # running statistics of their own
    model.eval()
    x = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        logits = model(x)
        assert torch.equal(model(x), logits)
        torch.testing.assert_close(model(x[1:2]), logits[1:2], rtol=1e-4, atol=1e-5)
        in_other_layout = model(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(in_other_layout, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [FEW[0], FEW[2]])  # the two that shuffle
def test_exports_with_an_open_batch(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, small_input=True).eval()
    x = torch.randn(2, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (x,), dynamic_shapes=({0: batch},))
    more = torch.randn(5, 3, 16, 16)
    torch.testing.assert_close(program.module()(more), model(more))
    operators = {str(node.target) for node in program.graph.nodes}
    assert "aten.permute.default" not in operators  # no transposes on the device
