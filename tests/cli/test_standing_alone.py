from pathlib import Path

import pytest

from martlet.api.train import train
from martlet.cli.standing_alone import flags_of, with_values


def test_flags_of_train() -> None:
    assert flags_of(train) == ["--pretrained"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train d --pretrained", "train d --pretrained=true"),
        ("train d --pretrained --quiet", "train d --pretrained=true --quiet"),
        ("train d --pretrained resnet18 --quiet", "train d --pretrained resnet18 --quiet"),
        ("train d --pretrained=a.pth", "train d --pretrained=a.pth"),
        ("train --no-pretrained d", "train --pretrained=false d"),
        ("train d --epochs 3", "train d --epochs 3"),
    ],
)
def test_a_flag_that_stands_alone_gets_a_value(words: str, expected: str) -> None:
    assert with_values(words.split(), ["--pretrained"]) == expected.split()


def test_the_data_behind_a_flag_is_no_value(tmp_path: Path) -> None:
    data, run = tmp_path / "photos", tmp_path / "run"
    for folder in (data, run):
        folder.mkdir()
    (run / "model.safetensors").touch()
    flags = ["--pretrained"]
    assert with_values(["train", flags[0], str(data)], flags)[1] == "--pretrained=true"
    assert with_values(["train", flags[0], str(run)], flags)[1] == "--pretrained"
    words = ["train", str(data), flags[0], str(data / "..")]  # which is no run: an error says so
    assert with_values(words, flags) == words
