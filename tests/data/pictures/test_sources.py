import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.sources import find_sources, image_of, name_of
from martlet.errors import MartletError

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)


def fill(root: Path, *names: str) -> Path:
    """Empty files: finding looks at names only."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def encoded() -> io.BytesIO:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG")
    stream.seek(0)
    return stream


def test_files_and_folders_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "in/b.jpg", "in/deep/c.png", "in/a.jpg", "in/x.txt", "single.dat", "none/x.txt")
    fill(tmp_path, "in/@eaDir/b.jpg/SYNOPHOTO_THUMB_M.jpg")
    found = find_sources([tmp_path / "single.dat", tmp_path / "in", tmp_path / "missing.jpg"])
    names = ["single.dat", "in/a.jpg", "in/b.jpg", "in/deep/c.png", "missing.jpg"]
    assert found == [tmp_path / name for name in names]
    with pytest.raises(MartletError, match="none' holds no pictures"):
        find_sources([tmp_path / "none"])


def test_patterns(tmp_path: Path) -> None:
    fill(tmp_path, "a/2.jpg", "a/1.jpg", "a/3.png", "b/deep/1.jpg", "img[1].jpg")
    assert find_sources([f"{tmp_path}/a/*.jpg"]) == [tmp_path / "a/1.jpg", tmp_path / "a/2.jpg"]
    assert find_sources([f"{tmp_path}/?"])[-1] == tmp_path / "b/deep/1.jpg"
    assert find_sources([f"{tmp_path}/**/deep/*"]) == [tmp_path / "b/deep/1.jpg"]
    assert find_sources([f"{tmp_path}/img[1].jpg"]) == [tmp_path / "img[1].jpg"]  # it is there
    with pytest.raises(MartletError, match=r"no file matches '.*\*\.gif'"):
        find_sources([f"{tmp_path}/*.gif"])


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", "http://x/y.png", "s3://b/k"])
def test_addresses_are_refused(address: str) -> None:
    for given in (address, Path(address)):
        with pytest.raises(MartletError, match="nothing is downloaded; fetch it first"):
            find_sources([given])


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    stream = encoded()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream, isatty=lambda: False))
    (source,) = find_sources(["-"])
    assert np.array_equal(np.asarray(image_of(source)), PIXELS)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream, isatty=lambda: True))
    with pytest.raises(MartletError, match="'-' is standard input, and no picture is piped"):
        find_sources(["-"])
    fill(tmp_path, "-")
    assert find_sources(["-"]) == [Path("-")]


def test_pictures_in_memory_are_what_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded().getvalue())
    expected = Preprocess(size=6)(path)
    opened = Image.open(io.BytesIO(path.read_bytes()))  # not yet decoded
    with path.open("rb") as file:
        for source in (Image.fromarray(PIXELS), opened, PIXELS, PIXELS[:, ::-1][:, ::-1], file):
            assert np.array_equal(Preprocess(size=6)(source), expected)
    assert np.array_equal(Preprocess(size=6)(encoded()), expected)


def test_gray_and_transparent_arrays() -> None:
    for gray in (PIXELS[..., 0], PIXELS[..., :1]):
        assert np.array_equal(np.asarray(image_of(gray)), PIXELS[..., [0, 0, 0]])
    clear = np.dstack([PIXELS, np.zeros((7, 5), np.uint8)])
    assert np.asarray(image_of(clear)).min() == 255


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            PIXELS.astype(np.float32),
            r"float32 and shape \(7, 5, 3\) is not accepted; give uint8",
        ),
        (PIXELS.transpose(2, 0, 1), r"shape \(3, 7, 5\) is not accepted"),
        (PIXELS[:0], "is not accepted"),
        (PIXELS[None], "is not accepted"),
        (io.StringIO("x"), "not open for reading bytes"),
        (io.BytesIO(b""), "is empty"),
        (io.BytesIO(b"hello"), "is not a picture"),
    ],
)
def test_what_is_no_picture_says_why(source: object, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        image_of(source)


def test_a_picture_that_was_cut_or_closed() -> None:
    content = encoded().getvalue()
    with pytest.raises(MartletError, match="is damaged"):
        image_of(Image.open(io.BytesIO(content[:-30])))
    closed = encoded()
    closed.close()
    with pytest.raises(MartletError, match="cannot be read"):
        image_of(closed)


@pytest.mark.parametrize("given", [5, None, b"bytes", [PIXELS]])
def test_other_things_are_refused_at_once(given: object) -> None:
    with pytest.raises(MartletError, match="is not accepted; give a path, a PIL picture"):
        find_sources([given])


def test_names(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded().getvalue())
    assert name_of(path) == str(path)
    with path.open("rb") as file, Image.open(path) as image:
        assert name_of(file) == name_of(image) == str(path)
    assert name_of(PIXELS, "picture 3") == "picture 3"
