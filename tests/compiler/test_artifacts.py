from pathlib import Path

import pytest
from tests.compiler.graphs import Pair, close

from martlet.compiler import compile_onnx
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({}, ["tiny.bin", "tiny.so"]),
        ({"weights": "file"}, ["tiny.bin", "tiny.so"]),
        ({"weights": "text"}, ["tiny.so", "tiny_weights.h"]),
        ({"library": False}, ["tiny.bin"]),
    ],
)
def test_the_files_of_each_choice(
    tiny: Path, tmp_path: Path, pair: Pair, options: dict[str, object], files: list[str]
) -> None:
    first = compile_onnx(tiny, tmp_path / "out", weights="text")
    net = compile_onnx(tiny, tmp_path / "out", **options)  # nothing of the first stays
    suffix = Path(str(first.description.library)).suffix
    expected = ["tiny.c", "tiny.h", "tiny.json", *(f.replace(".so", suffix) for f in files)]
    assert {path.name for path in net.folder.iterdir()} == {*expected}
    if options.get("library", True):
        close(net(pair[0]), pair[1])
    else:
        with pytest.raises(MartletError, match="the sources of tiny alone"):
            net(pair[0])


@pytest.mark.parametrize("ending", [".c", ".h", ".bin", ".json", "_picture.h", ".wasm"])
def test_files_of_others_are_not_lost(tiny: Path, tmp_path: Path, ending: str) -> None:
    mine = tmp_path / f"tiny{ending}"
    mine.write_text("mine")
    with pytest.raises(MartletError, match="was not made by martlet and would be lost"):
        compile_onnx(tiny, tmp_path, name="tiny", library=False)
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    assert mine.read_text() == "mine"
