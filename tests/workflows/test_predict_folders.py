"""Each source has its answer in a folder of its own, whatever becomes of the others."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from martlet.errors import MartletError
from martlet.workflows.predict_folders import in_folders


def read(source: Path) -> Callable[[Path], tuple[str, Path]]:
    if source.name == "bad.mat":
        raise MartletError("it is bad.")
    return lambda folder: (source.stem, folder)


def answered(place: Path, output: Path | None, *names: str) -> list[Any]:
    network: Any = SimpleNamespace(path=place / "model.onnx")
    return in_folders(
        network,
        [Path(name) for name in names],
        output,
        noun="scene",
        made="map",
        read=read,
        failed=lambda source, error: (source, error),
    )


def test_they_lie_beside_the_network_or_where_it_is_asked(tmp_path: Path) -> None:
    assert answered(tmp_path, None, "x/a.mat") == [("a", tmp_path / "a_map")]
    assert answered(tmp_path, tmp_path / "out", "a.mat") == [("a", tmp_path / "out")]
    assert answered(tmp_path, tmp_path / "out", "a.mat", "b.mat") == [
        ("a", tmp_path / "out" / "a_map"),
        ("b", tmp_path / "out" / "b_map"),
    ]


def test_an_error_is_an_answer_and_makes_no_folder(tmp_path: Path) -> None:
    found = answered(tmp_path, None, "bad.mat", "a.mat")
    assert found == [("bad.mat", "it is bad."), ("a", tmp_path / "a_map")]
    assert not (tmp_path / "bad_map").exists()


def test_a_folder_is_called_as_it_is_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walks" / "x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "walks" / "x")
    assert answered(tmp_path, None, "..") == [("..", tmp_path / "walks_map")]


def test_what_is_not_clear_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"^no scene is given; give the file of one\.$"):
        answered(tmp_path, None)
    with pytest.raises(MartletError, match=r"^two scenes have one name, and so would their maps;"):
        answered(tmp_path, None, "a/x.mat", "b/x.npy")
