import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.tasks.rejection import Unknown
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe

NETWORK = Network("shufflenet_v2_x0_5", num_classes=3, in_chans=1, small_input=True)


@pytest.fixture
def header(recipe: Recipe) -> Header:
    preprocess = Preprocess(size=16, channels="L")
    return Header(NETWORK, ("a", "b", "ü"), preprocess, recipe, {"top1": 0.1 + 0.2})


@pytest.fixture
def saved(header: Header, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "run" / "model.safetensors"
    checkpoint.save(path, NETWORK.build().state_dict(), header)
    return path


def test_round_trip_keeps_weights_and_header(saved: Path, header: Header) -> None:
    tensors, found = checkpoint.load(saved)
    assert found == header
    torch.manual_seed(0)
    for name, tensor in NETWORK.build().state_dict().items():
        assert torch.equal(tensors[name], tensor)


def test_a_file_of_format_1_and_one_with_options(saved: Path, header: Header) -> None:
    tensors, _ = checkpoint.load(saved)
    old = json.loads(header.to_json()) | {"format": 1}
    del old["network"]["options"], old["origin"]
    save_file(tensors, saved, metadata={"martlet": json.dumps(old)})
    assert checkpoint.load(saved)[1] == header
    options = {"attention": {"kind": "se", "reduction": 4}}
    network = replace(NETWORK, options=options)
    checkpoint.save(saved, network.build().state_dict(), replace(header, network=network))
    model, found = checkpoint.load_model(saved)
    assert found.network.options == options
    assert any("attention" in name for name, _ in model.named_modules())


def test_temperature_and_threshold_stay_and_a_file_from_before_them_has_none(
    saved: Path, header: Header
) -> None:
    tensors, _ = checkpoint.load(saved)
    told = replace(header, temperature=1 / 3, unknown=Unknown("energy", 0.1, 0.05, 40))
    checkpoint.save(saved, tensors, told)
    assert checkpoint.load_header(saved) == told
    values = json.loads(told.to_json())
    old = {name: value for name, value in values.items() if name not in ("temperature", "unknown")}
    save_file(tensors, saved, metadata={"martlet": json.dumps(old)})
    assert checkpoint.load_header(saved) == header
    assert header.temperature == 1
    for wrong in ({"temperature": 0.0}, {"temperature": "warm"}, {"unknown": {"below": 1.0}}):
        save_file(tensors, saved, metadata={"martlet": json.dumps(values | wrong)})
        with pytest.raises(MartletError, match="header that cannot be read"):
            checkpoint.load_header(saved)


def test_converted_weights_have_no_recipe(saved: Path, header: Header) -> None:
    tensors, _ = checkpoint.load(saved)
    checkpoint.save(saved, tensors, replace(header, trained=None, origin="timm"))
    _, found = checkpoint.load_model(saved)
    assert (found.trained, found.origin) == (None, "timm")
    with pytest.raises(MartletError, match="come from timm; their recipe is not known"):
        _ = found.recipe


def test_network_from_folder_or_file_gives_the_same_answers(saved: Path) -> None:
    pictures = torch.randn(2, 1, 16, 16)
    from_file, _ = checkpoint.load_model(saved)
    from_folder, _ = checkpoint.load_model(saved.parent)
    assert not from_file.training
    assert torch.equal(from_file(pictures), from_folder(pictures))


def test_the_header_alone_reads_no_weights(
    saved: Path, header: Header, reads: Counter[str]
) -> None:
    assert checkpoint.load_header(saved) == header
    assert not reads
    tensors, _ = checkpoint.load(saved)
    assert reads == dict.fromkeys((f"model.safetensors {name}" for name in tensors), 1)


@pytest.mark.parametrize(
    "damage",
    [lambda whole: bytes(range(256)) * 40]
    + [lambda whole, keep=keep: whole[:keep] for keep in (5, 100, 5000, -1)],
)
def test_a_damaged_file_is_said_to_be(saved: Path, damage: Callable[[bytes], bytes]) -> None:
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(MartletError, match="corrupt or cut short"):
        checkpoint.load_model(saved)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"nowhere.* does not exist"):
        checkpoint.load_model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"format": "pt"}, "not written by martlet"),
        (
            {"martlet": '{"format": 3, "versions": {"martlet": "9"}}'},
            "format 3.*reads formats up to 2",
        ),
        ({"martlet": '{"format": 1}'}, "header that cannot be read"),
    ],
)
def test_another_program_or_version(
    tmp_path: Path, metadata: dict[str, str], sentence: str
) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.zeros(2)}, path, metadata=metadata)
    with pytest.raises(MartletError, match=sentence):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("format",), "2", "format='2' is not accepted; give a whole number"),
        (("network", "num_classes"), "3", "num_classes='3' is not accepted; give a whole number"),
        (("network", "small_input"), 1, "small_input=1 is not accepted; give True or False"),
        (("network", "depth"), 1, "'depth'"),
        (("network",), None, "network=None is not accepted; give a mapping"),
        (("classes",), [1, 2, 3], r"classes=\[1, 2, 3\] is not accepted; give a sequence of texts"),
        (("preprocess",), 5, "preprocess=5 is not a table"),
        (("preprocess", "size"), "x", "size='x' is not a whole number"),
        (("recipe",), 5, "not"),
        (("recipe", "lr"), "fast", "lr='fast' is not accepted; give a number"),
        (("recipe", "speed"), 1, "the recipe has speed, unknown to this version"),
        (("metrics",), [], "metrics=.* is not accepted; give a mapping"),
        (("state",), 1, "state=1 is not accepted"),
        (("task",), 1, "task=1 is not accepted; give text"),
    ],
)
def test_a_header_with_values_of_other_types(
    header: Header, place: tuple[str, ...], value: object, sentence: str
) -> None:
    values = json.loads(header.to_json())
    inner = values
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(MartletError, match=rf"^f has a header that cannot be read.*{sentence}"):
        Header.from_json(json.dumps(values), Path("f"))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"format": ' + "9" * 5000 + "}",
        "{",
        '"text"',
        "[]",
        "1e999",
        '{"format": NaN}',
    ],
    ids=range(7),
)
def test_a_header_that_is_no_table(text: str) -> None:
    with pytest.raises(MartletError, match=r"^f has a header that cannot be read") as caught:
        Header.from_json(text, Path("f"))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ({"in_chans": 10**7}, "does not hold weights of shufflenet_v2_x0_5: 1 of another shape"),
        ({"num_classes": 2**40}, "does not hold weights of shufflenet_v2_x0_5: 2 of another shape"),
        ({"num_classes": 2**62}, "has a header that cannot be read: .* cannot be as large"),
        ({"num_classes": 2**64}, "num_classes is a number of 65 bits"),
        ({"in_chans": 0}, "in_chans=0 is too small"),
        ({"name": "resnet"}, "model 'resnet' is not known; did you mean resnet"),
        ({"name": "hybridsn"}, "has no option 'small_input'"),
        ({"options": {"width": 3}}, "has no option 'width'"),
        ({"options": {"conv5": [1]}}, r"conv5=\[1\] is not accepted"),
        (
            {"options": {"attention": {"kind": "se", "reduction": 2**70}}},
            "reduction is a number of",
        ),
        ({"options": {"num_classes": 3}}, "has a header of no network known here"),
        ({"options": {"": 3}}, "has no option ''"),
    ],
)
def test_a_header_of_a_network_that_is_not_there_takes_no_memory(
    saved: Path, header: Header, network: dict[str, Any], sentence: str
) -> None:
    values = json.loads(header.to_json())
    values["network"] |= network
    tensors, _ = checkpoint.load(saved)
    save_file(tensors, saved, metadata={"martlet": json.dumps(values)})
    with pytest.raises(MartletError, match=sentence) as caught:
        checkpoint.load_model(saved)
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"std": [2**64]}, ""),
        ({"std": [2**400]}, r"std=\[.*\] is not a list of 1 numbers"),
        ({"mean": [1e300]}, r"mean=\[1e\+300\] is not a list of 1 numbers"),
        ({"std": [1e-45]}, "give no finite numbers"),
        ({"std": [float("nan")]}, "is not a list of 1 numbers"),
        ({"size": 10**9}, "size=1000000000 is not a whole number of pixels from 1 to 4096"),
    ],
)
def test_numbers_of_preprocessing(header: Header, setting: dict[str, Any], sentence: str) -> None:
    values = json.loads(header.to_json())
    values["preprocess"] |= setting
    if not sentence:
        assert Header.from_json(json.dumps(values), Path("f")).preprocess.std == (2.0**64,)
        return
    with pytest.raises(MartletError, match=f"^f has a header that cannot be read.*{sentence}"):
        Header.from_json(json.dumps(values), Path("f"))


def test_a_file_of_another_program_says_what_it_is(tmp_path: Path) -> None:
    for name, content, sentence in (
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("b.safetensors", b"", "b.safetensors is empty; download it again"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MartletError, match=sentence):
            checkpoint.load(tmp_path / name)
    torch.save({"a": torch.eye(2)}, tmp_path / "c.pth")
    with pytest.raises(
        MartletError, match=r"c\.pth is no checkpoint of martlet; `martlet convert`"
    ):
        checkpoint.load(tmp_path / "c.pth")


def test_weights_of_another_network(saved: Path, header: Header) -> None:
    other = replace(header, network=replace(NETWORK, name="shufflenet_v2_x1_0"))
    tensors, _ = checkpoint.load(saved)
    checkpoint.save(saved, tensors, other)
    with pytest.raises(MartletError, match=r"not hold weights of shufflenet_v2_x1_0: \d+ .*shape"):
        checkpoint.load_model(saved)


def test_missing_and_unexpected_weights_are_counted(saved: Path, header: Header) -> None:
    tensors, _ = checkpoint.load(saved)
    name = sorted(tensors)[0]
    tensors["extra"] = tensors.pop(name)
    checkpoint.save(saved, tensors, header)
    with pytest.raises(MartletError, match=r"1 missing \(such as .*\), 1 unexp.* 'extra'"):
        checkpoint.load_model(saved)
