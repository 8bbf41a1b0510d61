"""torchvision's weights in our networks: the same answers, and `pretrained=True`."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import torch
import torchvision
from tests.models.comparison import same_answers
from torch import nn

from martlet.errors import MartletError
from martlet.models import create_model, list_models, spec
from martlet.models.weights.torchvision import to_channels

NAMES = [name for name in list_models() if spec(name).weights is not None]
LARGE = ("resnet34", "resnet101", "resnet152", "resnext50_32x4d")
SMALL = "shufflenet_v2_x0_5"
PLACE = torchvision.models.get_weight(spec(SMALL).weights.name)  # type: ignore[union-attr]


def theirs(name: str, **options: object) -> nn.Module:
    """torchvision's network."""
    make: Callable[..., nn.Module] = getattr(
        torchvision.models, name.removesuffix("_x1_0") if name.startswith("mobilenet") else name
    )
    return make(**options)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long) if n in LARGE else n for n in NAMES]
)
def test_same_answers(name: str) -> None:
    found = same_answers(theirs(name), "torchvision", name)
    weights = spec(name).weights
    assert weights is not None
    assert (found.options, found.preprocess) == ({}, {"crop_pct": 224 / weights.resize})


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_small", "resnet18", SMALL])
def test_other_classes_and_aliases(name: str) -> None:
    assert same_answers(theirs(name, num_classes=5), "torchvision", name).num_classes == 5


def test_other_channels() -> None:
    network = theirs(SMALL)
    network.conv1[0] = nn.Conv2d(4, 24, 3, 2, 1, bias=False)
    assert same_answers(network, "torchvision", SMALL, channels=4).in_chans == 4


def test_other_widths() -> None:
    same_answers(theirs("mobilenet_v2", width_mult=0.6), "torchvision", "mobilenet_v2_x0_6")
    network = torchvision.models.mobilenet_v3_small(width_mult=0.6)
    found = same_answers(network, "torchvision", "mobilenet_v3_small_x0_6")
    assert found.options == {"scaling": "torchvision"}


@pytest.mark.parametrize("name", NAMES)
def test_torchvision_knows_the_weights(name: str) -> None:
    weights = spec(name).weights
    assert weights is not None
    entry = torchvision.models.get_weight(weights.name)
    assert entry.meta["num_params"] == spec(name).params
    assert entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] == weights.top1
    assert entry.transforms().resize_size == [weights.resize]
    assert entry.transforms().crop_size == [spec(name).input.height]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, HTTPServer]]:
    """A folder and its server on this machine, for torchvision's; nothing was downloaded before."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with HTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield folder, listening
        listening.shutdown()
        thread.join()


def put(server: tuple[Path, HTTPServer], content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve `content` as torchvision's weights, under the hash of what they should be."""
    folder, listening = server
    file = folder / f"net-{sha256(content).hexdigest()[:8]}.pth"
    file.write_bytes(content)
    url = f"http://127.0.0.1:{listening.server_port}/{file.name}"
    monkeypatch.setattr(PLACE.value, "url", url)


@pytest.fixture
def shelf(
    server: tuple[Path, HTTPServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> nn.Module:
    """torchvision's network, whose random weights are served."""
    torch.manual_seed(0)
    source = theirs(SMALL)
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    put(server, (tmp_path / "weights.pth").read_bytes(), monkeypatch)
    return source.eval()


def test_pretrained(shelf: nn.Module) -> None:
    model, x = create_model(SMALL, pretrained=True).eval(), torch.randn(1, 3, 64, 64)
    assert (model(x) - shelf(x)).abs().max() < 1e-5


@pytest.mark.parametrize("num_classes", [0, 7])
def test_pretrained_features_with_a_fresh_classifier(shelf: nn.Module, num_classes: int) -> None:
    model = create_model(SMALL, num_classes=num_classes, pretrained=True).eval()
    whole = create_model(SMALL, pretrained=True).eval()
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(model.forward_features(x), whole.forward_features(x))
    assert model(x).shape == (1, num_classes or 1024)


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_pretrained_for_other_channels(shelf: nn.Module, channels: int) -> None:
    model = create_model(SMALL, in_chans=channels, pretrained=True).eval()
    gray = torch.randn(1, 1, 64, 64)
    found, expected = model(gray.expand(1, channels, 64, 64)), shelf(gray.expand(1, 3, 64, 64))
    if channels % 3 == 0 or channels == 1:  # else red and green count more often than blue
        assert (found - expected).abs().max() < 1e-4
    assert model(torch.randn(1, channels, 64, 64)).shape == (1, 1000)


def test_channels_as_timm_adapts_them() -> None:
    from timm.models import adapt_input_conv

    weight = torch.randn(8, 3, 3, 3)
    for channels in (1, 2, 3, 5, 30):
        torch.testing.assert_close(
            to_channels(weight, channels), adapt_input_conv(channels, weight)
        )


@pytest.mark.parametrize("option", [{"small_input": True}, {"attention": "se"}])
def test_pretrained_with_options_that_keep_the_tensors(
    shelf: nn.Module, option: dict[str, object]
) -> None:
    model = create_model(SMALL, pretrained=True, **option)
    expected = create_model(SMALL, pretrained=True).state_dict()
    found = model.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_pretrained_with_options_of_another_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    state = theirs("resnet18").state_dict()
    monkeypatch.setattr("martlet.models.weights.torchvision._download", lambda _: dict(state))
    with pytest.raises(MartletError, match=r"resnet18 with these options: .* \(such as '?conv1\."):
        create_model("resnet18", pretrained=True, small_input=True)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        (SMALL, "shuffle", "even_odd"),
        (SMALL, "ceil_pool", True),
        (SMALL, "conv5", 99),
        ("resnet50", "stride_first", True),
        ("mobilenet_v3_small", "bn_eps", 1e-5),
        ("mobilenet_v3_small", "scaling", "torchvision"),
        ("mobilenet_v2", "round_nearest", 4),
    ],
)
def test_pretrained_with_options_of_another_function(name: str, option: str, value: object) -> None:
    """Most of them have tensors of the same shapes, and would load."""
    with pytest.raises(MartletError, match=f"^pretrained=True does not fit {option}={value!r}; "):
        create_model(name, pretrained=True, **{option: value})


def test_pretrained_with_options_that_change_nothing(shelf: nn.Module) -> None:
    options = {"ceil_pool": False, "conv5": 1024, "attention": False}
    model, x = create_model(SMALL, pretrained=True, **options).eval(), torch.randn(1, 3, 64, 64)
    assert (model(x) - shelf(x)).abs().max() < 1e-5


def test_a_corrupt_download(
    server: tuple[Path, HTTPServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(server, b"right", monkeypatch)
    next(server[0].iterdir()).write_bytes(b"wrong")
    with pytest.raises(MartletError, match=r"^pretrained=True: http://127.*invalid hash value"):
        create_model(SMALL, pretrained=True)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut short"])
def test_a_damaged_file_in_the_cache(
    shelf: nn.Module, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    create_model(SMALL, pretrained=True)
    (kept,) = (tmp_path / "cache").rglob("*.pth")
    kept.write_bytes(content)
    with pytest.raises(MartletError, match=rf"^pretrained=True: {kept} is damaged; delete it"):
        create_model(SMALL, pretrained=True)
    kept.unlink()
    create_model(SMALL, pretrained=True)
    assert capsys.readouterr().out == ""


def test_nobody_answers(server: tuple[Path, HTTPServer], monkeypatch: pytest.MonkeyPatch) -> None:
    put(server, b"right", monkeypatch)
    next(server[0].iterdir()).unlink()
    with pytest.raises(MartletError, match="HTTP Error 404"):
        create_model(SMALL, pretrained=True)
    monkeypatch.setattr(PLACE.value, "url", "http://127.0.0.1:1/net-00000000.pth")
    sentence = r"could not be downloaded .*refused.*download it and put it to .*/net-00000000\.pth"
    with pytest.raises(MartletError, match=sentence):
        create_model(SMALL, pretrained=True)


def test_networks_without_weights() -> None:
    name = "shufflenet_v1_g1_x1_0"
    with pytest.raises(MartletError, match=f"{name} has no known weights; use one of"):
        create_model(name, pretrained=True)
