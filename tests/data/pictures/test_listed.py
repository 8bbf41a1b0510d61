"""A list of pictures is as good as a folder of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.api.evaluate import evaluate
from martlet.api.predict import predict
from martlet.api.train import train
from martlet.data.cache import PixelCache
from martlet.data.pictures.list_file import Columns
from martlet.data.pictures.listed import scan_list
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import Listing, scan
from martlet.data.split import split_samples
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.workflows.run_folder import Run

HEAD = "file,class,patient,split\n"


def listing(tmp_path: Path, content: str, min_classes: int = 2, **columns: str) -> Listing:
    (tmp_path / "list.csv").write_text(content)
    return scan_list(tmp_path / "list.csv", Columns(**columns), min_classes=min_classes)


def test_columns_are_understood_and_said(tmp_path: Path) -> None:
    rows = "b.jpg,dog,p2,Training\na.jpg,cat,p1,train\nc.jpg,cat,,validation\nc.jpg,cat,,dev\n"
    found = listing(tmp_path, HEAD + rows + "d.jpg,,p3,test\n,dog,p3,test\n")
    assert found.classes == ("cat", "dog")
    assert [tuple(picture) for picture in found.pictures] == [
        ("a.jpg", 0, "train", "p1"),
        ("b.jpg", 1, "train", "p2"),
        ("c.jpg", 0, "val", ""),
    ]
    assert list(found.notes) == [
        "The list has paths in 'file', labels in 'class', groups in 'patient', parts in 'split'.",
        "Rows without a path, left out: 1, such as 7.",
        "Rows without a label, left out: 1, such as 6.",
        "Rows that stand there twice, counted once: 1.",
        "2 groups, each kept in one part.",
        "Pictures without a group, each by itself: 1.",
        "Classes without a picture in val: 'dog'.",
    ]


def test_a_column_of_numbered_folds_is_no_part(tmp_path: Path) -> None:
    found = listing(tmp_path, "path,label,fold\na,x,0\nb,y,1\n")
    assert {picture.part for picture in found.pictures} == {None}
    assert "Column 'fold' holds no parts ('0', '1'): not used." in found.notes


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a,cat,,\nb,dog,,eval\n", "has the part 'eval' in row 3; accepted are train, val and"),
        ("a,cat,,train\nb,dog,,\n", "says the part of some pictures, and not that in row 3"),
        ("a,cat,,val\nb,dog,,test\n", "has no train part, only val and test"),
        ("a,cat,,\nb,cat,,\n", "holds one class, 'cat'; at least 2 are needed"),
        ("a,cat,,\nb,dog,,\na,dog,,\n", "gives 'a' two labels, 'cat' in row 2 and 'dog' in row 4"),
        ("a,,,\n", "has no row with a path and a label"),
    ],
)
def test_what_is_unclear_is_a_sentence(tmp_path: Path, rows: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        listing(tmp_path, HEAD + rows)


def test_a_test_part_alone_is_enough_to_evaluate(tmp_path: Path) -> None:
    assert listing(tmp_path, HEAD + "a,cat,,test\n", min_classes=1).pictures[0].part == "test"


def test_groups_are_the_caches_and_missing_files_are_bad_ones(tmp_path: Path) -> None:
    for number in range(3):
        pixels = np.full((8, 8, 3), 80 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    rows = f"0.png,a,p,\n1.png,b,,\n{tmp_path}/2.png,b,p,\ngone.png,b,p,\n"
    found = listing(tmp_path, HEAD + rows)
    cache = PixelCache.build(found, Preprocess(8), folder=tmp_path / "cache", max_bad=0.3)
    assert len(cache) == 3
    assert sorted(cache.groups or ()) == ["1.png", "p", "p"]
    assert [bad.path for bad in cache.bad] == ["gone.png"]
    assert cache.bad[0].reason == "cannot be read (No such file or directory)"
    assert cache.odd[0].startswith("The list has paths in 'file'")
    with pytest.raises(MartletError, match="1 of 4 pictures cannot be read, more than max_bad=0"):
        PixelCache.build(found, Preprocess(8), folder=tmp_path / "cache")


@pytest.mark.slow
def test_a_list_trains_to_the_weights_of_its_folder(
    tmp_path: Path, photos: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    pictures, classes = scan(photos).pictures, scan(photos).classes
    rows = [f"{p.path},{classes[p.label]}" for p in reversed(pictures)]
    (tmp_path / "list.csv").write_text("\n".join(["where,label", *rows]))
    common = {"model": "shufflenet_v2_x0_5", "epochs": 1, "image_size": 16, "workers": 0}
    common |= {"folder": tmp_path / "runs", "quiet": True}
    folder: Run = train(photos, name="folder", **common)
    words = ["train", tmp_path / "list.csv", "--name", "list", "--folder", tmp_path / "runs"]
    words += ["--model", "shufflenet_v2_x0_5", "--epochs", 1, "--image-size", 16, "--workers", 0]
    code, _, said = call(*words, "--path-column", "where", "--root", photos)
    assert code == 0, said
    assert "The list has paths in 'where', labels in 'label'." in said
    one, other = (
        checkpoint.load(tmp_path / f"runs/{n}/model.safetensors") for n in ("folder", "list")
    )
    assert all((one[0][name] == other[0][name]).all() for name in one[0])
    assert one[1].split == other[1].split

    options = {"path_column": "where", "root": photos}
    scored = evaluate(folder.folder, tmp_path / "list.csv", **options, quiet=True)
    assert scored["top1"] == folder.metrics["top1"]
    answers = predict(folder.folder, tmp_path / "list.csv", **options)
    assert [answer.path for answer in answers] == [f"{photos}/{p.path}" for p in reversed(pictures)]
    with pytest.raises(MartletError, match="path_column='where' is about a list of pictures"):
        evaluate(folder.folder, photos, path_column="where", quiet=True)


def test_a_group_in_two_parts_is_refused(tmp_path: Path) -> None:
    found = listing(tmp_path, HEAD + "0,a,p,train\n1,b,q,train\n2,a,p,test\n3,b,r,test\n")
    columns = zip(*((p.label, p.path, p.part, p.group or "") for p in found.pictures), strict=True)
    labels, names, parts, groups = (list(column) for column in columns)
    with pytest.raises(MartletError, match="1 pictures have their group, or content, in another"):
        split_samples(labels, names, parts, paths=names, groups=groups)
