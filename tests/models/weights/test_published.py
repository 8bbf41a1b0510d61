"""Names of published weights; small files are served on this machine in their place."""

import json
import zipfile
from hashlib import sha1, sha256
from pathlib import Path

import pytest
import torch
import torchvision

from martlet.errors import MartletError
from martlet.models import spec
from martlet.models.weights import published as module
from martlet.models.weights import pytorchcv_published as pytorchcv
from martlet.models.weights import renaming
from martlet.models.weights.published import published, with_weights

CONTENT = b"weights"
NAME = "shufflenet_v2_x0_5"


@pytest.fixture(autouse=True)
def nothing_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARTLET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


def test_names_of_torchvisions(served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, address = served
    file = f"net-{sha256(CONTENT).hexdigest()[:8]}.pth"
    (folder / file).write_bytes(CONTENT)
    weights = spec(NAME).weights
    assert weights is not None
    place = torchvision.models.get_weight(weights.name)
    monkeypatch.setattr(place.value, "url", f"{address}/{file}")
    said: list[str] = []
    for name in (NAME, weights.name, f"torchvision/{NAME}", "shufflenetv2_wd2"):
        found = published(name)
        assert (found.library, found.model) == ("torchvision", NAME)
        told = found.get(said.append)
        assert "licence BSD-3-Clause" in told
    assert found.path == Path(torch.hub.get_dir(), "checkpoints", file)
    assert said == [f"downloading torchvision's {NAME}, licence BSD-3-Clause: {address}/{file}"]
    found.path.write_bytes(b"damaged")
    with pytest.raises(MartletError, match=rf"{file} is damaged; delete it"):
        found.get(said.append)


def test_names_of_pytorchcvs(served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, address = served
    monkeypatch.setattr(pytorchcv, "RELEASES", address)
    digits = sha1(CONTENT).hexdigest()
    monkeypatch.setitem(pytorchcv.PUBLISHED, "shufflenetv2_wd2", f"v1 1234 {digits}")
    file = f"shufflenetv2_wd2-1234-{digits[:8]}.pth"
    (folder / "v1").mkdir()
    with zipfile.ZipFile(folder / "v1" / f"{file}.zip", "w") as archive:
        archive.writestr(file, CONTENT)
    found = published("pytorchcv/shufflenetv2_wd2")
    assert "licence MIT" in found.get(lambda _: None)
    assert found.path.read_bytes() == CONTENT
    assert published("shufflenet_g3_w1").library == "pytorchcv"  # no other library has it


@pytest.mark.slow
def test_all_of_pytorchcvs_are_of_our_networks() -> None:
    families = renaming.file_of("pytorchcv").FAMILIES
    for name, said in pytorchcv.PUBLISHED.items():
        assert renaming.find(name, "pytorchcv", families, {})[1].params > 0
        release, error, digits = said.split()
        assert release.startswith("v0.0.")
        assert (len(error), len(digits)) == (4, 40)


def test_names_of_timms(served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub says the licence and the checksum; afterwards it is not asked again."""
    folder, address = served
    monkeypatch.setenv("HF_ENDPOINT", address)
    name, repository = "resnet18.a1_in1k", folder / "timm/resnet18.a1_in1k/resolve/main"
    repository.mkdir(parents=True)
    (repository / "model.safetensors").write_bytes(CONTENT)
    (repository / "config.json").write_text("{}")
    told = folder / "api/models/timm" / name
    told.parent.mkdir(parents=True)
    sums = {"sha256": sha256(CONTENT).hexdigest()}
    siblings = [{"rfilename": "README.md"}, {"rfilename": "model.safetensors", "lfs": sums}]
    told.write_text(json.dumps({"cardData": {"license": "apache-2.0"}, "siblings": siblings}))
    first = published(f"timm/{name}")
    assert "timm's resnet18.a1_in1k, licence apache-2.0" in first.get(lambda _: None)
    assert first.path.with_name("config.json").read_text() == "{}"
    told.unlink()
    assert published(f"timm/{name}") == first
    first.path.write_bytes(b"other")
    with pytest.raises(MartletError, match="is damaged; delete it"):
        published(f"timm/{name}").get(lambda _: None)
    first.path.unlink()
    with pytest.raises(MartletError, match=r"HTTP Error 404.*; timm/resnet18.a1_in1k is a name"):
        published(f"timm/{name}")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shufflenet_v2_x0_4", r"close: shufflenet_v2_x0_5.*; give true, a file, a run folder"),
        ("shufflenet_v1_g3_x1_0", "is no file, no run folder and no name of published weights"),
        ("pytorchcv/nothing", "or pytorchcv/NAME as"),
        ("timm/resnet18", "timm/NAME as timm/resnet18.a1_in1k"),
        ("elsewhere/resnet18", "no name of published weights"),
    ],
)
def test_other_names(name: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        published(name)


def test_the_hub_is_that_of_timm() -> None:
    assert module.HUB == "https://huggingface.co"
    assert with_weights()[0] == NAME
