"""`convert`: from a file of another library to a checkpoint that every verb takes."""

import io
import json
import pickle
import shutil
import warnings
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from martlet.api.convert import convert
from martlet.api.evaluate import evaluate
from martlet.api.export import export
from martlet.api.measure import measure
from martlet.api.predict import predict
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.models.weights.reading import read_weights
from martlet.models.weights.renaming import Converted
from martlet.training import checkpoint
from martlet.workflows.convert import ConvertedFile, class_names, preprocess_of, read_others
from martlet.workflows.hub_config import hub_settings
from martlet.workflows.run_folder import Run
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.start import start_of

SMALL = "shufflenet_v2_x0_5"


@pytest.fixture
def theirs() -> nn.Module:
    """torchvision's network for three classes."""
    torch.manual_seed(0)
    return torchvision.models.shufflenet_v2_x0_5(num_classes=3).eval()


@pytest.fixture
def file(theirs: nn.Module, tmp_path: Path) -> Path:
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    return tmp_path / "theirs.pth"


def convert_small(file: Path, output: Path, **options: Any) -> ConvertedFile:
    return convert(file, **{"source": "torchvision", "model": SMALL, "output": output, **options})


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    path = tmp_path / "classes.txt"
    path.write_text("blue\ngreen\n\nred\n", encoding="utf-8")
    return path


def test_the_answers_are_those_of_the_library(
    theirs: nn.Module, file: Path, classes: Path, tmp_path: Path
) -> None:
    made = convert_small(file, tmp_path / "ours.safetensors", classes=classes)
    assert (made.network, made.options, made.classes) == (SMALL, {}, 3)
    assert made.tensors == len(theirs.state_dict())
    assert made.params == sum(parameter.numel() for parameter in theirs.parameters())
    assert made.origin == f"torchvision's {SMALL} (theirs.pth)"
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (300, 260, 3), dtype=np.uint8)
    )
    picture.save(tmp_path / "noise.png")
    (found,) = predict(made.path, [tmp_path / "noise.png"])
    prepared = torchvision.models.ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1.transforms()(picture)
    expected = theirs(prepared[None]).softmax(1)[0].max()
    assert found.label in ("blue", "green", "red")
    assert found.probability == pytest.approx(expected.item(), abs=1e-3)


@pytest.mark.slow
def test_every_verb_takes_the_checkpoint(
    file: Path, classes: Path, photos: Path, tmp_path: Path, quick: Callable[..., Run]
) -> None:
    made = convert_small(
        file,
        tmp_path / "run" / "model.safetensors",
        classes=classes,
        image_size=64,
        mean=(0.5,),
        std=(0.25,),
        crop_pct=0.9,
        interpolation="bicubic",
    )
    assert evaluate(made.path, photos, split="all", quiet=True)["pictures"] == 36
    assert export(made.path).path == tmp_path / "run" / "model.onnx"
    assert measure(made.path.parent, engines=["torch"], seconds=0.05)[0].median_ms > 0
    run = quick(weights=made.path, name="tuned", epochs=1, lr=1e-6, image_size=32)
    assert checkpoint.load(run.checkpoint)[1].preprocess.mean == (0.5, 0.5, 0.5)


def test_a_network_of_another_structure_is_trained_on(
    tmp_path: Path, quick: Callable[..., Run]
) -> None:
    from pytorchcv.model_provider import get_model

    state = get_model("shufflenetv2_wd2", num_classes=3).state_dict()
    torch.save(state, tmp_path / "a.pth")
    made = convert(
        tmp_path / "a.pth",
        source="pytorchcv",
        model="shufflenetv2_wd2",
        output=tmp_path / "a.safetensors",
    )
    assert made.options == {"ceil_pool": True}
    run = quick(weights=made.path, epochs=1, image_size=32)
    assert checkpoint.load(run.checkpoint)[1].network.options == {"ceil_pool": True}


@pytest.mark.slow
def test_timms_config_says_how_pictures_are_prepared(tmp_path: Path) -> None:
    import timm

    network = timm.create_model("mobilenetv1_100", num_classes=2)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = {
        "architecture": "mobilenetv1_100",
        "pretrained_cfg": {
            "input_size": [3, 192, 192],
            "crop_pct": 0.95,
            "interpolation": "bicubic",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.25, 0.25, 0.25],
        },
    }
    expected = Preprocess(
        size=192, crop_pct=0.95, interpolation="bicubic", mean=(0.5,) * 3, std=(0.25,) * 3
    )
    default = Preprocess(size=224, interpolation="bicubic")
    given = {"source": "timm", "output": tmp_path / "out.safetensors", "overwrite": True}
    file, told = tmp_path / "model.safetensors", tmp_path / "config.json"
    name = "mobilenetv1_100.ra4_e3600_r224_in1k"
    assert convert(file, model=name, **given).preprocess == default
    told.write_text(json.dumps(config))
    assert convert(file, model=name, **given).preprocess == expected
    found = convert(file, model=name, image_size=224, std=(0.5,), **given).preprocess
    assert found == replace(expected, size=224, std=(0.5,) * 3)
    for other in (json.dumps(config | {"architecture": "mobilenetv1_125"}), "{}", "[1]", "text"):
        told.write_text(other)
        assert convert(file, model=name, **given).preprocess == default


@pytest.mark.parametrize(
    ("key", "value", "instead"),
    [
        ("mean", 5, {"mean": (0.5,)}),
        ("std", [0.5, "a", 0.5], {"std": 0.25}),
        ("std", [0.1, 0.2], {"std": (0.5,)}),
        ("crop_pct", "all", {"crop_pct": 0.9}),
        ("interpolation", "lanczos", {"interpolation": "bilinear"}),
        ("input_size", 3, {"size": 64}),
        ("input_size", [3, 224, "a"], {"size": 64}),
        ("input_size", [3, "a", "a"], {"size": 64}),
        ("input_size", [3, 224, 192], {"size": 64}),
    ],
)
def test_a_bad_value_in_timms_config_is_named_unless_another_is_given(
    tmp_path: Path, key: str, value: object, instead: dict[str, object]
) -> None:
    told = {"architecture": "mobilenetv1_100", "pretrained_cfg": {key: value}}
    (tmp_path / "config.json").write_text(json.dumps(told))
    name = "size" if key == "input_size" else key
    with pytest.raises(MartletError, match=rf"config\.json: .*{name}[ =]") as caught:
        hub_settings(tmp_path / "a.pth", "mobilenetv1_100")
    assert "\n" not in str(caught.value)
    assert hub_settings(tmp_path / "a.pth", "mobilenetv1_100", [name]) == {}
    found = Converted("mobilenet_v1_x1_0", 2, 3, {}, {}, {})
    assert preprocess_of(found, instead).size == instead.get("size", 224)
    (tmp_path / "config.json").write_text(json.dumps(told | {"pretrained_cfg": [1]}))
    with pytest.raises(MartletError, match=r"config\.json: pretrained_cfg=\[1\] is not a table"):
        hub_settings(tmp_path / "a.pth", "mobilenetv1_100")


@pytest.mark.filterwarnings("ignore")  # torch's, on making these tensors
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Tensor.to_sparse, "is sparse"),
        (Tensor.to_sparse_csr, "is sparse"),
        (lambda whole: torch.nested.nested_tensor([whole[0], whole[1, :9]]), "is nested"),
        (lambda whole: whole.to("meta"), "has a shape, but no numbers"),
        (lambda whole: torch.quantize_per_tensor(whole, 1.0, 0, torch.qint8), "is quantised"),
        (lambda whole: whole.to(torch.complex64), "holds complex numbers"),
        (lambda whole: whole.half() * float("nan"), "holds numbers that are infinite or NaN"),
        (lambda whole: whole + float("inf"), "holds numbers that are infinite or NaN"),
    ],
)
def test_tensors_that_are_no_weights_are_named(
    theirs: nn.Module, tmp_path: Path, make: Callable[[Tensor], Tensor], sentence: str
) -> None:
    state = theirs.state_dict()
    torch.save({**state, "fc.weight": make(state["fc.weight"])}, tmp_path / "a.pth")
    for given in ({}, {"source": "torchvision"}, {"source": "torchvision", "model": SMALL}):
        with pytest.raises(MartletError, match=f"its tensor 'fc.weight' {sentence}"):
            convert(tmp_path / "a.pth", output=tmp_path / "a.safetensors", **given)


def test_a_tensor_beside_the_network_need_not_be_an_array(
    theirs: nn.Module, tmp_path: Path
) -> None:
    state = {f"backbone.{name}": tensor for name, tensor in theirs.state_dict().items()}
    torch.save({"angles": torch.ones(9, dtype=torch.complex64), **state}, tmp_path / "a.pth")
    made = convert(tmp_path / "a.pth", output=tmp_path / "a.safetensors")
    assert made.network == SMALL
    assert made.told[0] == "of 'backbone.*'; left out: 'angles'"


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this must not be printed",))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickled_code_of_every_protocol_is_one_sentence(
    tmp_path: Path, protocol: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pth"
    for write in (
        lambda: torch.save({"a": Trap()}, path, pickle_protocol=protocol),
        lambda: path.write_bytes(pickle.dumps({"a": Trap()}, protocol=protocol)),
    ):
        write()
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always")
            with pytest.raises(MartletError, match=r"code.*; save the weights alone with `torch"):
                read_weights(path)
        assert not noted
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("beside", "sentence"),
    [
        ({"best_acc1": np.float64(71.3), "epoch": np.int64(4), "curve": np.ones(3)}, ""),
        ({"args": Namespace(lr=0.1, output=Path("a")), "when": datetime(2020, 1, 1)}, ""),
        ({"state_dict_ema": "good"}, "state_dict_ema' are taken, averaged ones (EMA)"),
    ],
    ids=["numbers of NumPy", "arguments", "averaged"],
)
def test_a_file_of_a_training_program_needs_neither_from_nor_model(
    theirs: nn.Module, tmp_path: Path, beside: dict[str, object], sentence: str
) -> None:
    state = {f"module.{name}": tensor for name, tensor in theirs.state_dict().items()}
    if beside == {"state_dict_ema": "good"}:
        beside = {"state_dict_ema": state}
        state = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    torch.save({"state_dict": state, **beside}, tmp_path / "last.ckpt")
    made = convert(tmp_path / "last.ckpt", output=tmp_path / "a.safetensors")
    assert (made.network, made.classes) == (SMALL, 3)
    assert made.origin == f"torchvision's {SMALL} (last.ckpt)"
    assert sentence in " ".join(made.told)
    model, _ = checkpoint.load_model(made.path)
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(model(x).argmax(), theirs(x).argmax())
    assert torch.allclose(model(x), theirs(x), atol=1e-5)


def test_others_weights_are_trained_on_in_one_step(
    file: Path, quick: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = quick(weights=file, model=None, epochs=1, image_size=32, quiet=False)
    header = checkpoint.load_header(run.checkpoint)
    assert (header.network.name, header.network.num_classes) == (SMALL, 3)
    said = " ".join(capsys.readouterr().err.split())
    assert f"tensors of torchvision's {SMALL} (theirs.pth); the classifier is new" in said
    with pytest.raises(MartletError, match=f"holds {SMALL}, not mobilenet_v2_x1_0; leave --model"):
        quick(weights=file, model="mobilenet_v2_x1_0", name="other")


def test_config_json_says_that_the_weights_are_timms(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), tmp_path / "a.bin")
    config = {"architecture": "resnet18", "pretrained_cfg": {"crop_pct": 0.95}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    made = convert(tmp_path / "a.bin", output=tmp_path / "a.safetensors")
    assert made.origin == "timm's resnet18 (a.bin)"
    assert (made.preprocess.interpolation, made.preprocess.crop_pct) == ("bicubic", 0.95)
    (tmp_path / "config.json").write_text("[" * 100_000)
    made = convert(tmp_path / "a.bin", output=tmp_path / "b.safetensors")
    assert made.origin == "torchvision's resnet18 (a.bin)"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of timm's resnet18 as they lie on the hub, with a config.json of its own values."""
    folder = tmp_path_factory.mktemp("hub")
    save_file(torchvision.models.resnet18(num_classes=2).state_dict(), folder / "model.safetensors")
    settings = {"input_size": [3, 288, 288], "mean": [0.5] * 3, "std": [0.25] * 3}
    config = {"architecture": "resnet18", "pretrained_cfg": settings}
    (folder / "config.json").write_text(json.dumps(config))
    return folder / "model.safetensors"


@pytest.mark.parametrize(
    ("source", "model"),
    [
        (None, None),
        ("timm", None),
        ("timm", "resnet18"),
        ("timm", "resnet18.a1_in1k"),
        (None, "resnet18"),
    ],
)
def test_config_json_is_read_however_the_network_is_found(
    hub: Path, source: str | None, model: str | None
) -> None:
    preprocess = read_others(hub, source, model).preprocess
    assert (preprocess.size, preprocess.mean, preprocess.std) == (288, (0.5,) * 3, (0.25,) * 3)
    assert read_others(hub, source, model, {"size": 200}).preprocess.size == 200
    other = read_others(hub, "torchvision")
    assert (other.preprocess.size, other.told) == (224, ())


def test_training_prepares_pictures_as_config_json_says(hub: Path) -> None:
    for model in (None, "resnet18"):
        header = start_of(TrainOptions(weights=hub, model=model)).header
        assert header is not None
        assert header.preprocess.mean == (0.5,) * 3


@pytest.mark.parametrize("architecture", ["mobilenetv3_large_100", "efficientnet_b0"])
def test_a_config_json_of_other_weights_does_not_refuse_these(
    hub: Path, tmp_path: Path, architecture: str
) -> None:
    file = tmp_path / "resnet18.safetensors"
    shutil.copy(hub, file)
    config = {"architecture": architecture, "pretrained_cfg": {"mean": [0.5] * 3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for source, model in ((None, None), ("timm", None), (None, "resnet18")):
        found = read_others(file, source, model)
        assert found.header.network.name == "resnet18"
        assert found.preprocess == Preprocess(
            size=224, interpolation="bilinear" if source is None else "bicubic"
        )
        sentence = f"left out: config.json beside the weights, which is of timm's {architecture}"
        assert found.told[-1] == sentence
    save_file({"a.weight": torch.ones(3)}, file)
    with pytest.raises(MartletError, match=r"config\.json: (the weights are|model .* is) not"):
        read_others(file)
    torch.save({"a.weight": torch.ones(3, 3).to_sparse()}, file.with_suffix(".pth"))
    with pytest.raises(MartletError, match=r"resnet18\.pth is not accepted; its tensor .* is spar"):
        read_others(file.with_suffix(".pth"))


def test_a_small_file_that_asks_for_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers repeat one number, as `expand` gives them; nothing is copied before the check."""
    monkeypatch.setattr("martlet.memory.available_bytes", lambda: 10**9)
    state = torchvision.models.shufflenet_v2_x0_5().state_dict()
    state["fc.weight"] = torch.zeros(1, 1).half().expand(1_000_000, 1024)
    torch.save(state, tmp_path / "a.pth")
    sentence = r"a\.pth, a file of \d+ MB, needs 4\.1 GB of memory at least, and 1\.0 GB are free"
    with pytest.raises(MartletError, match=sentence):
        convert(tmp_path / "a.pth", output=tmp_path / "a.safetensors")


def test_other_verbs_say_how_to_make_a_checkpoint(file: Path, photos: Path) -> None:
    with pytest.raises(MartletError, match=r"is no checkpoint of martlet; `martlet convert` makes"):
        predict(file, [photos])


def saved(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pth", None, "does not exist"),
        (
            "a.onnx",
            b"\x08\x0a\x12\x00\xff",
            "is an ONNX network; give the weights that it was exported",
        ),
        ("a.pth", saved(nn.Linear(2, 2)), "holds pickled code, which is not run"),
        ("a.pth", saved([torch.eye(2)]), "holds no named tensors"),
        ("a.pth", saved({"a.weight": 3}), "holds no named tensors"),
        ("a.pth", saved({}), "holds no named tensors"),
        ("a.pth", saved({"a": torch.eye(99)})[:5000], "cut short: it ends after 5,000 bytes"),
        ("a.pth", b"", "is empty; download it again"),
        ("a.pth", bytes(range(256)) * 40, "corrupt or no file of PyTorch"),
        ("a.pth", b"a text", "is a text that begins with 'a text', not weights"),
        ("a.pth", pickle.dumps({"a": 1}), "cannot be read without running code in it"),
        ("a.safetensors", bytes(range(128, 256)), "is corrupt or cut short"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",  # bytes differ by process
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MartletError, match=sentence) as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"source": "timm"}, "no weights of timm are known for shufflenet_v2_x0_5; accepted: "),
        ({"source": "torch"}, "source 'torch' is not known; did you mean .*torchvision"),
        (
            {"model": "shufflenet_v2_x1_0"},
            r"not those of torchvision's shufflenet_v2_x1_0: \d+ of ",
        ),
        ({"model": "shufflenet"}, "model 'shufflenet' is not known"),
        ({"output": Path("out.pth")}, r"give a name that ends in \.safetensors"),
        ({"crop_pct": 3.0}, "crop_pct=3.0 is not a number from 0.1 to 1"),
        ({"mean": (0.1, 0.2)}, r"mean=\(0.1, 0.2\) is not a list of 3 numbers"),
        ({"image_size": 0}, "size=0 is not a whole number"),
        ({"image_size": "a"}, "^image_size='a' is not accepted; give a whole number or None"),
        ({"image_size": 16}, "image_size=16 is too small for shufflenet_v2_x0_5"),
        ({"classes": Path("nowhere.txt")}, r"classes=nowhere\.txt cannot be read"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_nothing_is_written(
    file: Path, tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    output = tmp_path / "out.safetensors"
    with pytest.raises(MartletError, match=sentence) as caught:
        convert_small(file, **{"output": output, **options})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not output.exists()


def test_nothing_is_replaced_without_being_told(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.safetensors"
    convert_small(file, output)
    with pytest.raises(MartletError, match="exists already"):
        convert_small(file, output)
    convert_small(file, output, overwrite=True)
    save_file(torchvision.models.shufflenet_v2_x0_5().state_dict(), tmp_path / "in.safetensors")
    same = tmp_path / "in.safetensors"
    with pytest.raises(MartletError, match="exists already"):
        convert_small(same, same, overwrite=True)


def test_small_pictures_are_not_cropped_and_four_channels_are_none() -> None:
    small = preprocess_of(Converted("resnet20", 10, 3, {}, {}, {}), {})
    assert (small.size, small.crop_pct) == (32, 1.0)
    with pytest.raises(MartletError, match="take 4 channels; a checkpoint takes pictures of 1 or"):
        preprocess_of(Converted(SMALL, 3, 4, {}, {}, {}), {})


def test_class_names(classes: Path, tmp_path: Path) -> None:
    assert class_names(3, classes) == ("blue", "green", "red")
    assert class_names(2, None) == ("0", "1")
    imagenet = class_names(1000, None)
    assert (imagenet[0], imagenet[134], imagenet[517]) == ("tench", "crane bird", "crane")
    assert len(set(imagenet)) == 1000
    with pytest.raises(MartletError, match=r"names 3 classes; the weights have 4"):
        class_names(4, classes)
    (tmp_path / "one.txt").write_text("a\n")
    with pytest.raises(MartletError, match=r"names 1 class; the weights have 4"):
        class_names(4, tmp_path / "one.txt")
    (tmp_path / "twice.txt").write_text("a\na\n")
    with pytest.raises(MartletError, match=r"names 'a' more than once"):
        class_names(2, tmp_path / "twice.txt")


def test_names_are_read_in_one_form_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_text("\ufeffcafe\u0301\nant\n", encoding="utf-8")
    assert class_names(2, file) == ("caf\u00e9", "ant")
    file.write_text("cafe\u0301\ncaf\u00e9\n", encoding="utf-8")
    with pytest.raises(MartletError, match="names 'caf\u00e9' more than once"):
        class_names(2, file)


def test_the_command(
    call: Callable[..., tuple[int, str, str]],
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said, _ = call("convert", file, "--from", "torchvision", "--model", SMALL, "--mean", 0.5)
    assert code == 0
    assert f"{SMALL}.safetensors: {SMALL} with the weights of torchvision's {SMALL}" in said
    assert "344,867 params, 3 classes" in said
    assert "mean 0.5 0.5 0.5" in said
    assert (tmp_path / f"{SMALL}.safetensors").exists()
    code, said, _ = call("convert", file, "--output", "told.safetensors")
    assert code == 0
    assert f"told.safetensors: {SMALL} with the weights of torchvision's" in said
