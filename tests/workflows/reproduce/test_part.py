"""The fixed part of a data set: the same wherever it lies, and no picture in both parts."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.workflows.reproduce.experiment import Size
from martlet.workflows.reproduce.part import choose_part

SIZE = Size(name="small", train=3, test=2)


def fill(folder: Path, first: int, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(first, first + count):
        pixels = np.full((4, 4, 3), number, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    for number, label in enumerate(("cat", "dog")):
        fill(tmp_path / "set" / "train" / label, 100 * number, 8)
        fill(tmp_path / "set" / "test" / label, 100 * number + 50, 4)
    return tmp_path / "set"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_class_gives_as_many_pictures_of_each_part(parted: Path, tmp_path: Path) -> None:
    part = choose_part(parted, SIZE, tmp_path / "work")
    listed = rows(part.data)
    assert (part.train, part.test) == (6, 4)
    for label in ("cat", "dog"):
        for name, count in (("train", 3), ("test", 2)):
            mine = [row for row in listed if row["label"] == label and row["part"] == name]
            assert len(mine) == count
            assert all(row["path"].startswith(f"{name}/{label}/") for row in mine)


def test_it_is_chosen_by_content_alone(parted: Path, tmp_path: Path) -> None:
    first = choose_part(parted, SIZE, tmp_path / "work")
    shutil.copytree(parted, tmp_path / "elsewhere")
    for number, path in enumerate(sorted((tmp_path / "elsewhere").rglob("*.png"))):
        path.rename(path.with_name(f"other{number}.png"))
    second = choose_part(tmp_path / "elsewhere", SIZE, tmp_path / "work2")
    assert second.digest == first.digest
    fill(parted / "train" / "emu", 200, 8)
    fill(parted / "test" / "emu", 250, 4)
    assert choose_part(parted, SIZE, tmp_path / "work").digest != first.digest


def test_a_picture_is_in_one_part_alone(parted: Path, tmp_path: Path) -> None:
    for path in (parted / "train" / "cat").iterdir():  # test/ now holds all of train/, too
        shutil.copy(path, parted / "test" / "cat")
    listed = rows(choose_part(parted, SIZE, tmp_path / "work").data)
    contents = [(parted / row["path"]).read_bytes() for row in listed]
    assert len(set(contents)) == len(contents)


def test_a_folder_without_parts_is_divided(tmp_path: Path) -> None:
    for number, label in enumerate(("cat", "dog")):
        fill(tmp_path / "set" / label, 100 * number, 5)
    part = choose_part(tmp_path / "set", SIZE, tmp_path / "work")
    assert (part.train, part.test) == (6, 4)
    paths = [row["path"] for row in rows(part.data)]
    assert len(set(paths)) == 10


def test_data_that_train_divides_itself_are_known_by_their_files(tmp_path: Path) -> None:
    scene = tmp_path / "scene.mat"
    scene.write_bytes(b"1234")
    whole = Size(name="small")
    part = choose_part(scene, whole, tmp_path / "work")
    assert part.data == scene
    assert part.train == 0
    scene.write_bytes(b"12345")
    assert choose_part(scene, whole, tmp_path / "work").digest != part.digest


def test_files_that_are_named_are_taken_and_others_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "scene.mat").write_bytes(b"1234")
    (tmp_path / "truth.mat").write_bytes(b"12")
    size = Size(name="small", files={"data": "scene.mat", "labels": "truth.mat"})
    part = choose_part(tmp_path, size, tmp_path / "work")
    assert part.data == tmp_path / "scene.mat"
    assert part.options == {"labels": tmp_path / "truth.mat"}
    (tmp_path / "another.mat").write_bytes(b"1")
    assert choose_part(tmp_path, size, tmp_path / "work").digest == part.digest
    (tmp_path / "truth.mat").unlink()
    with pytest.raises(
        MartletError, match=r"has no truth\.mat, which this experiment takes as lab"
    ):
        choose_part(tmp_path, size, tmp_path / "work")


def test_a_list_is_of_the_files_as_they_are_called(parted: Path, tmp_path: Path) -> None:
    first = choose_part(parted, SIZE, tmp_path / "work")
    for number, path in enumerate(sorted(parted.rglob("*.png"))):
        path.rename(path.with_name(f"other{number}.png"))
    second = choose_part(parted, SIZE, tmp_path / "work")
    assert second.digest == first.digest
    assert all((parted / row["path"]).exists() for row in rows(second.data))


def test_content_counts_and_hidden_files_and_results_do_not(tmp_path: Path) -> None:
    size = Size(name="small")
    (tmp_path / "set").mkdir()
    scene, own = tmp_path / "set" / "scene.mat", tmp_path / "set" / "reproduced"
    scene.write_bytes(b"1234")
    digest = choose_part(tmp_path / "set", size, own / "work").digest
    (tmp_path / "set" / ".DS_Store").write_bytes(b"x")
    own.mkdir()
    (own / "runs.csv").write_text("a row")
    assert choose_part(tmp_path / "set", size, own / "work").digest == digest
    scene.write_bytes(b"1235")  # of the same size
    assert choose_part(tmp_path / "set", size, own / "work").digest != digest


def test_what_does_not_fit_is_told(parted: Path, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("x")
    with pytest.raises(MartletError, match=r"a_file is a file; give the folder of the data set"):
        choose_part(tmp_path / "a_file", SIZE, tmp_path / "work")
    with pytest.raises(
        MartletError, match=r"a_file.work cannot be written \(.*; give another --fo"
    ):
        choose_part(parted, SIZE, tmp_path / "a_file" / "work")
    with pytest.raises(MartletError, match=r"^data=.*none is not there; give the folder"):
        choose_part(tmp_path / "none", SIZE, tmp_path / "work")
    for path in list((parted / "test" / "dog").iterdir())[1:]:
        path.unlink()
    with pytest.raises(
        MartletError, match=r"has 1 pictures of 'dog' for test, and size small takes 2 of each"
    ):
        choose_part(parted, SIZE, tmp_path / "work")
    (tmp_path / "empty" / "one").mkdir(parents=True)
    with pytest.raises(MartletError, match=r"has no two folders of pictures, one a class"):
        choose_part(tmp_path / "empty", SIZE, tmp_path / "work")
