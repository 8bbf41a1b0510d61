import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


def test_a_pattern_lists_a_picture_once(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "a/in/2.jpg", "a/in/deep/3.jpg")
    expected = [tmp_path / name for name in ("a/1.jpg", "a/in/2.jpg", "a/in/deep/3.jpg")]
    assert find_sources([f"{tmp_path}/a/**"]) == expected
    assert find_sources([expected[0], f"{tmp_path}/a/1*"]) == [expected[0]] * 2  # given twice


def test_a_pattern_leaves_out_what_a_folder_does_unless_it_names_it(tmp_path: Path) -> None:
    fill(tmp_path, "in/1.jpg", "in/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "in/.kept/2.jpg")
    for pattern in ("**/*.jpg", "in/*", "in/**"):
        assert find_sources([f"{tmp_path}/{pattern}"]) == [tmp_path / "in/1.jpg"]
    thumbnail = tmp_path / "in/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg"
    assert find_sources([f"{tmp_path}/in/@eaDir/*/*"]) == [thumbnail]
    assert find_sources([f"{tmp_path}/in/.k*/*"]) == [tmp_path / "in/.kept/2.jpg"]
    with pytest.raises(MartletError, match="no file matches"):
        find_sources([f"{tmp_path}/in/@*"])


def test_an_empty_folder_that_a_pattern_matches_is_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "photos/1.jpg", "photos/notes/x.txt")
    assert find_sources([f"{tmp_path}/photos/*"]) == [tmp_path / "photos/1.jpg"]
    with pytest.raises(MartletError, match=r"notes\*' matches folders alone, and they hold no pic"):
        find_sources([f"{tmp_path}/photos/notes*"])


def test_a_name_that_no_file_can_have_is_its_own_answer(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    long = tmp_path / (300 * "n")
    assert find_sources([long, tmp_path / "a.jpg"]) == [long, tmp_path / "a.jpg"]
    with pytest.raises(MartletError, match="cannot be read"):
        image_of(long)


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", "http://x/y.png", "s3://b/k"])
def test_addresses_are_refused(address: str) -> None:
    for given in (address, Path(address)):
        sentence = f"^'{address}' is an address on the net, and nothing is downloaded; fetch it"
        with pytest.raises(MartletError, match=sentence):
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


@pytest.mark.parametrize("given", [5, None, b"bytes", [PIXELS], SimpleNamespace(shape=(7, 5, 3))])
def test_they_are_refused_by_every_way_to_a_picture(given: object) -> None:
    sentence = "pictures: .* is not accepted; give a path, a PIL picture"
    with pytest.raises(MartletError, match=sentence):
        image_of(given)
    with pytest.raises(MartletError, match=sentence):
        Preprocess(size=32)(given)


class Lazy(Image.Image):
    """Notes whether two threads read it at once: each waits for the other for a while."""

    def __init__(self) -> None:
        super().__init__()
        whole = Image.fromarray(PIXELS)
        self.im, self._mode, self._size = whole.im, whole.mode, whole.size
        self.meeting = threading.Barrier(2)
        self.at_once = False

    def load(self) -> Any:
        try:
            self.meeting.wait(timeout=0.2)
            self.at_once = True
        except threading.BrokenBarrierError:
            pass
        return super().load()


def test_one_picture_given_twice_is_read_by_one_thread_at_a_time() -> None:
    source = Lazy()
    with ThreadPoolExecutor(2) as pool:
        for image in pool.map(image_of, [source, source]):
            assert np.array_equal(np.asarray(image), PIXELS)
    assert not source.at_once


def test_names(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded().getvalue())
    assert name_of(path) == str(path)
    with path.open("rb") as file, Image.open(path) as image:
        assert name_of(file) == name_of(image) == str(path)
    assert name_of(PIXELS, "picture 3") == "picture 3"
