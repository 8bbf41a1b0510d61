import copy
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import martlet.exporting.onnx as module
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.exporting import Exported, export_onnx, fold
from martlet.inference import FORMAT, load
from martlet.models import create_model

SIZE = 16
PREPROCESS = Preprocess(size=SIZE, rule="squash", channels="L")
CLASSES = ("ant", "bee", "Ångström 象")


def small(norm: bool = True) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4) if norm else nn.Identity()]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 3))
    model(torch.randn(8, 1, SIZE, SIZE))  # running statistics of their own
    return model


def export(model: nn.Module, path: Path, **options: object) -> Exported:
    return export_onnx(model, path, preprocess=PREPROCESS, classes=CLASSES, **options)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    path = tmp_path_factory.mktemp("good") / "sub" / "model.onnx"
    return export(small(), path, meta={"network": "small", "format": "not this one"})


def test_the_file_is_whole_and_alone(good: Exported) -> None:
    assert [item.name for item in good.path.parent.iterdir()] == ["model.onnx"]
    assert good.bytes == good.path.stat().st_size
    onnx.checker.check_model(str(good.path), full_check=True)


def test_no_batch_norm_is_left(good: Exported) -> None:
    graph = onnx.load(good.path).graph
    kept = {"Conv": 1, "Relu": 1, "Gemm": 1}  # how a map is flattened is the exporter's choice
    assert good.nodes.items() >= kept.items()
    assert "BatchNormalization" not in good.nodes
    assert sum(good.nodes.values()) == len(graph.node)
    assert {tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 4} == {4}


def test_names_and_the_open_batch(good: Exported) -> None:
    graph = onnx.load(good.path).graph
    given, answer = graph.input[0], graph.output[0]
    assert (given.name, answer.name) == ("input", "logits")
    for value in (given, answer):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [d.dim_value for d in given.type.tensor_type.shape.dim[1:]] == [1, SIZE, SIZE]


@pytest.mark.parametrize("size", [1, 17])
def test_onnx_runtime_and_pytorch_agree(good: Exported, size: int) -> None:
    batch = np.random.default_rng(7).standard_normal((size, 1, SIZE, SIZE), np.float32)
    found = onnxruntime.InferenceSession(good.path).run(None, {"input": batch})[0]
    with torch.inference_mode():
        expected = small().eval()(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert 0 <= good.max_difference <= 1e-5
    assert good.batches == (1, 3)


def test_the_metadata_is_one_json_that_load_understands(good: Exported) -> None:
    properties = onnx.load(good.path).metadata_props
    assert [item.key for item in properties] == ["martlet"]
    header = json.loads(properties[0].value)
    assert header["format"] == FORMAT
    assert header["network"] == "small"
    network = load(good.path)
    assert network.preprocess == PREPROCESS
    assert network.classes == CLASSES
    assert network.meta == header


def test_nothing_of_this_machine_is_in_the_file(good: Exported) -> None:
    content = good.path.read_bytes()
    for text in ("site-packages", "test_onnx.py", sys.prefix, "stack_trace", "/martlet/"):
        assert text.encode() not in content


def test_nothing_is_printed_and_the_random_state_stays(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    model = small()
    torch.set_rng_state(before[0])
    export(model, tmp_path / "m.onnx")
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]


@pytest.mark.parametrize("change", ["channels_last", "double"])
def test_the_model_is_left_as_it_was(tmp_path: Path, change: str) -> None:
    model = small().train()
    model[0].weight.requires_grad_(False)
    if change == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    else:
        model = model.to(getattr(torch, change))
    model(torch.randn(4, 1, SIZE, SIZE, dtype=model[4].weight.dtype)).sum().backward()
    before = copy.deepcopy(model)
    export(model, tmp_path / "m.onnx")
    assert model.training
    assert model[1].training
    for (name, old), new in zip(before.named_parameters(), model.parameters(), strict=True):
        assert torch.equal(old, new), name
        assert (old.dtype, old.stride(), old.requires_grad) == (
            new.dtype,
            new.stride(),
            new.requires_grad,
        )
        assert (new.grad is None) == (name == "0.weight")
    for old, new in zip(before.buffers(), model.buffers(), strict=True):
        assert torch.equal(old, new)


def test_the_opset_asked_for(tmp_path: Path) -> None:
    found = export(small(), tmp_path / "m.onnx", opset=18)
    assert found.opset == onnx.load(found.path).opset_import[0].version == 18


@pytest.mark.parametrize("opset", [0, 17, 26, 99])
def test_an_opset_that_would_not_be_kept_is_refused(tmp_path: Path, opset: int) -> None:
    with pytest.raises(MartletError, match=f"opset={opset} is not accepted; use 18 to 25"):
        export(small(), tmp_path / "m.onnx", opset=opset)


def test_classes_and_outputs_must_match(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"2 classes do not fit.*\(batch, 3\)"):
        export_onnx(small(), tmp_path / "m.onnx", preprocess=PREPROCESS, classes=["a", "b"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_meta_that_is_not_json(tmp_path: Path, value: object) -> None:
    with pytest.raises(MartletError, match="meta cannot be written as JSON"):
        export(small(), tmp_path / "m.onnx", meta={"note": value})


def shifted(model: nn.Module) -> nn.Module:
    """A fold that gets one number wrong."""
    folded = fold(model)
    folded[0].bias.data[0] += 0.01
    return folded


@pytest.mark.slow
def test_a_wrong_export_is_removed_and_keeps_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.onnx"
    monkeypatch.setattr(module, "fold", shifted)
    with pytest.raises(MartletError, match="was not written"):
        export(small(), path)
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"an earlier good file")
    with pytest.raises(MartletError, match=r"m\.onnx was not written: .* differs .* by 0\.0"):
        export(small(), path)
    assert path.read_bytes() == b"an earlier good file"
    assert list(tmp_path.iterdir()) == [path]


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (-x if x.sum() > 0 else x).flatten(1)


class Stuck(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no way.")


@pytest.mark.parametrize("network", [Branching, Stuck])
def test_what_cannot_be_exported_is_one_sentence(tmp_path: Path, network: type[nn.Module]) -> None:
    words = rf"^{network.__name__} cannot be exported to ONNX \(.*[^.]\)\.$"
    with pytest.raises(MartletError, match=words):
        export(network(), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_too_small_is_the_network_s_own_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    network = create_model("shufflenet_v2_x0_5", num_classes=3, in_chans=1)
    with pytest.raises(MartletError, match=r"^a picture of 16×16 is too small for this network"):
        export(network, path)
    assert not path.exists()
