"""What holds for every network in the table.

What does not hang on a network's numbers is tested with the cheapest network of each kind.
"""

from collections.abc import Sequence
from math import log10
from pathlib import Path

import pytest
import safetensors.torch
import torch

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import ImageInput, create_model, list_models, spec
from martlet.models.spec import as_number

IMAGE = [name for name in list_models() if isinstance(spec(name).input, ImageInput)]
OTHER = [name for name in list_models() if name not in IMAGE]
# Run on every plain run; the cheapest of each kind are `slow`, all others `long`, and
# those of more than 5 GMACs.
FEW = [
    *("shufflenet_v1_g3_x0_5", "shufflenet_v1_g8_x0_25", "shufflenet_v2_x0_5"),
    *("mobilenet_v2_x0_35", *OTHER),
]


def cheapest_of_each_kind() -> list[str]:
    """The row with the fewest MACs of every file and of every attention in it."""
    found: dict[tuple[str, str], str] = {}
    for name in sorted(list_models(), key=lambda name: spec(name).macs):
        row = spec(name)
        attention = getattr(row, "attention", None)
        found.setdefault((type(row).__module__, str(attention and attention.kind)), name)
    return sorted({*FEW, *found.values()})


CHEAPEST = cheapest_of_each_kind()
LIGHT = [name for name in CHEAPEST if spec(name).macs < 5e9]


def each(
    names: Sequence[str], quick: Sequence[str] = FEW, slow: Sequence[str] = LIGHT
) -> pytest.MarkDecorator:
    def mark(name: str) -> tuple[pytest.MarkDecorator, ...]:
        return () if name in quick else (pytest.mark.slow if name in slow else pytest.mark.long,)

    return pytest.mark.parametrize("name", [pytest.param(n, marks=mark(n)) for n in names])


RUN, RUN_IMAGE = each(list_models()), each(IMAGE)
SOME, SOME_IMAGE = each(CHEAPEST), each([name for name in CHEAPEST if name in IMAGE])
FORMS = pytest.mark.parametrize("small_input", [False, True])


def inputs(name: str, batch: int) -> torch.Tensor:
    """Random inputs as the network's row describes them; pictures of 64 × 64."""
    shape = (3, 64, 64) if name in IMAGE else spec(name).input.shape
    return torch.randn(batch, *shape)


@each(list_models(), slow=list_models())
def test_params_and_macs_are_the_rows_and_the_papers(name: str) -> None:
    """MACs within 1 % of the printed ones; a note says why where they are not, and only there."""
    row = spec(name)
    with torch.device("meta"):
        found = cost(create_model(name), (1, *row.input.shape))
    assert found.params == row.params
    assert found.macs == row.macs
    classifier = next(layer for layer in found.layers if layer.name == "classifier")
    macs = found.macs if row.paper.with_classifier else found.macs - classifier.macs
    if row.paper.macs is not None:
        agreed = agrees(macs, row.paper.macs)
        assert row.note == "" or "params" in row.note if agreed else row.note != ""
    if row.paper.params is not None:
        assert agrees(row.params, row.paper.params, 0.035) or "params" in row.note


def agrees(ours: int, printed: str, tolerance: float = 0.01) -> bool:
    """Within one percent, or the printed figure when rounded to as many digits."""
    theirs = as_number(printed)
    digits = len(printed[:-1].replace(".", ""))
    half_unit = 10 ** (int(log10(theirs)) + 1 - digits) / 2
    return abs(ours - theirs) <= max(tolerance * theirs, half_unit)


@RUN_IMAGE
@FORMS
def test_two_sizes_and_two_batches(name: str, small_input: bool) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, small_input=small_input).eval()
    reduction = model.reduction
    for batch, height, width in ((1, 2 * reduction, 3 * reduction), (2, reduction + 1, reduction)):
        x = torch.randn(batch, 3, height, width)
        rows, columns = -(-height // reduction), -(-width // reduction)
        assert model.forward_features(x).shape == (batch, model.num_features, rows, columns)
        assert model(x).shape == (batch, 3)


@RUN_IMAGE
@FORMS
def test_every_parameter_gets_a_gradient(name: str, small_input: bool) -> None:
    """From one of a few starts: an attention's only hidden unit may be dead from the first."""
    side = 16 if small_input else 64
    without: set[str] | None = None
    for seed in range(5):
        torch.manual_seed(seed)
        model = create_model(name, num_classes=3, small_input=small_input)
        model = model.to(memory_format=torch.channels_last)
        x = torch.randn(4, 3, side, side).contiguous(memory_format=torch.channels_last)
        torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 0])).backward()
        dead = {k for k, p in model.named_parameters() if p.grad is None or not p.grad.any()}
        without = dead if without is None else without & dead
        if not without:
            return
    assert without == set()


@SOME
def test_trains_in_bfloat16(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3)
    x = inputs(name, 4)
    if name in IMAGE:
        model, x = (v.to(memory_format=torch.channels_last) for v in (model, x))
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
    assert logits.dtype == torch.bfloat16
    torch.nn.functional.cross_entropy(logits.float(), torch.tensor([0, 1, 2, 0])).backward()
    gradients = [p.grad for p in model.parameters()]
    assert all(g is not None and g.dtype == torch.float32 and g.isfinite().all() for g in gradients)


@RUN
def test_evaluation_is_deterministic_and_by_input(name: str) -> None:
    """In double precision: a hundred fresh layers make much of a single's rounding."""
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, drop_rate=0.5)
    model(inputs(name, 4))  # running statistics of their own
    model.double().eval()
    x = inputs(name, 3).double()
    with torch.inference_mode():
        logits = model(x)
        assert torch.equal(model(x), logits)
        torch.testing.assert_close(model(x[1:2]), logits[1:2], rtol=1e-9, atol=1e-9)
        if name in IMAGE:
            in_other_layout = model(x.contiguous(memory_format=torch.channels_last))
            torch.testing.assert_close(in_other_layout, logits, rtol=1e-9, atol=1e-9)


@RUN
def test_comes_back_from_a_checkpoint(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=3)
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_model(model, path)
    again = create_model(name, num_classes=3)
    safetensors.torch.load_model(again, path)
    state = again.state_dict()
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())


@SOME
def test_keeps_timms_contract(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=5).eval()
    x = inputs(name, 2)
    with torch.inference_mode():
        features = model.forward_features(x)
        assert features.shape[:2] == (2, model.num_features)
        pooled = model.forward_head(features, pre_logits=True)
        assert pooled.shape == (2, model.head_hidden_size)
        assert torch.equal(model(x), model.classifier(pooled))
        model.reset_classifier(0)
        assert torch.equal(model(x), pooled)
        model.reset_classifier(4)
        assert model(x).shape == (2, 4)
        assert create_model(name, num_classes=0).eval()(x).shape == pooled.shape


@SOME_IMAGE
@FORMS
def test_feature_maps_are_those_of_the_network(name: str, small_input: bool) -> None:
    """The coarsest map, sent through the layers behind it, gives the network's features."""
    torch.manual_seed(0)
    network = create_model(name, small_input=small_input).eval()
    torch.manual_seed(0)
    extractor = create_model(name, small_input=small_input, features_only=True).eval()
    whole = network.state_dict()
    assert all(torch.equal(whole[key], value) for key, value in extractor.state_dict().items())
    x = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        maps = extractor(x)
        last = maps[-1]
        for child, module in network.named_children():
            if child in network.neck and isinstance(module, torch.nn.Linear):
                break  # it works behind the pooling
            last = module(last) if child in network.neck and last.dim() == 4 else last
        features = network.forward_features(x)
    if last.shape == features.shape:  # a neck behind the pooling is no layer of maps
        torch.testing.assert_close(last, features, rtol=1e-4, atol=1e-5)
    info = extractor.feature_info
    reductions = info.reduction()
    assert reductions == sorted(set(reductions))
    assert reductions[-1] == network.reduction
    for found, channels, reduction in zip(maps, info.channels(), reductions, strict=True):
        assert found.shape == (2, channels, 64 // reduction, 96 // reduction)


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def fresh_in_double(name: str) -> tuple[torch.nn.Module, list[torch.Tensor]]:
    """A network in evaluation, and inputs in both memory layouts where there are two."""
    torch.manual_seed(0)
    model, x = create_model(name, num_classes=3).double().eval(), inputs(name, 2).double()
    return model, [x, x.to(memory_format=torch.channels_last)] if name in IMAGE else [x]


@SOME
def test_torch_fx_reads_it(name: str) -> None:
    model, given = fresh_in_double(name)
    torch.fx.symbolic_trace(model.train())
    graph = torch.fx.symbolic_trace(model.eval())
    for x in given:
        same(graph(x), model(x))


@each(CHEAPEST, quick=("hybridsn", "shufflenet_v2_x0_5"))
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.* is deprecated")
def test_torch_jit_traces_it_with_gradients(name: str) -> None:
    model, given = fresh_in_double(name)
    for x in given:
        traced = torch.jit.trace(model, x)
        same(traced(x), model(x))


@SOME
def test_torch_func_maps_it_over_inputs(name: str) -> None:
    """Each input alone, and the gradients of each."""
    model, given = fresh_in_double(name)
    weights = {key: value.detach() for key, value in model.named_parameters()}

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, weights, (x[None],)).sum()

    for x in given:
        same(torch.func.vmap(model)(x[:, None])[:, 0], model(x))
    gradients = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, given[-1])
    model(given[-1]).sum().backward()
    for key, value in model.named_parameters():
        assert value.grad is not None
        assert (gradients[key].sum(0) - value.grad).norm() <= 1e-5 * value.grad.norm(), key


@pytest.mark.parametrize("name", ["shufflenet_v1_g3_x0_5", "shufflenet_v2_x0_5"])  # that shuffle
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


@pytest.mark.parametrize("name", [name for name in FEW if name in IMAGE])
def test_too_small_a_picture_and_other_channels(name: str) -> None:
    model = create_model(name, in_chans=4).eval()
    with pytest.raises(MartletError, match="31×40 is too small for this network, which shrinks"):
        model(torch.zeros(1, 4, 31, 40))
    with pytest.raises(MartletError, match=r"shape \(1, 3, 64, 64\); accepted: \(batch, 4, "):
        model(torch.zeros(1, 3, 64, 64))
