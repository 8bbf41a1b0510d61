"""Networks for a device of a certain memory: what is saved, and what is refused."""

import re
from pathlib import Path

import pytest
from tests.compiler.exported import OurPath
from tests.compiler.graphs import Pair, by_onnx_runtime, close, graph, random, save

import martlet
from martlet.compiler import compile_onnx
from martlet.errors import MartletError


@pytest.mark.long
def test_memory_is_saved_where_it_must_be(our_path: OurPath, tmp_path: Path) -> None:
    """More layers run row by row, and the answer is the same."""
    path, x = our_path("mobilenet_v2_x0_5", 96), random(0, 1, 3, 96, 96)
    free = compile_onnx(path, tmp_path / "free", target="portable")
    outside = 4 * (x.size + 7)
    most = free.description.workspace_bytes * 3 // 4 + outside
    small = compile_onnx(path, tmp_path / "small", target="portable", max_ram=most)
    assert small.description.workspace_bytes + outside <= most
    close(small(x), *by_onnx_runtime(path, x))


def test_what_fits_is_as_without_a_limit(tiny: Path, folder: Path, tmp_path: Path) -> None:
    compile_onnx(tiny, tmp_path / "out", max_ram=1 << 30, max_flash=1 << 30, library=False)
    assert (tmp_path / "out" / "tiny.c").read_text() == (folder / "tiny.c").read_text()


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"max_ram": 5000}, r"max_ram=5,000 bytes are too few: tiny needs [\d,]+ \([\d,]+ of work"),
        ({"max_flash": 100}, r"max_flash=100 bytes are too few: .* about 0\.\d\d of its width"),
        ({"max_ram": 0}, "max_ram=0 is not accepted"),
        ({"max_flash": "1M"}, "max_flash='1M' is not accepted; give a whole number"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tiny: Path, tmp_path: Path, limits: dict[str, int], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        compile_onnx(tiny, tmp_path / "out", library=False, **limits)
    assert not (tmp_path / "out").exists()


def test_a_picture_that_would_fit_is_said_and_fits(tmp_path: Path) -> None:
    def compiled(side: int) -> None:
        model = graph("y = Conv (x, w)", (1, 3, side, side), w=(4, 3, 1, 1))
        compile_onnx(save(model, tmp_path), tmp_path / "out", library=False, max_ram=100_000)

    with pytest.raises(MartletError) as refused:
        compiled(100)
    side = int(re.findall(r"about (\d+)×", str(refused.value))[0])
    assert 20 < side < 50
    compiled(side)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"max_ram": "4k"}, "max_ram=4,000 bytes are too few"),
        ({"max_flash": "0.1kB"}, "max_flash=100 bytes are too few"),
        ({"max_ram": "much"}, "max_ram='much' is not accepted; give a size, as 320kB"),
    ],
)
def test_sizes_as_they_are_typed(
    tiny: Path, tmp_path: Path, limits: dict[str, str], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        martlet.compile(tiny, tmp_path / "out", build=False, **limits)
    assert martlet.compile(tiny, tmp_path / "out", build=False, max_ram="1M", max_flash="1M")


def test_the_arrays_of_all_pictures_count(tmp_path: Path) -> None:
    """What they leave is for the workspace, which is one picture's."""
    nodes = """
        a = Conv (x, w1)
        b = Conv <pads = [2, 2, 2, 2]> (a, w2)
        c = Conv <pads = [2, 2, 2, 2]> (b, w2)
        y = Conv (c, w3)"""
    weights = {"w1": (12, 3, 1, 1), "w2": (12, 12, 5, 5), "w3": (3, 12, 1, 1)}
    path = save(graph(nodes, ("N", 3, 40, 40), **weights), tmp_path)
    how = {"target": "portable", "library": False, "batch": 8}
    free = compile_onnx(path, tmp_path / "free", **how).description.workspace_bytes
    most = 8 * 2 * 4 * 3 * 40 * 40 + free * 3 // 4
    saved = compile_onnx(path, tmp_path / "saved", max_ram=most, **how).description
    assert saved.workspace_bytes <= free * 3 // 4


def test_inputs_of_bytes_count_as_bytes(tmp_path: Path, pair: Pair) -> None:
    nodes = "a = Cast <to = 1> (x) y = ReduceMean <keepdims = 0> (a)"
    model = save(graph(nodes, {"x:uint8": (1, 100, 100, 3)}), tmp_path)
    with pytest.raises(MartletError, match=r"of workspace, 30,004 of inputs and outputs"):
        compile_onnx(model, tmp_path / "out", library=False, max_ram=30_000)
