from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn

import martlet
from martlet.errors import MartletError
from martlet.workflows.run_folder import Run


def test_a_run_is_a_module_with_its_preprocess_and_classes(trained: Run, photos: Path) -> None:
    model = martlet.load(trained.folder)
    assert isinstance(model, nn.Module)
    assert not model.training
    assert model.classes == ("blue", "green", "red")
    picture = photos / "red" / "001.png"
    with torch.inference_mode():
        answer = model(torch.from_numpy(model.preprocess(picture))[None]).softmax(1)[0]
    (expected,) = martlet.predict(trained.folder, [picture])
    assert model.classes[int(answer.argmax())] == expected.label
    assert answer.max().item() == pytest.approx(expected.probability, abs=1e-5)
    assert martlet.load(str(trained.checkpoint)).state_dict().keys() == model.state_dict().keys()
    resumed = martlet.load(trained.folder / "resume.safetensors")
    assert resumed.classes == model.classes


def test_other_s_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.shufflenet_v2_x0_5(num_classes=3).eval()
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "a.pth")
    model = martlet.load(tmp_path / "a.pth")
    assert model.classes == ("0", "1", "2")
    picture = Image.fromarray(np.full((300, 300, 3), 99, np.uint8))
    x = torch.from_numpy(model.preprocess(picture))[None]
    assert torch.allclose(model(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nowhere", None, "does not exist; give a run folder"),
        ("a.onnx", b"\x08\x0a\xff", "is an ONNX network"),
        ("a.pth", b"<html>", "is a web page"),
    ],
)
def test_what_is_no_trained_network(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MartletError, match=sentence):
        martlet.load(tmp_path / name)
